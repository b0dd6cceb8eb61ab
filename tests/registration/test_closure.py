"""A change reaches exactly the flows that can run it."""

import pytest

from scripts.registration.closure import Sources, as_label, changed_files, digest_of

FILES = {
    "flows/__init__.py": "",
    "flows/shared/__init__.py": "",
    "flows/shared/deep/__init__.py": "from flows.shared.deep.inner import x\n",
    "flows/shared/deep/inner.py": "x = 1\n",
    "flows/shared/alone.py": "",
    "flows/shared/relative.py": "from . import alone\n",
    "flows/shared/circle.py": "import flows.ring\n",
    "flows/ring.py": "import flows.shared.circle\n",
    "flows/shared/unused.py": "",
    "scripts/__init__.py": "",
    "scripts/helper.py": "",
}
CASES = {
    "import flows.shared.alone": {"alone"},
    "import flows.shared.alone as a, json": {"alone"},
    "from flows.shared import alone, unknown": {"alone"},
    "from flows.shared.alone import whatever": {"alone"},
    "from .shared import alone": {"alone"},
    "from .shared.alone import x": {"alone"},
    "from flows.shared.relative import x": {"relative", "alone"},
    "from flows.shared import deep": {"deep/__init__", "deep/inner"},
    "def later():\n    from flows.shared import alone": {"alone"},
    "if False:\n    from flows.shared import alone": {"alone"},
    "import importlib\nimportlib.import_module('flows.shared.alone')": {"alone"},
    "__import__('flows.shared.alone')": {"alone"},
    "import os, prefect, flows.nowhere": set(),
}


@pytest.fixture
def sources(tmp_path):
    """`sources(**flow files)` reads the repository anew, as each registration does."""

    def write(**flows):
        files = FILES | {f"flows/{name}.py": text for name, text in flows.items()}
        for path, text in files.items():
            (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
            if not (tmp_path / path).exists() or path not in FILES:
                (tmp_path / path).write_text(text)
        return Sources(tmp_path)

    return write


@pytest.mark.parametrize("text", CASES)
def test_every_way_to_import_is_followed_to_its_files(sources, text):
    packages = {"flows/__init__.py", "flows/shared/__init__.py"} if CASES[text] else {"flows/__init__.py"}
    expected = {"flows/a.py", *packages, *(f"flows/shared/{name}.py" for name in CASES[text])}
    found = set(sources(a=text).closure("flows/a.py"))
    assert found - {"flows/__init__.py"} == expected - {"flows/__init__.py"}


def test_a_circle_of_imports_ends(sources):
    assert {"flows/ring.py", "flows/shared/circle.py"} <= set(sources(a="import flows.ring").closure("flows/a.py"))


def test_other_code_of_the_repository_counts_too(sources):
    assert "scripts/helper.py" in sources(a="from scripts import helper").closure("flows/a.py")


def test_a_file_that_is_no_python_has_itself_only(sources):
    assert set(sources(a="def broken(:").closure("flows/a.py")) == {"flows/a.py"}


def test_data_files_belong_to_every_flow(sources, tmp_path):
    repository = sources(a="", b="")
    before = digest_of(repository.closure("flows/a.py"))
    (tmp_path / "flows" / "shared" / "query.sql").write_text("SELECT 1")
    (tmp_path / "flows" / "__pycache__").mkdir()
    (tmp_path / "flows" / "__pycache__" / "a.pyc").write_text("no source")
    closure = sources(a="", b="").closure("flows/a.py")
    assert "flows/shared/query.sql" in closure
    assert not [path for path in closure if "pycache" in path]
    assert digest_of(closure) != before


def test_a_changed_file_changes_exactly_the_flows_that_import_it(sources, tmp_path):
    flows = {"a": "from flows.shared import relative", "b": "from flows.shared import alone", "c": "import os"}
    before = {name: digest_of(sources(**flows).closure(f"flows/{name}.py")) for name in flows}
    (tmp_path / "flows/shared/relative.py").write_text("from . import alone  # changed\n")
    after = {name: digest_of(sources(**flows).closure(f"flows/{name}.py")) for name in flows}
    assert [name for name in flows if before[name] != after[name]] == ["a"]
    (tmp_path / "flows/shared/alone.py").write_text("changed = 1\n")
    last = {name: digest_of(sources(**flows).closure(f"flows/{name}.py")) for name in flows}
    assert [name for name in flows if after[name] != last[name]] == ["a", "b"]


def test_the_files_that_changed_are_named(sources, tmp_path):
    label = as_label(sources(a="from flows.shared import alone, relative").closure("flows/a.py"))
    (tmp_path / "flows/shared/alone.py").write_text("changed = 1\n")
    closure = sources(a="from flows.shared import alone, deep").closure("flows/a.py")
    assert changed_files(closure, label) == [
        "flows/a.py", "flows/shared/alone.py", "flows/shared/deep/__init__.py", "flows/shared/deep/inner.py",
        "flows/shared/relative.py",
    ]  # fmt: skip
    assert changed_files(closure, as_label(closure)) == []


def test_a_file_is_parsed_once_for_all_runs_and_again_when_it_changes(tmp_path, sources, monkeypatch):
    sources(a="from flows.shared import alone")
    remembered = {}
    first = Sources(tmp_path, remembered).closure("flows/a.py")
    with monkeypatch.context() as patch:
        patch.setattr("ast.parse", None)
        assert Sources(tmp_path, remembered).closure("flows/a.py") == first
    sources(a="from flows.shared import deep")
    assert "flows/shared/deep/inner.py" in Sources(tmp_path, remembered).closure("flows/a.py")


def test_a_closure_is_held_until_one_of_its_files_changes_or_goes(sources, tmp_path):
    closure = sources(a="from flows.shared import alone\n").closure("flows/a.py")
    assert Sources(tmp_path).holds(closure)
    (tmp_path / "flows" / "shared" / "alone.py").write_text("x = 1\n")
    assert not Sources(tmp_path).holds(closure)
    (tmp_path / "flows" / "shared" / "alone.py").unlink()
    assert not Sources(tmp_path).holds(closure)
