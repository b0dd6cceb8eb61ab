"""A release changes tasks, scaling and alarms; whatever else a plan changes is named for an administrator."""

import pytest
from plan_builder import plan_data, resource

from scripts.gate import release_scope
from scripts.gate.reading.plan import Plan

REGISTER = 'module.delivery[0].aws_codebuild_project.stage["register"]'


def findings(*resources):
    return [str(found) for found in release_scope.check(Plan(plan_data(*resources)))]


@pytest.mark.parametrize(
    ("address", "actions"),
    [
        ("module.flow_task.aws_ecs_task_definition.flow", ("delete", "create")),
        ("module.ecs_agent.aws_ecs_service.agent", ("update",)),
        ("module.agent_scaling.aws_appautoscaling_target.tasks", ("update",)),
        ("module.alerts.aws_cloudwatch_metric_alarm.agent_missing", ("create",)),
        ("module.alerts.aws_cloudwatch_metric_alarm.agent_missing", ("delete",)),
        (REGISTER, ("update",)),
        ("module.iam.aws_iam_role.flow", ("no-op",)),
    ],
)
def test_what_a_release_is_passes(address, actions):
    assert findings(resource(address, actions=actions)) == []


@pytest.mark.parametrize(
    ("address", "actions", "got"),
    [
        ("module.iam.aws_iam_role_policy.task", ("update",), "update"),
        ("module.network.aws_vpc.tasks", ("create",), "create"),
        ("module.parameters.aws_kms_key.data", ("update",), "update"),
        ("module.results_store.aws_s3_bucket.results", ("delete", "create"), "delete and create"),
        ("module.ecs_agent.aws_ecs_service.agent", ("create",), "create"),
        ("module.ecs_agent.aws_cloudwatch_log_group.agent", ("delete",), "delete"),
        ('module.delivery[0].aws_codebuild_project.stage["plan"]', ("update",), "update"),
        (REGISTER, ("delete", "create"), "delete and create"),
    ],
)
def test_everything_else_is_an_administrators(address, actions, got):
    (found,) = findings(resource(address, actions=actions))
    assert found.startswith(f"{address}: got {got}; expected no such change in a release: an administrator ")
