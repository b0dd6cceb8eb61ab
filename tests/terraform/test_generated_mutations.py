"""Each value that a table decides about, made another one, taken away or unknown, is found. No Terraform runs here."""

import copy
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
from mutating import Data, configure

from scripts.gate import catalog
from scripts.gate.decisions.forms import Forms
from scripts.gate.decisions.schema import excerpt
from scripts.gate.decisions.tables import product_tables
from scripts.gate.reading.plan import UNKNOWN, Plan, Resource, without_indexes
from scripts.gate.rules.decided_values import Decisions, Leaf, judge
from scripts.shared.refusal import Refusal

STRANGER = "somebody-elses"
# Where JSON stands, a policy that gives everything to everybody.
EVERYTHING = json.dumps(
    {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"}}
)


@pytest.fixture(scope="module")
def plan(offline_plan) -> Plan:
    return Plan(json.loads((offline_plan("amber") / "plan.json").read_text()))


@pytest.fixture(scope="module")
def decisions(plan) -> dict[str, Decisions]:
    forms = Forms(plan)
    return {type_: Decisions(type_, table, forms) for type_, table in product_tables().items()}


def blocks(plan: Plan) -> list[Resource]:
    """One instance of each name in each block."""
    return list(
        {(one.block, str(one.after.get("name") or one.after.get("alarm_name"))): one for one in plan.planned()}.values()
    )


def leaves(block: Data) -> Iterator[Leaf]:
    """Every form of a resource's decisions."""
    for inner in block.values():
        if isinstance(inner, Leaf):
            yield inner
        elif inner is not None:
            yield from leaves(inner)


def values_at(value: Any, path: list[str]) -> list[Any]:
    """What stands at a path, in the first of each list of blocks."""
    for step in path:
        value = value[0] if isinstance(value, list) and value else value
        value = value.get(step) if isinstance(value, dict) else None
    return value


def with_value(after: Data, path: list[str], value: Any) -> Data:
    """A copy with another value at the path, in the first of each list of blocks."""
    changed = copy.deepcopy(after)
    inner = changed
    for step in path[:-1]:
        if not isinstance(inner.get(step), list) or not inner[step]:
            inner[step] = [{}]
        inner = inner[step][0]
    inner[path[-1]] = value
    return changed


@contextmanager
def configured(plan: Plan, resource: Resource, path: list[str], expression: Data) -> Iterator[None]:
    """The configuration says so too."""
    block = plan.modules[without_indexes(resource.module)]["blocks"][f"{resource.type}.{resource.name}"]
    known = block["expressions"]
    block["expressions"] = copy.deepcopy(known)
    inner = block["expressions"]
    for step in path[:-1]:
        inner = inner[step][0] if isinstance(inner.get(step), list) and inner[step] else {}
    inner.pop(path[-1], None)
    configure(block["expressions"], path, expression)
    try:
        yield
    finally:
        block["expressions"] = known


def kind_at(type_: str, path: list[str]) -> Any:
    """What the schema says of the argument."""
    kind: Any = excerpt()[type_]
    for step in path:
        kind = kind[step]
    return kind


def other(type_: str, path: list[str], value: Any) -> Any:
    """A value of the same kind that nobody asked for; of a block, one that sets something."""
    kind = kind_at(type_, path)
    if isinstance(kind, dict):
        return [{next(iter(kind), "x"): STRANGER}]
    if isinstance(value, bool):
        return not value
    if isinstance(value, int | float):
        return 10**9 + 1
    if isinstance(value, list):
        return [STRANGER]
    if isinstance(value, dict):
        return {STRANGER: STRANGER}
    return EVERYTHING if isinstance(value, str) and value.startswith("{") else STRANGER


def mutations(type_: str, leaf: Leaf, value: Any) -> Iterator[tuple[str, Any]]:
    """Other values, each one that its form does not allow."""
    path = leaf.path.split(".")
    wrong = other(type_, path, value)
    if not all(leaf.form.fits(one) for one in (wrong if isinstance(wrong, list) and not leaf.form.whole else [wrong])):
        yield "another", wrong
    if not leaf.form.fits(None) and not leaf.form.unset:
        yield "removed", None
        yield "emptied", [] if isinstance(value, list) else ""
    if not isinstance(kind_at(type_, path), dict):
        yield "of another type", {"x": STRANGER} if not isinstance(value, dict) else STRANGER
    yield "unknown", UNKNOWN


def test_every_decided_value_is_found_when_it_is_another(plan, decisions):
    tried, missed = 0, []
    for resource in blocks(plan):
        block = decisions[resource.type].of(resource)
        for leaf in leaves(block):
            path = leaf.path.split(".")
            for what, value in mutations(resource.type, leaf, values_at(resource.after, path)):
                # From a data source: whoever answers it decides.
                expression = {"references": ["data.http.x.body"]} if value is UNKNOWN else {"constant_value": value}
                spoiled = replace(resource, after=with_value(resource.after, path, value), before={})
                with configured(plan, resource, path, expression):
                    found = list(judge(plan, spoiled, block, spoiled.after))
                tried += 1
                if not any(leaf.path in one.got for one in found):
                    missed.append(f"{resource.address}: {leaf.path} {what}")
    assert missed == []
    assert tried > 2000


def test_every_argument_that_a_rule_judges_is_found_by_that_rule(plan):
    missed = []
    for resource in blocks(plan):
        for path, rule in product_tables()[resource.type].rules.items():
            steps = path.split(".")
            value = values_at(resource.after, steps)
            found = False
            for wrong in (other(resource.type, steps, value), None, UNKNOWN):
                spoiled = replace(resource, after=with_value(resource.after, steps, wrong))
                expression = {"references": ["data.http.x.body"]} if wrong is UNKNOWN else {"constant_value": wrong}
                with configured(plan, resource, steps, expression):
                    found = found or finds(rule, with_resource(plan, spoiled))
            if not found:
                missed.append(f"{resource.address}: {path} ({rule})")
    assert missed == []


def finds(rule: str, plan: Plan) -> bool:
    """Whether the plan does not pass; one that the rule cannot read does not."""
    try:
        return not catalog.run_rule(rule, plan).passed
    except Refusal:
        return True


def with_resource(plan: Plan, resource: Resource) -> Plan:
    """The plan with another instance in the place of the one of this address."""
    changed = copy.copy(plan)
    for name in ("blocks", "identities"):
        changed.__dict__.pop(name, None)
    changed.resources = [resource if one.address == resource.address else one for one in plan.resources]
    return changed


def test_every_type_that_a_plan_holds_is_decided_about(plan):
    assert {one.type for one in plan.planned()} <= set(product_tables())


def test_nothing_is_found_in_the_plan_itself(plan, decisions):
    found = [one for each in blocks(plan) for one in judge(plan, each, decisions[each.type].of(each), each.after)]
    assert found == []
