"""The scaling module: CPU is held by target tracking, between one task and ten."""

import pytest
from tftest import TerraformTestError

SERVICE = {"cluster": "DataFlows-Test", "name": "DataFlows-Test-agent"}


def test_one_to_ten_tasks_hold_the_average_cpu(plan_module):
    plan = plan_module("agent_scaling", service=SERVICE)
    target = plan.resource_changes["aws_appautoscaling_target.tasks"]["change"]["after"]
    policy = plan.resource_changes["aws_appautoscaling_policy.cpu"]["change"]["after"]
    assert (target["min_capacity"], target["max_capacity"]) == (1, 10)
    tracking = policy["target_tracking_scaling_policy_configuration"][0]
    assert tracking["target_value"] == 45
    metric = tracking["predefined_metric_specification"][0]["predefined_metric_type"]
    assert metric == "ECSServiceAverageCPUUtilization"


def test_a_minimum_above_the_maximum_is_refused(plan_module):
    with pytest.raises(TerraformTestError) as refusal:
        plan_module("agent_scaling", service=SERVICE, tasks={"min": 3, "max": 2})
    said = " ".join(refusal.value.cmd_error.replace("│", " ").split())
    assert "tasks is 3 to 2; min must be 0 or more and at most max." in said
