"""A flow file is not imported again unless something that its import can see has changed."""

import pytest

from scripts.registration import loading
from scripts.registration.loading import Loading


@pytest.fixture
def root(tmp_path):
    root = tmp_path / "root"
    (root / "flows" / "shared").mkdir(parents=True)
    files = {"good": "from flows.shared import used\ndeployments = 1\n", "other": "deployments = 2\n"}
    for name in ("__init__", "shared/__init__", "shared/used", "shared/unused", *files):
        (root / "flows" / f"{name}.py").write_text(files.get(name, ""))
    return root


@pytest.fixture
def imported(root, tmp_path, monkeypatch):
    """Call it to load; returns the files that were imported for it, and keeps `loading` and its result `loaded`."""

    def run(environment="dev"):
        seen = []

        class Imports:
            def __init__(self, files, *_):
                self.files = files

            def stop(self):
                pass

            def answers(self):
                for file in self.files:
                    seen.append(file)
                    is_wrong = "deployments" not in (root / file).read_text()
                    found = {"flow_name": "good", "name": file}
                    yield file, {"problems": ["wrong"]} if is_wrong else {"deployments": [found], "problems": []}

        monkeypatch.setattr(loading, "Imports", Imports)
        with Loading(environment, root, tmp_path / "build" / "flows.json") as run.loading:
            run.loaded = run.loading.result()
        return seen

    return run


def test_unchanged_files_are_answered_as_before(imported):
    assert imported() == ["flows/good.py", "flows/other.py"]
    before = imported.loaded
    assert imported() == []
    assert imported.loaded == before


def test_a_changed_file_or_what_it_imports_is_imported_again_and_no_other(root, imported):
    imported()
    (root / "flows/shared/used.py").write_text("x = 1\n")
    assert imported() == ["flows/good.py"]
    (root / "flows/shared/unused.py").write_text("x = 1\n")
    assert imported() == []


def test_a_changed_body_of_a_flow_changes_its_digest_and_needs_no_import(root, imported):
    file, head = root / "flows/good.py", "from prefect import flow\nfrom flows.shared import used\n"
    text = f"{head}@flow\ndef good():\n    return 1\ndeployments = 1\n"
    file.write_text(text)
    imported()
    before, closures = imported.loaded, imported.loading.closures
    file.write_text(text.replace("return 1", "return 2"))
    assert imported() == []
    assert imported.loaded.deployments == before.deployments
    assert imported.loading.closures["flows/good.py"] != closures["flows/good.py"]
    file.write_text(text.replace("def good()", "def good(x)"))
    assert imported() == ["flows/good.py"]


def test_another_environment_python_or_rule_is_another_import(imported, monkeypatch):
    imported()
    assert len(imported("prod")) == 2
    imported()
    monkeypatch.setattr(loading.platform, "python_version", lambda: "9.9.9")
    assert len(imported()) == 2


def test_what_was_wrong_is_looked_at_again(root, imported, tmp_path):
    (root / "flows/good.py").write_text("x = 1\n")
    imported()
    assert imported() == ["flows/good.py"]
    assert imported.loaded.problems == ["flows/good.py: wrong"]
    with Loading("dev", root, tmp_path / "build" / "flows.json") as loading:
        assert [each["file"] for each in loading.unchanged()] == ["flows/other.py"]


def test_a_memory_that_cannot_be_read_or_written_is_none(imported, tmp_path):
    (tmp_path / "build").mkdir()
    (tmp_path / "build" / "flows.json").write_text("{")
    assert len(imported()) == 2
    assert imported() == []
    (tmp_path / "build" / "flows.json").unlink()
    (tmp_path / "build").rmdir()
    (tmp_path / "build").write_text("no folder")
    assert len(imported()) == 2
    assert imported.loaded.problems == []
