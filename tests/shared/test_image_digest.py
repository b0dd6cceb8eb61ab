"""One digest per content of the image, and under it exactly these files."""

import re

import pytest

from scripts.shared.environments import ROOT
from scripts.shared.image_digest import image_digest, push_locally, source_files

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


def files(folder):
    """Content by path of everything below a folder."""
    return {path.relative_to(folder).as_posix(): path.read_text() for path in folder.rglob("*") if path.is_file()}


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


def test_a_push_copies_exactly_the_files_of_the_image_under_their_digest(root, tmp_path):
    for name in UNSEEN:
        write(root, name, "anything")
    digest = push_locally(tmp_path / "stack", root)
    assert digest == image_digest(root)
    [image] = (tmp_path / "stack" / "images").iterdir()
    assert image.name == digest.removeprefix("sha256:")
    assert files(image) == FILES


def test_a_second_push_leaves_the_image_as_it_is(root, tmp_path):
    """Tasks may run from it."""
    digest = push_locally(tmp_path, root)
    [image] = (tmp_path / "images").iterdir()
    before = image.stat().st_ino, (image / "flows" / "load.py").stat().st_mtime_ns
    assert push_locally(tmp_path, root) == digest
    assert before == (image.stat().st_ino, (image / "flows" / "load.py").stat().st_mtime_ns)


def test_an_edit_makes_another_image_and_leaves_the_first(root, tmp_path):
    push_locally(tmp_path, root)
    write(root, "flows/load.py", "x = 2")
    push_locally(tmp_path, root)
    assert sorted(files(image)["flows/load.py"] for image in (tmp_path / "images").iterdir()) == ["x = 1", "x = 2"]


def test_an_interrupted_push_is_made_good_by_the_next(root, tmp_path, monkeypatch):
    copied = []

    def interrupted(source, target):
        if len(copied) == 3:
            raise KeyboardInterrupt
        copied.append(target.write_text("half"))

    with monkeypatch.context() as patch:
        patch.setattr("shutil.copyfile", interrupted)
        with pytest.raises(KeyboardInterrupt):
            push_locally(tmp_path, root)
    assert copied
    assert not (tmp_path / "images" / image_digest(root).removeprefix("sha256:")).exists()
    write(tmp_path, f"images/{image_digest(root).removeprefix('sha256:')}.unfinished/flows/foreign.py", "left over")
    push_locally(tmp_path, root)
    [image] = (tmp_path / "images").iterdir()
    assert files(image) == FILES
