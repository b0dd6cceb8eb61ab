"""Each mistake in a value is found by the rules that say so; each harmless change is found by none."""

import json

import pytest
from harmless import HARMLESS
from mutating import Mutation
from mutations_values import VALUES

from scripts.gate import catalog
from scripts.gate.reading.hcl import Hcl
from scripts.gate.reading.plan import Plan
from scripts.shared.environments import ROOT


@pytest.fixture(scope="module")
def data(offline_plan):
    return json.loads((offline_plan("amber") / "plan.json").read_text())


@pytest.fixture(scope="module")
def hcl(data) -> Hcl:
    return Hcl(ROOT / "terraform", Plan(data))


def found_by(mutation: Mutation, data, hcl) -> dict[str, list[str]]:
    """Our rules that find something, with what they say."""
    plan = Plan(mutation.plan(data))
    results = [catalog.run_rule(name, plan, hcl) for name in catalog.all_rules()]
    return {result.name: [str(one) for one in result.findings] for result in results if result.findings}


@pytest.mark.parametrize("mutation", VALUES, ids=lambda one: one.name)
def test_a_mistake_in_a_value_is_found_by_exactly_the_rules_that_should(mutation, data, hcl):
    assert set(found_by(mutation, data, hcl)) == set(mutation.caught_by.split())


@pytest.mark.parametrize("mutation", HARMLESS, ids=lambda one: one.name)
def test_a_harmless_change_is_found_by_no_rule(mutation, data, hcl):
    assert found_by(mutation, data, hcl) == {}


def test_the_changes_have_different_names():
    names = [mutation.name for mutation in VALUES + HARMLESS]
    assert len(set(names)) == len(names)


def test_there_are_at_least_25_harmless_changes():
    assert len(HARMLESS) >= 25
