"""Imports of flow files are held against what the image holds, wherever they stand and however they are written."""

import pytest

from scripts.registration.flow_libraries import library_problems

LOCK = "pyyaml==6 \\\n    --hash=sha256:00\nnot-installed-here==1 \\\n    --hash=sha256:00\n"


@pytest.fixture
def told(tmp_path):
    """`told(name=source)` is what is told of these files of flows/; `__` in a name is a folder."""

    def run(lock=LOCK, **files):
        (tmp_path / "requirements").mkdir()
        if lock:
            (tmp_path / "requirements" / "runtime.txt").write_text(lock)
        for name, source in files.items():
            path = tmp_path / "flows" / f"{name.replace('__', '/')}.py"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(source)
        return list(library_problems(tmp_path))

    return run


@pytest.mark.parametrize(
    "source",
    [
        "import os.path\nfrom collections import abc\nfrom __future__ import annotations",
        "import yaml\nfrom yaml.nodes import Node",
        "import not_installed_here",
        "from scripts.shared import names\nimport flows.shared",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import pytest",
        "import typing\nif typing.TYPE_CHECKING:\n    from pytest import Item",
        "try:\n    import pytest\nexcept ImportError:\n    pytest = None",
        "try:\n    import pytest\nexcept (OSError, ModuleNotFoundError):\n    pytest = None",
    ],
)
def test_what_the_image_holds_or_the_file_does_without_is_fine(told, source):
    assert told(a=source) == []


@pytest.mark.parametrize(
    ("source", "line"),
    [
        ("def f():\n    import pytest", 2),
        ("class A:\n    async def f(self):\n        with x:\n            from pytest import Item", 4),
        ("try:\n    import pytest\nexcept OSError:\n    pass", 2),
        ("try:\n    import yaml\nexcept ImportError:\n    import pytest", 4),
        ("from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import yaml\nelse:\n    import pytest", 5),
        ("import yaml, pytest.mark as m", 1),
    ],
)
def test_any_other_import_is_told_with_its_line(told, source, line):
    [problem] = told(a=source)
    assert problem.startswith(f"flows/a.py:{line}: got an import of pytest, which is installed for development only;")


@pytest.mark.parametrize(
    "source",
    [
        "from flows.team import _helper",
        "from flows.team._helper import x",
        "import flows.team._helper",
        "from . import _helper",
        "from ._helper import x",
        "from ..team import _helper",
    ],
)
def test_what_a_flow_file_imports_of_the_repository_is_looked_through(told, source):
    [problem] = told(team__a=source, team___helper="import pytest")
    assert problem.startswith("flows/team/_helper.py:1: got an import of pytest")


def test_a_file_that_no_flow_imports_may_use_what_the_image_has_not(told):
    assert told(team__a="import yaml", team___landing="import pytest") == []


def test_inside_the_image_which_has_no_lock_whatever_is_installed_is_fine(told):
    [problem] = told(lock="", a="import pytest\nimport no_such_module\n")
    assert problem == (
        "flows/a.py:2: got an import of no_such_module, which is not installed; expected a library of the image: "
        "`make add PKG=no_such_module`."
    )
