"""Offline plans need no server and no account, and the gate passes them."""

import json

import pytest
from fixture_repository import ENVIRONMENTS, facts

from scripts.gate.reading.plan import Plan
from scripts.shared.names import Names


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_the_gate_passes_and_its_record_says_that_the_plan_was_offline(offline_plan, environment):
    folder = offline_plan(environment)
    record = json.loads((folder / "gate.json").read_text())
    assert record["passed"]
    assert record["offline"]
    assert (record["environment"], record["account_id"]) == (environment, facts(environment)["account_id"])
    assert "Gate passed" in (folder / "output.txt").read_text().splitlines()[-1]
    assert "<html" in (folder / "report.html").read_text()[:200]


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_terraform_and_python_make_the_same_names(offline_plan, environment):
    plan, given = Plan.load(offline_plan(environment) / "plan.json"), facts(environment)
    names = Names(given["name"], environment)
    assert plan.names == names
    assert plan.outputs["facts"] == {
        "environment": environment,
        "name": given["name"],
        "title": names.title,
        "owner": given["owner"],
        "schedules": given["schedules"],
        "guarded": given.get("guarded", True),
        "result_block": f"{names.title.lower()}-results",
        "region": given["region"],
        "log_group": f"{names.path}/flow",
        "alerts": [name for name in ("email", "pagerduty", "slack", "teams") if given["alerts"].get(name)],
    }
    assert plan.outputs["work_pool"]["name"] == names.title
    (flow,) = [each.after["name"] for each in plan.planned("aws_cloudwatch_log_group") if "flow_task" in each.address]
    assert flow == f"{names.path}/flow"
    buckets = {each.after["bucket"].removesuffix(given["account_id"]) for each in plan.planned("aws_s3_bucket")}
    assert buckets == {f"{names.bucket_prefix}-{purpose}-" for purpose in ("results", "access-logs", "artifacts")}


def test_an_environment_where_everything_is_on_has_what_another_has_and_what_it_asks_for(offline_plan):
    plans = [json.loads((offline_plan(name) / "plan.json").read_text()) for name in ENVIRONMENTS]
    one, other = ({change["address"].partition("[")[0] for change in plan["resource_changes"]} for plan in plans)
    assert one - other == set()
    assert {address.rpartition(".")[0] for address in other - one} == {
        *("module.network.aws_vpc_endpoint", "module.network.aws_security_group"),
        "module.network.aws_vpc_security_group_ingress_rule",
        "module.agent_scaling.aws_appautoscaling_scheduled_action",
    }


def test_an_offline_plan_is_never_applied(offline_plan):
    offline_plan("amber")
    answer = offline_plan.run("apply_plan", "amber")
    assert answer.returncode == 1
    assert "it is of an offline plan, which does not know what exists" in answer.stderr


def test_planning_leaves_the_configuration_as_it_was(offline_plan):
    offline_plan("amber")
    assert not list((offline_plan.root / "terraform").glob("*override*"))
