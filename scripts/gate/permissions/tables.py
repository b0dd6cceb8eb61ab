"""The tables beside this file: all that each role may do, and who else may do something to what the stack has.

A line has actions, resources and conditions (`when`) as a policy statement has them, with the plan's own facts in
braces. `why` is for the reader, and `rare` says why no ordinary run makes these calls.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any

import yaml

from scripts.gate.reading.documents import Condition
from scripts.gate.reading.facts import facts
from scripts.gate.reading.plan import Plan, without_indexes
from scripts.shared.known_parameters import parameter_types

TABLES = Path(__file__).resolve().parent
EVERY_ROLE = TABLES / "every-role.yaml"
PRINCIPALS = TABLES / "principals.yaml"
RARE = "declared by a flow"
PARTS = ("trusted", "may", "bound")
ENDPOINT, EVERYBODY = "aws_vpc_endpoint", (("AWS", "*"),)
# Facts that have several values: a line with one holds for each.
Facts = dict[str, list[str]]


@dataclass(frozen=True)
class Line:
    """One line of a table, with this plan's facts put in."""

    table: str
    why: str
    actions: tuple[str, ...]
    resources: tuple[str, ...]
    conditions: tuple[Condition, ...]
    principals: tuple[tuple[str, str], ...] = ()
    rare: str = ""


@dataclass(frozen=True)
class Role:
    """The table of one role: who may assume it, what it may do, and what only its boundary allows."""

    name: str
    about: str
    trusted: tuple[Line, ...]
    may: tuple[Line, ...]
    bound: tuple[Line, ...] = ()


def roles(plan: Plan) -> list[Role]:
    """The tables of the roles that this plan makes. A flow that declares permissions has that of `flow` and its own."""
    known = facts_of(plan)
    [title] = known["title"]
    made = {
        without_indexes(change.address).split(".")[1] for change in plan.changes if change.address.startswith("module.")
    }
    found: list[Role] = []
    for path in sorted(set(TABLES.glob("*.yaml")) - {EVERY_ROLE, PRINCIPALS}):
        table = read(path)
        if table.get("with", "iam") in made:
            trusted, may, bound = ((*_lines(path.name, table.get(part, []), known),) for part in PARTS)
            role = Role(f"{title}-{path.stem}", table["about"], trusted, may, bound)
            found += [role] if path.stem != "flow" else _flow_roles(plan, known, role)
    return found


def _flow_roles(plan: Plan, known: Facts, common: Role) -> Iterator[Role]:
    """The common role, and one for each flow file that declares permissions."""
    declared = list(_declared(plan, known))
    keeps = declared if plan.setting("flow_role_keeps_declared") else []
    yield replace(common, may=(*common.may, *keeps))
    for flow, definition in (plan.setting("flow_definitions") or {}).items():
        if own := [line for line in declared if line.table == f"flows/{flow}.py"]:
            yield replace(common, name=f"{known['title'][0]}-{definition['name']}", may=(*common.may, *own))


def principals(plan: Plan) -> dict[str, tuple[Line, ...]]:
    """By type of resource, what its policy may allow to whom."""
    known = facts_of(plan)
    found = {kind: (*_lines(PRINCIPALS.name, lines, known),) for kind, lines in read(PRINCIPALS).items()}
    # What a flow declares passes the endpoints too, for whoever is of the account.
    ours = Condition("stringequals", "aws:principalaccount", (*known["account"],))
    declared = (replace(line, principals=EVERYBODY, conditions=(ours,)) for line in _declared(plan, known))
    return found | {ENDPOINT: (*found[ENDPOINT], *declared)}


def facts_of(plan: Plan) -> Facts:
    """What the tables name in braces: the plan's facts, and the parameters that runs and builds receive.

    `parameter` is each that the environment has, by its facts and its flow files, `registered` each that registration's
    build gets.
    """
    single = facts(plan)
    credential = single["credential"]
    declared = (name for each in (plan.setting("flow_definitions") or {}).values() for name in each["secrets"])
    secrets = parameter_types({"parameters": plan.setting("parameters"), "prefect_credential": credential}, declared)
    builds = (name.rpartition(f"{single['path']}/")[2] for name in _build_parameters(plan))
    lists = {"parameter": secrets, "registered": builds}
    found = {name: [credential, *sorted({*values} - {credential, ""})] for name, values in lists.items()}
    return {name: [value] for name, value in single.items()} | found


def _build_parameters(plan: Plan) -> Iterator[str]:
    for project in plan.planned("aws_codebuild_project"):
        for environment in project.after.get("environment") or ():
            for variable in environment.get("environment_variable") or ():
                if variable.get("type") == "PARAMETER_STORE":
                    yield str(variable.get("value"))


def fill(text: str, known: Facts) -> list[str]:
    """The text with the facts put in, once for each value of those that have several."""
    names = list(dict.fromkeys(re.findall(r"\{(\w+)\}", text)))
    found = []
    for values in product(*(known[name] for name in names)):
        filled = text
        for name, value in zip(names, values, strict=True):
            filled = filled.replace(f"{{{name}}}", value)
        found.append(filled)
    return found


def _lines(table: str, rows: list[dict[str, Any]], known: Facts) -> Iterator[Line]:
    def filled(values: Any) -> tuple[str, ...]:
        texts = values if isinstance(values, list) else [values]
        return tuple(each for text in texts for each in fill(str(text), known))

    for row in rows:
        yield Line(
            table,
            row.get("why", ""),
            filled(row["actions"]),
            filled(row.get("resources", [])),
            tuple(
                Condition(operator.lower(), key.lower(), filled(values))
                for operator, keys in row.get("when", {}).items()
                for key, values in keys.items()
            ),
            tuple((kind, name) for kind, names in row.get("who", {}).items() for name in filled(names)),
            row.get("rare", ""),
        )


def _declared(plan: Plan, known: Facts) -> Iterator[Line]:
    """Every right that a flow's file declares (flow_permissions.py)."""
    for each in plan.setting("flow_permissions") or []:
        resources = tuple(filled for resource in each["resources"] for filled in fill(resource, known))
        yield Line(f"flows/{each['flow']}.py", "Declared by the flow", tuple(each["actions"]), resources, (), rare=RARE)


@cache
def read(path: Path) -> dict[str, Any]:
    """A table as it is written."""
    # The loader in C, where there is one, takes a tenth of the time.
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    table: dict[str, Any] = yaml.load(path.read_text(), Loader=loader)  # noqa: S506 - both are safe.
    return table
