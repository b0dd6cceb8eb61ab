"""Offline plans need no server and no account, and the gate passes them."""

import json

import pytest
from fixture_repository import ENVIRONMENTS, facts


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_the_gate_passes_and_its_record_says_that_the_plan_was_offline(offline_plan, environment):
    folder = offline_plan(environment)
    record = json.loads((folder / "gate.json").read_text())
    assert record["passed"]
    assert record["offline"]
    assert (record["environment"], record["account_id"]) == (environment, facts(environment)["account_id"])
    assert "Gate passed" in (folder / "output.txt").read_text().splitlines()[-1]
    assert "<html" in (folder / "report.html").read_text()[:200]


def test_only_variables_differ_between_the_environments(offline_plan):
    plans = [json.loads((offline_plan(name) / "plan.json").read_text()) for name in ENVIRONMENTS]
    one, other = ({change["address"].partition("[")[0] for change in plan["resource_changes"]} for plan in plans)
    assert one == other


def test_an_offline_plan_is_never_applied(offline_plan):
    offline_plan("amber")
    answer = offline_plan.run("apply_plan", "amber")
    assert answer.returncode == 1
    assert "it is of an offline plan, which knows nothing of what exists" in answer.stderr


def test_planning_leaves_the_configuration_as_it_was(offline_plan):
    offline_plan("amber")
    assert not list((offline_plan.root / "terraform").glob("*override*"))
