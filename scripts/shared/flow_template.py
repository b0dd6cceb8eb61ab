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

TEMPLATES = Path(__file__).with_name("templates")
# The kinds of flow that `make new-flow` writes. What a kind has no template of is the plain flow's.
PLAIN = "flow"
KINDS = ("load", "export", "sql", "http", "fetch", "retention")
PART = re.compile(r"[a-z][a-z0-9_]{0,59}")
FORM = "snake_case names with folders as you like, such as orders/daily_orders"
OWNER = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.@-]{0,59}")


def new_files(path: Path, kind: str = PLAIN) -> dict[Path, str]:
    """Template of each file that the flow `path`, such as orders/daily_orders, is made of."""
    folder = Path("flows", path.parent, f"{path.name}_sql")
    return {
        Path("flows", path).with_suffix(".py"): "flow.py.template",
        Path("tests/flows", path.parent, f"test_{path.name}.py"): "test.py.template",
        Path("docs/flows", path).with_suffix(".md"): "page.md.template",
        **{
            folder / template.name.removesuffix(".template"): template.name
            for template in sorted((TEMPLATES / kind).glob("*.sql.template"))
        },
    }


def free_path(name: str, root: Path, kind: str = PLAIN) -> Path:
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
    candidates = [*new_files(path, kind), Path("flows", path), *(folder.with_suffix(".py") for folder in folders)]
    taken = [file for file in candidates if (root / file).exists()]
    taken += [file.relative_to(root) for file in (root / "tests").rglob(f"test_{path.name}.py")]
    taken += [file.relative_to(root) for file in flow_files(root) if path.name in flow_names(file)]
    if taken:
        raise Refusal(f"{got} a new name; this one is taken by {', '.join(sorted(set(map(str, taken))))}.")
    return path


def write_flow(name: str, owner: str, root: Path = ROOT, kind: str = PLAIN) -> list[Path]:
    """Write the files of the flow; returns them relative to `root`.

    Raises:
        Refusal: the name, the owner or the kind is not usable; then nothing is written.
    """
    if kind not in (PLAIN, *KINDS):
        raise Refusal(f'FROM is "{kind}"; expected one of {", ".join(KINDS)}, or none for a plain flow.')
    path = free_path(name, root, kind)
    if not OWNER.fullmatch(owner):
        raise Refusal(f'OWNER is "{owner}"; expected a team, such as data-platform.')
    module = ".".join(("flows", *path.parts))
    values = {"name": path.name, "upper": path.name.upper(), "module": module, "owner": owner}
    files = new_files(path, kind)
    for file, template in files.items():
        own = TEMPLATES / kind / template
        text = (own if own.exists() else TEMPLATES / PLAIN / template).read_text()
        (root / file).parent.mkdir(parents=True, exist_ok=True)
        (root / file).write_text(Template(text).substitute(values))
    # How lines are broken, and the order of imports, depend on the names.
    python = [file for file in files if file.suffix == ".py"]
    for task in (["check", "--select=I", "--fix"], ["format"]):
        subprocess.run([Path(sys.executable).with_name("ruff"), *task, "--quiet", *python], cwd=root, check=True)
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
