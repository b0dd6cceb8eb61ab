"""A library is added, removed or upgraded as a whole: file, locks and environment, or nothing of it."""

import shutil

import pytest
from wheelhouse import add_wheel

from scripts.libraries import changing
from scripts.libraries.changing import Change, change
from scripts.libraries.edits import edit
from scripts.libraries.summary import lines
from scripts.shared.lock_file import locked_versions
from scripts.shared.refusal import Refusal

FILES = {
    "flows.in": "# Yours: a line a library.\n",
    "runtime.in": "-r flows.in\nserver>=1,<2\n",
    "dev.in": "-r runtime.in\n-c runtime.txt\ntester>=1 # For tests.\n",
    "uv.in": "tool\n",
    "checkov.in": "scanner\n",
}


@pytest.fixture
def wheels(tmp_path, monkeypatch):
    """A folder in place of the package index."""
    folder = tmp_path / "wheels"
    folder.mkdir()
    add_wheel(folder, "server", "1.0", "base<3")
    for version in ("1.0", "2.0", "3.0"):
        add_wheel(folder, "base", version)
    add_wheel(folder, "shop", "1.0", "base>=1", "basket")
    add_wheel(folder, "modern", "1.0", "base>=3")
    for name in ("tester", "tool", "scanner", "basket"):
        add_wheel(folder, name, "1.0")
    monkeypatch.setenv("UV_NO_INDEX", "1")
    monkeypatch.setenv("UV_FIND_LINKS", str(folder))
    return folder


@pytest.fixture
def folder(tmp_path, wheels):
    """requirements/ of a repository of a few libraries, locked."""
    folder = tmp_path / "requirements"
    folder.mkdir()
    for name, text in FILES.items():
        (folder / name).write_text(text)
    for name in ("uv", "runtime", "dev", "checkov"):
        changing.resolve(folder, name)
    return folder


@pytest.fixture
def do(folder):
    """`do(action, library)` changes the folder; what changed. `do.installed` counts the installations."""

    def run(action, library="", **options):
        def install():
            run.installed += 1

        wanted = edit(action, library, folder=folder, **options)
        return change(wanted.files, wanted.locks, wanted.options, folder, options.get("install", install))

    run.installed = 0
    return run


def content(folder):
    return {path.name: path.read_text() for path in folder.iterdir()}


def test_a_library_of_flows_is_in_the_image_and_for_development_with_what_comes_along(do, folder):
    changes = do("add", "shop>=1")
    assert changes == [Change("image", "basket", "", "1.0"), Change("image", "shop", "", "1.0")]
    assert (folder / "flows.in").read_text() == f"{FILES['flows.in']}shop>=1\n"
    for lock in ("runtime", "dev"):
        assert {"shop", "basket"} <= set(locked_versions(folder / f"{lock}.txt"))
    assert do.installed == 1


def test_removed_again_everything_is_as_it_was(do, folder):
    before = content(folder)
    do("add", "shop")
    assert {each.name: each.new for each in do("remove", "shop")} == {"basket": "", "shop": ""}
    assert content(folder) == before


def test_a_library_for_development_is_not_in_the_image(do, folder):
    assert do("add", "basket", is_dev=True) == [Change("development", "basket", "", "1.0")]
    assert (folder / "dev.in").read_text() == FILES["dev.in"].replace("tester", "basket\ntester")
    assert "basket" not in locked_versions(folder / "runtime.txt")


def test_only_what_is_asked_for_is_upgraded(do, folder, wheels):
    add_wheel(wheels, "server", "1.5", "base<3")
    add_wheel(wheels, "tester", "1.5")
    assert do("add", "shop") != []
    assert locked_versions(folder / "runtime.txt")["server"] == "1.0"
    assert do("upgrade", "server") == [Change("image", "server", "1.0", "1.5")]
    assert do("upgrade") == [Change("development", "tester", "1.0", "1.5")]


@pytest.mark.parametrize(
    ("library", "said"),
    [
        ("modern", r"got a conflict: .*base.*modern.*\. Nothing is changed\.$"),
        ("server>=2", r"requirements/runtime\.in: got a conflict: .*server>=2.*\. Nothing is changed\.$"),
        (
            "nosuch",
            r"requirements/runtime\.in: got nosuch, which the package index does not have; expected the name of",
        ),
    ],
)
def test_a_conflict_or_an_unknown_library_is_one_sentence_and_changes_nothing(do, folder, library, said):
    before = content(folder)
    with pytest.raises(Refusal, match=said) as refused:
        do("add", library)
    assert refused.value.exit_code == 1
    assert "\n" not in str(refused.value)
    assert (content(folder), do.installed) == (before, 0)


@pytest.mark.parametrize("error", [Refusal("no room on the disk"), KeyboardInterrupt()], ids=["failed", "ctrl-c"])
def test_what_cannot_be_installed_is_put_back(do, folder, monkeypatch, error):
    before, tried = content(folder), []

    def install():
        tried.append(locked_versions(folder / "dev.txt").keys())
        raise error

    with pytest.raises(type(error)):
        change(edit("add", "shop", folder=folder).files, ("runtime", "dev"), (), folder, install)
    assert content(folder) == before
    # After a failure the environment is brought back as well; after Ctrl-C the next command does that.
    assert ["shop" in locked for locked in tried] == ([True, False] if isinstance(error, Refusal) else [True])


def test_the_summary_says_versions_what_came_along_and_what_the_image_grows_by(folder, do, monkeypatch):
    sizes = {"shop": 12.34, "basket": 1.0}
    monkeypatch.setattr(changing, "mebibytes", lambda name: sizes.get(name, 0.0))
    wanted = edit("add", "shop", folder=folder)
    changes = change(wanted.files, wanted.locks, (), folder, lambda: None)
    assert list(lines(wanted, changes)) == [
        "requirements/flows.in: shop",
        "  image        basket  + 1.0                       +1.0 MiB  comes along",
        "  image        shop    + 1.0                      +12.3 MiB",
        "The image changes by +13.3 MiB as installed here.",
    ]


def test_without_uv_s_index_it_is_told_that_nothing_could_be_looked_up(folder, do, wheels):
    shutil.rmtree(wheels)
    with pytest.raises(
        Refusal, match=r"requirements/runtime\.in: cannot be resolved: .* Nothing is changed\."
    ) as refused:
        do("add", "shop")
    assert refused.value.exit_code == 2
