import pytest
from plan_builder import TAGS, find, resource

from scripts.gate.rules import alarms_act, required_tags, safe_rollouts, scaling_in_bounds

ALARM = "module.alerts.aws_cloudwatch_metric_alarm.agent[0]"
TOPIC = {"alarm_actions": ["arn:aws:sns:eu-west-1:123456789012:HarborFlows-Amber"], "actions_enabled": True}


@pytest.mark.parametrize(
    ("alarm", "said"),
    [
        (resource(ALARM, TOPIC), None),
        (resource(ALARM, unknown={"alarm_actions": True}, references={"alarm_actions": ["aws_sns_topic.a.arn"]}), None),
        (resource(ALARM, TOPIC | {"alarm_actions": []}), "no alarm_actions"),
        (resource(ALARM, TOPIC | {"alarm_actions": None}), "no alarm_actions"),
        (resource(ALARM, {}, unknown={"alarm_actions": True}), "no alarm_actions"),
        (resource(ALARM, TOPIC | {"actions_enabled": False}), "actions_enabled = false"),
        (resource(ALARM, {"alarm_actions": ["x"]}, unknown={"actions_enabled": True}), "actions_enabled unknown"),
    ],
)
def test_an_alarm_reaches_somebody(alarm, said):
    found = find(alarms_act.check, alarm)
    assert [one.address for one in found] == ([ALARM] if said else [])
    assert all(said in one.got for one in found)


WHERE = {"resource_id": "service/HarborFlows-Amber/HarborFlows-Amber-agent"}
SERVICE = resource("aws_ecs_service.agent", {"name": "HarborFlows-Amber-agent", "desired_count": 1})
POLICY = resource("aws_appautoscaling_policy.cpu", WHERE)


def target(low, high, **unknown):
    after = {"min_capacity": low, "max_capacity": high} | WHERE
    after = {key: value for key, value in after.items() if key not in unknown}
    return resource("aws_appautoscaling_target.tasks", after, unknown=unknown)


@pytest.mark.parametrize(
    ("resources", "said"),
    [
        ([target(1, 10), POLICY, SERVICE], None),
        ([target(2, 2), resource("aws_ecs_service.a", {"name": "x", "desired_count": 9})], None),
        ([target(1, 0), POLICY], "min_capacity = 1, max_capacity = 0"),
        ([target(0, 1000), POLICY], "max_capacity = 1000"),
        ([target(2, 10), POLICY, SERVICE], "desired_count = 1, scaled from 2 to 10"),
        ([target(1, 10), SERVICE], "no scaling policy"),
        ([target(1, 10, max_capacity=True), POLICY], "max_capacity unknown until apply"),
    ],
)
def test_the_count_stays_between_its_bounds(resources, said):
    found = find(scaling_in_bounds.check, *resources)
    assert bool(found) is bool(said)
    assert all(said in one.got for one in found)


def test_a_service_that_exists_stands_where_scaling_put_it():
    scaled = {"name": "HarborFlows-Amber-agent", "desired_count": 1}
    existing = resource("aws_ecs_service.agent", scaled, before=scaled, actions=("update",))
    assert find(scaling_in_bounds.check, target(2, 10), POLICY, existing) == []


@pytest.mark.parametrize(
    ("breaker", "said"),
    [
        ([{"enable": True, "rollback": True}], []),
        ([{"enable": True, "rollback": False}], ["deployment_circuit_breaker.rollback = false"]),
        ([], ["deployment_circuit_breaker.enable = unset", "deployment_circuit_breaker.rollback = unset"]),
    ],
)
def test_a_deployment_that_fails_is_taken_back(breaker, said):
    service = resource("aws_ecs_service.agent", {"deployment_circuit_breaker": breaker})
    assert [one.got for one in find(safe_rollouts.check, service)] == said


def test_a_circuit_breaker_that_is_unknown_is_named():
    service = resource("aws_ecs_service.agent", unknown={"deployment_circuit_breaker": True})
    assert {one.got for one in find(safe_rollouts.check, service)} == {
        "deployment_circuit_breaker.enable = unknown",
        "deployment_circuit_breaker.rollback = unknown",
    }


@pytest.mark.parametrize(
    ("tagged", "said"),
    [
        (resource("aws_sqs_queue.a", {"tags_all": TAGS | {"Name": "x"}}), None),
        (resource("aws_route.without_tags", {}), None),
        (resource("aws_sqs_queue.a", {"tags_all": None}), "no tag service, environment, owner, repository"),
        (resource("aws_sqs_queue.a", {"tags_all": TAGS | {"owner": ""}}), "no tag owner"),
        (resource("aws_sqs_queue.a", {"tags_all": TAGS | {"environment": "violet"}}), "tag environment = violet"),
        (resource("aws_sqs_queue.a", {"tags_all": TAGS | {"service": "other-flows"}}), "tag service = other-flows"),
        (resource("aws_sqs_queue.a", unknown={"tags_all": True}), "tags unknown until apply"),
    ],
)
def test_everything_says_whose_it_is(tagged, said):
    found = find(required_tags.check, tagged)
    assert [one.got for one in found] == ([said] if said else [])
