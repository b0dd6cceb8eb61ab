"""Reads the decision tables: the files beside this one, and those of the team in terraform/environments/decisions/.

A file holds resource types. Under each, every argument of the provider's schema stands once (a block stands for all
that is in it):

    values:    what it may be, in the forms of forms.py
    absent:    a list of arguments that are not there
    unset:     a list of arguments that our code does not set: what stands there is AWS's
    rules:     the rule in scripts/gate/rules/ that judges it
    harmless:  why it can open, expose, weaken, redirect or destroy nothing

`known` lists the resources that must be there: the first key says which one it is, the others what holds of it besides.
`with` names a module; without it in the environment, the resource may be missing. `every` says what each resource of
another type has one of: the argument that names it, and its type.
"""

from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from scripts.shared.environments import ROOT
from scripts.shared.refusal import Refusal

PRODUCT = Path(__file__).resolve().parent
TEAM = ROOT / "terraform" / "environments" / "decisions"
EVERY_TYPE = "every-type.yaml"
LISTS, MAPS = ("absent", "unset"), ("values", "rules", "harmless")
EVERY = "every"


@dataclass(frozen=True)
class Table:
    """The decisions about one resource type, each path in one of the mappings."""

    file: str
    values: dict[str, Any] = field(default_factory=dict)
    rules: dict[str, str] = field(default_factory=dict)
    harmless: dict[str, str] = field(default_factory=dict)
    known: tuple[dict[str, Any], ...] = ()
    every: dict[str, str] = field(default_factory=dict)

    def paths(self) -> list[str]:
        """All arguments and blocks that are decided about."""
        return [*self.values, *self.rules, *self.harmless]


def tables() -> dict[str, Table]:
    """The product's tables and the team's by resource type.

    Raises:
        Refusal: a table says something that none may, or something that another says too.
    """
    return _tables(PRODUCT, TEAM)


def product_tables() -> dict[str, Table]:
    """The tables of the types that the product makes, by type."""
    return _tables(PRODUCT)


def every_type() -> Table:
    """What is decided for an argument of this name in whichever type, unless the type's own table says otherwise."""
    return _file(PRODUCT / EVERY_TYPE)["every type"]


@cache
def _tables(*folders: Path) -> dict[str, Table]:
    found: dict[str, Table] = {}
    for folder in folders:
        for path in sorted(folder.glob("*.yaml")):
            if path.name == EVERY_TYPE:
                continue
            for type_, table in _file(path).items():
                if type_ in found:
                    raise Refusal(
                        f"{_short(path)}: got {type_}, which {found[type_].file} decides about; expected it once"
                    )
                found[type_] = table
    return found


@cache
def _file(path: Path) -> dict[str, Table]:
    try:
        # The loader in C, where there is one, takes a tenth of the time.
        told = yaml.load(path.read_text(), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506 - both are safe.
    except yaml.YAMLError as error:
        raise Refusal(f"{_short(path)}: got no YAML ({error}); expected resource types with their decisions") from None
    if not isinstance(told, dict):
        raise Refusal(f"{_short(path)}: got {type(told).__name__}; expected resource types with their decisions")
    return {type_: _table(path, type_, groups) for type_, groups in told.items()}


def _table(path: Path, type_: str, groups: Any) -> Table:
    def refuse(got: str, expected: str) -> Refusal:
        return Refusal(f"{_short(path)}: {type_}: got {got}; expected {expected}")

    known_groups = (*MAPS, *LISTS, "known", EVERY)
    if not isinstance(groups, dict) or not set(groups) <= set(known_groups):
        raise refuse(
            str(groups if not isinstance(groups, dict) else ", ".join(groups)), f"only {', '.join(known_groups)}"
        )
    for name, kind in (*((one, dict) for one in (*MAPS, EVERY)), *((one, list) for one in (*LISTS, "known"))):
        if not isinstance(groups.get(name, kind()), kind):
            raise refuse(f"{name} that is {type(groups[name]).__name__}", kind.__name__)
    for name in ("rules", "harmless"):
        for argument, why in groups.get(name, {}).items():
            if not isinstance(why, str) or not why.strip():
                raise refuse(f"{name}.{argument} = {why}", "the rule's name" if name == "rules" else "a reason")
    paths = [one for name in (*MAPS, *LISTS) for one in groups.get(name, ())]
    if twice := sorted({one for one in paths if paths.count(one) > 1 or any(one.startswith(f"{at}.") for at in paths)}):
        raise refuse(f"two decisions about {', '.join(twice)}", "one, of the argument or of a block around it")
    for entry in groups.get("known", ()):
        if not isinstance(entry, dict) or not set(entry) - {"with"}:
            raise refuse("an entry of known that names nothing", "an argument and what it must be")
    values = groups.get("values", {}) | {one: name for name in LISTS for one in groups.get(name, ())}
    rules, harmless, every = (groups.get(name, {}) for name in ("rules", "harmless", EVERY))
    return Table(_short(path), values, rules, harmless, tuple(groups.get("known", ())), every)


def _short(path: Path) -> str:
    return str(path.relative_to(ROOT)) if path.is_relative_to(ROOT) else path.name
