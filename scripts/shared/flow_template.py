"""Writes the files of a new flow from templates, and checks that its name is new."""

import ast
import keyword
import re
import subprocess
import sys
from pathlib import Path
from string import Template

from scripts.shared.environments import ROOT
from scripts.shared.flow_files import flow_files
from scripts.shared.refusal import Refusal

TEMPLATES = Path(__file__).with_name("templates") / "flow"
PART = re.compile(r"[a-z][a-z0-9_]{0,59}")
FORM = "snake_case names with folders as you like, such as orders/daily_orders"
OWNER = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.@-]{0,59}")


def new_files(path: Path) -> dict[Path, str]:
    """Template of each file that the flow `path`, such as orders/daily_orders, is made of."""
    return {
        Path("flows", path).with_suffix(".py"): "flow.py.template",
        Path("tests/flows", path.parent, f"test_{path.name}.py"): "test.py.template",
        Path("docs/flows", path).with_suffix(".md"): "page.md.template",
    }


def free_path(name: str, root: Path) -> Path:
    """The name as a path.

    Raises:
        Refusal: it cannot be a flow's name, or something has it already.
    """
    got, parts = f'NAME is "{name}"; expected', name.split("/")
    if not all(PART.fullmatch(part) and not keyword.iskeyword(part) for part in parts):
        raise Refusal(f"{got} {FORM}.")
    if parts[0] == "shared":
        raise Refusal(f"{got} another folder, because flows/shared/ belongs to the product.")
    path = Path(name)
    folders = [Path("flows", folder) for folder in path.parents[:-1]]
    # A module and a folder of one name hide each other, and pytest wants the names of test files to differ.
    candidates = [*new_files(path), Path("flows", path), *(folder.with_suffix(".py") for folder in folders)]
    taken = [file for file in candidates if (root / file).exists()]
    taken += [file.relative_to(root) for file in (root / "tests").rglob(f"test_{path.name}.py")]
    taken += [file.relative_to(root) for file in flow_files(root) if path.name in flow_names(file)]
    if taken:
        raise Refusal(f"{got} a new name; this one is taken by {', '.join(sorted(set(map(str, taken))))}.")
    return path


def write_flow(name: str, owner: str, root: Path = ROOT) -> list[Path]:
    """Write the files of the flow; returns them relative to `root`.

    Raises:
        Refusal: the name or the owner is not usable; then nothing is written.
    """
    path = free_path(name, root)
    if not OWNER.fullmatch(owner):
        raise Refusal(f'OWNER is "{owner}"; expected a team, such as data-platform.')
    values = {"name": path.name, "module": ".".join(("flows", *path.parts)), "owner": owner}
    files = new_files(path)
    for file, template in files.items():
        (root / file).parent.mkdir(parents=True, exist_ok=True)
        (root / file).write_text(Template((TEMPLATES / template).read_text()).substitute(values))
    # How lines are broken depends on the length of the names.
    python = [file for file in files if file.suffix == ".py"]
    subprocess.run([Path(sys.executable).with_name("ruff"), "format", "--quiet", *python], cwd=root, check=True)
    return list(files)


def flow_names(file: Path) -> set[str]:
    """The names with underscores, as functions are named; of a file that is not Python, its own name only."""
    names = {file.stem}
    try:
        tree = ast.parse(file.read_text())
    except SyntaxError:
        return names
    constants = {
        target.id: node.value.value
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    for node in ast.walk(tree):
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        for decorator in node.decorator_list:
            called = decorator if isinstance(decorator, ast.Call) else ast.Call(decorator, [], [])
            if ast.unparse(called.func).split(".")[-1] != "flow":
                continue
            given = next((each.value for each in called.keywords if each.arg == "name"), ast.Constant(node.name))
            names.add(str(given.value if isinstance(given, ast.Constant) else constants.get(ast.unparse(given), "")))
    return {name.replace("-", "_") for name in names}
