"""The image: what its Dockerfile promises can be read from it, and what runs in it finds all it imports."""

import ast
import re
import subprocess
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from scripts.shared.image_digest import SINGLE_FILES, SOURCES

ROOT = Path(__file__).resolve().parents[2]
DOCKERFILE = ROOT / "Dockerfile"
SECRET = re.compile(r"KEY|TOKEN|SECRET|PASSWORD|CREDENTIAL|AUTH", re.IGNORECASE)


def instructions() -> list[tuple[str, str]]:
    """(instruction, its arguments on one line) in the order of the file."""
    lines = [line for line in DOCKERFILE.read_text().splitlines() if line.strip() and not line.lstrip().startswith("#")]
    joined = re.sub(r"\\\n\s*", " ", "\n".join(lines))
    return [(line.split(maxsplit=1)[0], line.split(maxsplit=1)[1]) for line in joined.splitlines()]


def final_stage() -> list[tuple[str, str]]:
    """Instructions after the last FROM."""
    every = instructions()
    start = max(index for index, (name, _) in enumerate(every) if name == "FROM")
    return every[start + 1 :]


def arguments_of(name: str, stage: list[tuple[str, str]]) -> list[str]:
    return [arguments for instruction, arguments in stage if instruction == name]


def final_environment() -> dict[str, str]:
    return dict(re.findall(r"(\w+)=(\S+)", " ".join(arguments_of("ENV", final_stage()))))


def locked(lock: str) -> set[str]:
    """Names of the packages in one lock."""
    return set(re.findall(r"^([a-z0-9-]+)==", (ROOT / "requirements" / lock).read_text(), re.MULTILINE))


def test_hadolint_finds_nothing() -> None:
    hadolint = Path(sys.executable).with_name("hadolint")
    assert hadolint.exists(), "hadolint is missing; expected it in .venv: make setup"
    answer = subprocess.run([hadolint, DOCKERFILE], capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stdout + answer.stderr


def test_it_runs_as_a_user_that_is_not_root() -> None:
    """By number: ECS and Kubernetes cannot tell from a name that it is not root."""
    assert arguments_of("USER", final_stage())[-1] == "10001:10001"


def test_every_stage_names_the_version_of_its_base() -> None:
    for base in arguments_of("FROM", instructions()):
        assert re.match(r"[\w./-]+:\d[\w.-]+", base), f"FROM {base}: expected a version as tag"


def test_packages_are_installed_by_hash_and_never_built() -> None:
    """A source build would run code that no hash of this repository covers."""
    runs = " && ".join(arguments_of("RUN", instructions()))
    installs = [command for command in runs.split("&&") if re.search(r"\bpip (install|sync)\b", command)]
    assert len(installs) == 2
    for install in installs:
        assert "--require-hashes" in install
        assert "--only-binary :all:" in install or "--no-build" in install


def test_no_argument_or_variable_holds_a_secret() -> None:
    """What is in ARG or ENV can be read by whoever can pull the image."""
    named = " ".join(arguments_of("ENV", instructions()) + arguments_of("ARG", instructions()))
    assert not SECRET.search(named)


def test_the_task_definition_says_the_whole_command() -> None:
    assert not arguments_of("ENTRYPOINT", instructions())
    assert len(arguments_of("CMD", final_stage())) == 1


def test_all_that_is_written_goes_to_the_declared_volume() -> None:
    """With a read-only root; and nothing written to the volume's path after its declaration would be kept."""
    order = [name for name, _ in final_stage()]
    assert arguments_of("VOLUME", final_stage()) == ["/tmp"]  # noqa: S108
    assert "RUN" not in order[order.index("VOLUME") :]
    assert final_environment()["HOME"] == "/tmp"  # noqa: S108
    assert final_environment()["PREFECT_HOME"].startswith("/tmp/")  # noqa: S108


def test_code_is_found_from_the_working_directory() -> None:
    """Deployments name their entrypoint relative to it, and flows import each other from it."""
    assert arguments_of("WORKDIR", final_stage()) == ["/opt/data-flows"]
    assert final_environment()["PYTHONPATH"] == "/opt/data-flows"
    assert final_environment()["PATH"].startswith("/opt/venv/bin:")


def test_it_holds_what_the_digest_of_the_sources_covers() -> None:
    taken = {word.rstrip("/") for copy in arguments_of("COPY", instructions()) for word in copy.split()[:-1]}
    assert set(SOURCES) <= taken
    assert taken - {"--from=build", "/opt/venv", "requirements/uv.txt"} == {*SOURCES, *SINGLE_FILES} - {"Dockerfile"}


def test_any_builder_can_build_it() -> None:
    """Heredocs, mounts, links and a syntax line need BuildKit or a download of its frontend."""
    text = DOCKERFILE.read_text()
    assert not re.search(r"<<|--mount|--link|^#\s*syntax\s*=", text, re.MULTILINE)


def test_what_git_ignores_no_image_takes() -> None:
    def names(file: str) -> set[str]:
        lines = (ROOT / file).read_text().splitlines()
        return {line.removeprefix("**/").strip("/") for line in lines if line and not line.startswith("#")}

    assert names(".gitignore") <= names(".dockerignore")


def hidden_modules() -> list[str]:
    """Top-level modules that the tests' environment has and the image has not."""
    surplus = locked("dev.txt") - locked("runtime.txt")
    return [
        module
        for module, distributions in packages_distributions().items()
        if {re.sub(r"[._]", "-", name.lower()) for name in distributions} <= surplus
    ]


@pytest.mark.parametrize("package", ["flows", "scripts.register_flows", "scripts.registration"])
def test_what_runs_in_it_starts_without_the_tests_packages(package: str) -> None:
    program = f"""
import importlib, pkgutil, sys
sys.modules.update(dict.fromkeys({hidden_modules()!r}))
package = importlib.import_module({package!r})
for module in pkgutil.walk_packages(getattr(package, "__path__", []), package.__name__ + "."):
    importlib.import_module(module.name)
"""
    answer = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False)
    assert answer.returncode == 0, f"{package}: expected only packages of the image\n{answer.stderr}"


def test_what_flows_import_inside_their_tasks_is_in_it() -> None:
    for path in sorted((ROOT / "flows").rglob("*.py")):
        imported = set()
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                imported |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                imported.add(node.module.split(".")[0])
        missing = imported & set(hidden_modules())
        remedy = "`make add PKG=…`"
        assert not missing, f"{path.relative_to(ROOT)} imports {sorted(missing)}, which the image has not: {remedy}"
