"""What is in the layers of the built image: whose it is, who may write it, and what has no business there."""

import re
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from conftest import FIGURES, timed
from engine import Engine

from scripts.shared.image_digest import HOOK, SOURCES, source_files

LEAST = 0.9  # Of the naive image, compressed.
# Tests in SQL are a flow's own, which run with it; certificates of authorities are public.
UNWANTED = re.compile(
    r"(^|/)(\.git|\.env|\.venv|\.cache|\.pytest_cache|\.mypy_cache|terraform|(uv|pip)\.(toml|conf))(/|$)|"
    r"\.(tfstate|tfplan|p8|pyi)$|(?<!/cacert)\.pem$|secrets\.env|^(root|build)/.|/tests/(?!.*\.sql$)."
)
SECRET = re.compile(rb"AKIA[0-9A-Z]{16}|-----BEGIN [A-Z ]*PRIVATE KEY-----\n[A-Za-z0-9+/=\n]{64}")


@pytest.fixture(scope="session")
def layers(engine: Engine, built: str, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """The image's layers as a registry has them, the lowest first."""
    return list(timed("export", engine.export, built, tmp_path_factory.mktemp("exported") / "built"))


@pytest.fixture(scope="session")
def members(layers: list[Path]) -> dict[str, tarfile.TarInfo]:
    """Every file that this repository's layers add to the base."""
    found = {}
    for layer in layers[1:]:
        with tarfile.open(layer) as archive:
            found |= {member.name.removeprefix("./"): member for member in archive}
    return found


def named(members: dict[str, tarfile.TarInfo], wanted: Callable[[str, tarfile.TarInfo], object]) -> list[str]:
    return [name for name, member in members.items() if wanted(name, member)]


def test_no_secret_cache_repository_or_test_is_in_any_layer(members: dict[str, tarfile.TarInfo]) -> None:
    assert named(members, lambda name, _: UNWANTED.search(name)) == []


def test_its_own_files_hold_nothing_that_looks_like_a_secret(layers: list[Path]) -> None:
    def found() -> Iterator[str]:
        for layer in layers[1:]:
            with tarfile.open(layer) as archive:
                for member in archive:
                    if member.isfile() and member.name.startswith("opt/data-flows/"):
                        content = archive.extractfile(member)
                        if content and SECRET.search(content.read()):
                            yield member.name

    assert list(found()) == []


def test_root_owns_every_file_and_nobody_else_may_write_one(members: dict[str, tarfile.TarInfo]) -> None:
    own = {name: each for name, each in members.items() if name.startswith("opt/")}
    assert len(own) > 1000
    assert named(own, lambda _, each: (each.uid, each.gid) != (0, 0)) == []
    assert named(own, lambda _, each: each.mode & 0o022 and not each.issym()) == []


def test_no_file_takes_the_rights_of_its_owner(members: dict[str, tarfile.TarInfo]) -> None:
    assert named(members, lambda _, each: each.isfile() and each.mode & 0o6000) == []


def test_it_holds_exactly_the_sources_that_its_digest_covers(members: dict[str, tarfile.TarInfo]) -> None:
    prefix = "opt/data-flows/"
    held = {name.removeprefix(prefix) for name, each in members.items() if name.startswith(prefix) and each.isfile()}
    sources = [path.as_posix() for path in source_files() if path.parts[0] in (*SOURCES, HOOK)]
    assert sorted(held) == sorted(sources)


def test_every_module_of_its_packages_and_of_the_standard_library_has_bytecode(
    members: dict[str, tarfile.TarInfo],
) -> None:
    def compiled(name: str) -> str:
        folder, _, file = name.rpartition("/")
        return f"{folder}/__pycache__/{file.removesuffix('.py')}.cpython-311.pyc"

    packages = named(members, lambda name, _: "/site-packages/" in name and name.endswith(".py"))
    assert len(packages) > 1000
    # A package's template of a file need be no Python.
    assert len([name for name in packages if compiled(name) not in members]) <= 5
    library = named(members, lambda name, _: re.fullmatch(r"usr/(local/)?lib/python3\.11/__pycache__/[^/]+\.pyc", name))
    assert {Path(name).name.partition(".")[0] for name in library} >= {"argparse", "typing", "ssl", "ast"}


def test_it_is_smaller_than_the_naive_image(
    engine: Engine, built: str, layers: list[Path], naive: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    def mebibytes(files: list[Path]) -> float:
        return sum(file.stat().st_size for file in files) / 2**20

    others = timed("export of the naive", engine.export, naive, tmp_path_factory.mktemp("exported") / "naive")
    own, other = mebibytes(layers), mebibytes(others)
    sizes = [engine.run("podman", "image", "inspect", "--format={{.Size}}", each) for each in (built, naive)]
    raw = [int(size) >> 20 for size in sizes]
    FIGURES["size"] = f"{own:.0f} MiB compressed, naive {other:.0f} ({own / other:.0%}); raw {raw[0]}, naive {raw[1]}"
    assert own <= LEAST * other
