"""One digest per content of the image, and under it exactly these files."""

import re

import pytest

from scripts.shared.environments import ROOT
from scripts.shared.image_digest import SOURCES, WORKING_TREE, image_digest, link_working_tree, source_files

FILES = {
    "Dockerfile": "FROM python",
    "requirements/runtime.txt": "prefect==3",
    "sitecustomize.py": "import os",
    "flows/__init__.py": "",
    "flows/load.py": "x = 1",
    "flows/shared/s3.py": "y = 2",
    "scripts/steps.py": "z = 3",
}
UNSEEN = ["flows/__pycache__/load.cpython-311.pyc", "flows/.load.py.swp", "scripts/.cache/x", "README.md", "tests/t.py"]


def write(root, name, text):
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    (root / name).write_text(text)


@pytest.fixture
def root(tmp_path):
    for name, text in FILES.items():
        write(tmp_path / "root", name, text)
    return tmp_path / "root"


def test_the_same_sources_have_the_same_digest_wherever_they_lie(root, tmp_path):
    for name, text in reversed(FILES.items()):
        write(tmp_path / "another", name, text)
    assert image_digest(root) == image_digest(tmp_path / "another")
    assert re.fullmatch("sha256:[0-9a-f]{64}", image_digest(root))


@pytest.mark.parametrize("name", FILES)
def test_a_changed_byte_in_any_file_changes_the_digest(root, name):
    before = image_digest(root)
    write(root, name, FILES[name] + "\n")
    assert image_digest(root) != before


@pytest.mark.parametrize("name", ["flows/load.py", "scripts/steps.py"])
def test_a_renamed_file_changes_the_digest(root, name):
    before = image_digest(root)
    (root / name).rename(root / name.replace(".py", "_2.py"))
    assert image_digest(root) != before


@pytest.mark.parametrize("name", ["flows/another.py", "scripts/deep/er.sql"])
def test_an_added_file_changes_the_digest_even_if_empty(root, name):
    before = image_digest(root)
    write(root, name, "")
    assert image_digest(root) != before


def test_content_moved_to_the_next_file_changes_the_digest(root):
    before = image_digest(root)
    write(root, "flows/__init__.py", FILES["flows/load.py"])
    write(root, "flows/load.py", "")
    assert image_digest(root) != before


@pytest.mark.parametrize("name", UNSEEN)
def test_what_is_not_in_the_image_does_not_change_the_digest(root, name):
    before = image_digest(root)
    write(root, name, "anything")
    assert image_digest(root) == before


def test_a_checkout_below_a_hidden_folder_is_read_all_the_same(root, tmp_path):
    before = image_digest(root)
    (tmp_path / ".work").mkdir()
    assert image_digest(root.rename(tmp_path / ".work" / "root")) == before


def test_the_image_of_this_repository_holds_flows_scripts_and_the_lock():
    names = {path.as_posix() for path in source_files(ROOT)}
    assert {
        "Dockerfile",
        "requirements/runtime.txt",
        "flows/shared/metrics.py",
        "scripts/shared/steps.py",
    } <= names
    assert {name.partition("/")[0] for name in names} == {
        "Dockerfile",
        "requirements",
        "sitecustomize.py",
        "flows",
        "scripts",
    }


def test_the_working_tree_has_one_name_whatever_is_edited_and_its_folder_shows_the_edit(root, tmp_path):
    digest = link_working_tree(tmp_path / "stack", root)
    [image] = (tmp_path / "stack" / "images").iterdir()
    assert digest == WORKING_TREE == f"sha256:{image.name}"
    write(root, "flows/load.py", "x = 2")
    assert link_working_tree(tmp_path / "stack", root) == digest
    assert (image / "flows" / "load.py").read_text() == "x = 2"


def test_of_the_working_tree_a_task_finds_only_what_the_image_has(root, tmp_path):
    for name in UNSEEN:
        write(root, name, "anything")
    link_working_tree(tmp_path, root)
    [image] = (tmp_path / "images").iterdir()
    assert sorted(path.name for path in image.iterdir()) == sorted([*SOURCES, "sitecustomize.py"])


def test_after_a_move_of_the_repository_its_own_files_are_run(root, tmp_path):
    link_working_tree(tmp_path / "moved" / "stack", root)
    moved = root.rename(tmp_path / "moved" / "root")
    link_working_tree(tmp_path / "moved" / "stack", moved)
    [image] = (tmp_path / "moved" / "stack" / "images").iterdir()
    assert (image / "flows" / "load.py").read_text() == FILES["flows/load.py"]


def test_the_agents_own_code_changes_the_digest_that_starts_it_again_and_a_flow_does_not(root):
    before = image_digest(root, ["scripts"])
    write(root, "flows/load.py", "x = 2")
    assert image_digest(root, ["scripts"]) == before
    write(root, "scripts/steps.py", "z = 4")
    assert image_digest(root, ["scripts"]) != before
