"""Arrows between the folders of scripts/ run one way, and nothing but commands lies on top."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from scripts.shared.environments import ROOT

SCRIPTS = ROOT / "scripts"
LONGEST = 80
# What each folder may import from. A command may import from every folder, and no folder imports a command.
ARROWS = {
    "agent": {"shared"},
    "delivery": {"gate", "shared"},
    "libraries": {"shared"},
    "local_stack": {"gate", "shared"},
    "machine": {"local_stack", "shared"},
    "parameters": {"local_stack", "shared"},
    "registration": {"gate", "shared"},
    "sentry": {"gate", "shared"},
    "sql": {"shared"},
    "warehouse": {"gate", "parameters", "shared"},
    "trying": {"agent", "gate", "local_stack", "sentry", "shared"},
    "gate": {"shared"},
    "shared": set(),
}
# Begun with a bare Python, before anything is installed: what they do cannot lie in a package, so they may be longer.
BARE = {"setup_environments", "install_terraform", "show_targets"}
COMMANDS = sorted(path for path in SCRIPTS.glob("*.py") if path.stem != "__init__")


def imports(source: str) -> Iterator[str]:
    """Folders of scripts/ (or commands) that a source imports from, anywhere in it."""
    for node in ast.walk(ast.parse(source)):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [f"{node.module}.{alias.name}" for alias in node.names]
            assert node.level == 0, "expected absolute imports only"
        elif isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "import_module":
            names = [arg.value for arg in node.args if isinstance(arg, ast.Constant) and isinstance(arg.value, str)]
        yield from (name.split(".")[1] for name in names if name.startswith("scripts."))


def folders(scripts: Path) -> list[str]:
    """Those that hold Python."""
    return sorted(path.name for path in scripts.iterdir() if next(path.glob("**/*.py"), None))


def upward(scripts: Path) -> list[str]:
    """Every import that its folder may not have."""
    return [
        f"{path.relative_to(scripts)} imports {to}"
        for folder in folders(scripts)
        for path in sorted((scripts / folder).rglob("*.py"))
        for to in imports(path.read_text())
        if to != folder and to not in ARROWS[folder]
    ]


def test_every_folder_has_its_place():
    assert folders(SCRIPTS) == sorted(ARROWS)


def test_no_folder_imports_from_one_above_it_or_beside_it():
    assert upward(SCRIPTS) == []


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("from scripts.gate import applied_state", ["shared/a.py imports gate"]),
        ("import scripts.gate.applied_state", ["shared/a.py imports gate"]),
        ("def f():\n    from scripts.local_stack.summary import rows", ["shared/a.py imports local_stack"]),
        ("import importlib\nimportlib.import_module('scripts.gate.applied_state')", ["shared/a.py imports gate"]),
        ("from scripts import plan_environment", ["shared/a.py imports plan_environment"]),
        ("from scripts.shared import steps", []),
    ],
)
def test_an_import_upwards_is_seen_however_it_is_written(tmp_path, source, found):
    (tmp_path / "shared").mkdir()
    (tmp_path / "shared" / "a.py").write_text(source)
    assert upward(tmp_path) == found


@pytest.mark.parametrize("path", COMMANDS, ids=lambda path: path.stem)
def test_a_file_on_top_is_a_command_that_reads_arguments_calls_and_prints(path):
    source = path.read_text()
    assert len(source.splitlines()) <= LONGEST or path.stem in BARE
    assert 'if __name__ == "__main__":' in source
    assert ("command_parser(__doc__)" in source) is (path.stem not in BARE)
    assert not set(imports(source)) & {command.stem for command in COMMANDS}


@pytest.mark.parametrize("name", sorted(BARE))
def test_a_bare_command_imports_nothing_that_must_be_installed(name):
    assert not list(imports((SCRIPTS / f"{name}.py").read_text()))
