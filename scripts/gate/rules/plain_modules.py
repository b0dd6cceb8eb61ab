"""Modules are plain: four files, at most ten variables, no provider, no nested module."""

from collections.abc import Iterator
from pathlib import Path

from scripts.gate.reading.hcl import Hcl, blocks
from scripts.gate.reading.plan import Finding, Plan

FILES = ("main.tf", "outputs.tf", "variables.tf", "versions.tf")
MOST_VARIABLES = 10
SAYS_NOTHING = {"this", "main", "default"}


def check_hcl(hcl: Hcl, _plan: Plan) -> Iterator[Finding]:
    for folder in hcl.modules:
        where = hcl.short(folder)
        for got, expected in _problems(folder):
            yield Finding(where, got, expected)
    if hcl.modules:
        for name, _ in blocks(hcl.root, "resource"):
            yield Finding(f"{hcl.short(hcl.root)}: {name}", "a resource in the root", "resources only in modules")


def _problems(folder: Path) -> Iterator[tuple[str, str]]:
    if missing := [name for name in FILES if not (folder / name).is_file()]:
        yield f"no {', '.join(missing)}", f"{', '.join(FILES)}"
    count = len(list(blocks(folder, "variable")))
    if count > MOST_VARIABLES:
        yield f"{count} variables", f"{MOST_VARIABLES} at most: values that belong together travel as one object"
    for kind in ("provider", "module"):
        for name, _ in blocks(folder, kind):
            yield f'{kind} "{name}"', f"no {kind} in a module: the root has it"
    for name, _ in blocks(folder, "resource"):
        if name.partition(".")[2] in SAYS_NOTHING:
            yield name, "a name that says the resource's role: the address is the error message"
