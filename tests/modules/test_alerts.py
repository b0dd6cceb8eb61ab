"""The alerts module: who is told of what, and what nobody is woken for."""

import json
import re

import pytest
from moto.events.models import EventPattern

from scripts.local_stack.aws import compat
from scripts.shared.environments import ROOT

ALERTS = {
    "alerts": {"email": "data-platform@example.com"},
    "service": {"cluster": "HarborFlows-Test", "name": "HarborFlows-Test-agent"},
    "tasks": {"min": 1, "max": 10},
    "task_events": {"queue": "HarborFlows-Test-task-events", "dead_letters": "HarborFlows-Test-task-events-dlq"},
    "log_groups": {"agent": "/HarborFlows/Test/agent", "flow": "/HarborFlows/Test/flow"},
    "logs": {"retention_days": 365, "kms_key_arn": "arn:aws:kms:eu-west-1:333333333333:key/1"},
}
TOPIC = "arn:aws:sns:eu-west-1:333333333333:HarborFlows-Test-alerts"
CLUSTER = "arn:aws:ecs:eu-west-1:333333333333:cluster/HarborFlows-Test"


def planned(plan, kind):
    """Planned values of one type of resource, by address."""
    changes = plan.resource_changes.items()
    return {address: change["change"]["after"] for address, change in changes if change["type"] == kind}


@pytest.fixture(scope="module")
def plan(plan_module):
    return plan_module("alerts", **ALERTS)


@pytest.fixture(scope="module")
def alarms(plan):
    found = planned(plan, "aws_cloudwatch_metric_alarm").values()
    return {alarm["alarm_name"].removeprefix("HarborFlows-Test-"): alarm for alarm in found}


def test_every_alarm_tells_the_topic_when_it_starts_and_when_it_ends(alarms):
    assert set(alarms) == {
        *("agent-not-running", "agent-at-ceiling", "agent-errors", "flow-errors"),
        *("task-events-not-read", "task-events-dead-letters", "tasks-stopped", "tasks-not-started"),
    }
    for alarm in alarms.values():
        assert (alarm["alarm_actions"], alarm["ok_actions"]) == ([TOPIC], [TOPIC])
        assert alarm["actions_enabled"] is not False


def test_every_alarm_leads_to_its_own_section_of_the_runbook(alarms):
    sections = re.findall(r"^## (.+)$", (ROOT / "docs" / "runbook.md").read_text(), re.MULTILINE)
    anchors = {section.lower().replace(" ", "-") for section in sections}
    for name, alarm in alarms.items():
        assert alarm["alarm_description"].endswith(f" docs/runbook.md#{name}")
        assert len(alarm["alarm_description"]) > 80
    assert set(alarms) <= anchors


def test_a_missing_agent_is_an_alarm_and_a_missing_line_is_none(alarms):
    missing = {name: alarm["treat_missing_data"] for name, alarm in alarms.items()}
    assert missing.pop("agent-not-running") == "breaching"
    assert set(missing.values()) == {"notBreaching"}


def test_fewer_agents_than_the_minimum_are_an_alarm(plan_module):
    plan = plan_module("alerts", **(ALERTS | {"tasks": {"min": 2, "max": 10}}))
    alarm = planned(plan, "aws_cloudwatch_metric_alarm")['aws_cloudwatch_metric_alarm.threshold["agent-not-running"]']
    assert (alarm["namespace"], alarm["metric_name"]) == ("ECS/ContainerInsights", "RunningTaskCount")
    assert alarm["dimensions"] == {"ClusterName": "HarborFlows-Test", "ServiceName": "HarborFlows-Test-agent"}
    assert (alarm["comparison_operator"], alarm["threshold"]) == ("LessThanThreshold", 2)


def test_high_cpu_is_an_alarm_only_with_every_task_running(alarms):
    queries = {query["id"]: query for query in alarms["agent-at-ceiling"]["metric_query"]}
    assert queries["at_ceiling"]["expression"] == "IF(cpu > 80 AND running >= 10, 1, 0)"
    assert [query["id"] for query in queries.values() if query["return_data"]] == ["at_ceiling"]
    metrics = {name: query["metric"][0] for name, query in queries.items() if query["metric"]}
    assert {name: (metric["namespace"], metric["metric_name"]) for name, metric in metrics.items()} == {
        "cpu": ("AWS/ECS", "CPUUtilization"),
        "running": ("ECS/ContainerInsights", "RunningTaskCount"),
    }


def test_only_alarms_of_this_environment_publish_and_only_over_tls(plan):
    (policy,) = planned(plan, "aws_sns_topic_policy").values()
    allowed, denied = json.loads(policy["policy"])["Statement"]
    assert (allowed["Action"], allowed["Resource"]) == ("sns:Publish", TOPIC)
    assert allowed["Principal"] == {"Service": "cloudwatch.amazonaws.com"}
    assert allowed["Condition"] == {
        "StringEquals": {"aws:SourceAccount": "333333333333"},
        "ArnLike": {"aws:SourceArn": "arn:aws:cloudwatch:eu-west-1:333333333333:alarm:HarborFlows-Test-*"},
    }
    assert (denied["Effect"], denied["Principal"]) == ("Deny", {"AWS": "*"})
    assert denied["Action"] == ["sns:Subscribe", "sns:Publish"]
    assert denied["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


def test_eventbridge_publishes_only_where_deliveries_are_told_of(plan_module):
    plan = plan_module("alerts", **ALERTS, delivery_notices="true")
    (policy,) = planned(plan, "aws_sns_topic_policy").values()
    statements = {each["Sid"]: each for each in json.loads(policy["policy"])["Statement"]}
    assert set(statements) == {"AlarmsOfThisEnvironment", "NoticesOfDeliveries", "TlsOnly"}
    notices = statements["NoticesOfDeliveries"]
    assert notices["Principal"] == {"Service": "events.amazonaws.com"}
    assert "Condition" not in notices  # AWS: EventBridge tells SNS none, so nothing would arrive.


def test_only_this_rule_writes_to_the_log_of_stopped_tasks(plan):
    (policy,) = planned(plan, "aws_cloudwatch_log_resource_policy").values()
    write = next(each for each in json.loads(policy["policy_document"])["Statement"] if "Condition" in each)
    assert write["Action"] == "logs:PutLogEvents"
    rule = "arn:aws:events:eu-west-1:333333333333:rule/HarborFlows-Test-stopped-tasks"
    assert write["Condition"] == {"ArnEquals": {"aws:SourceArn": rule}}
    (group,) = planned(plan, "aws_cloudwatch_log_group").values()
    assert (group["name"], group["retention_in_days"]) == ("/HarborFlows/Test/stopped-tasks", 365)
    assert group["kms_key_id"] == ALERTS["logs"]["kms_key_arn"]


@pytest.mark.parametrize(
    ("detail", "is_abnormal"),
    [
        ({"stopCode": "TaskFailedToStart", "containers": [{"name": "prefect"}]}, True),
        ({"stopCode": "SpotInterruption"}, True),
        ({"stopCode": "TerminationNotice"}, True),
        ({"stopCode": "EssentialContainerExited", "containers": [{"exitCode": 137}]}, True),
        ({"stopCode": "EssentialContainerExited", "containers": [{"exitCode": 0}, {"exitCode": 1}]}, True),
        ({"stopCode": "EssentialContainerExited", "containers": [{"exitCode": 0}]}, False),
        (
            {
                "stopCode": "EssentialContainerExited",
                "containers": [{"exitCode": 0}],
                "group": "service:HarborFlows-Test-agent",
            },
            True,
        ),
        ({"stopCode": "ServiceSchedulerInitiated", "stoppedReason": "Task failed container health checks"}, True),
        ({"stopCode": "ServiceSchedulerInitiated", "stoppedReason": "Scaling activity initiated by deployment"}, False),
        ({"stopCode": "UserInitiated", "containers": [{"exitCode": 143}]}, False),
        ({"stopCode": "SpotInterruption", "lastStatus": "DEPROVISIONING"}, False),
        ({"stopCode": "SpotInterruption", "clusterArn": f"{CLUSTER}2"}, False),
    ],
)
def test_a_task_that_stopped_as_none_should_is_kept(plan, monkeypatch, detail, is_abnormal):
    flatten = staticmethod(lambda event: compat.flatten_event(None, event))
    monkeypatch.setattr(EventPattern, "_flatten_dict", flatten)
    (rule,) = planned(plan, "aws_cloudwatch_event_rule").values()
    normal = {"clusterArn": CLUSTER, "lastStatus": "STOPPED", "group": "family:HarborFlows-Test-flow"}
    event = {"source": "aws.ecs", "detail-type": "ECS Task State Change", "detail": normal | detail}
    assert EventPattern.load(rule["event_pattern"]).matches_event(event) is is_abnormal


def test_each_line_that_is_counted_has_an_alarm(plan, alarms):
    filters = planned(plan, "aws_cloudwatch_log_metric_filter").values()
    counted = {each["name"]: each["metric_transformation"][0] for each in filters}
    assert len(counted) == 4
    for name, metric in counted.items():
        assert (metric["namespace"], metric["name"]) == (alarms[name]["namespace"], alarms[name]["metric_name"])
    patterns = {each["name"]: (each["log_group_name"], each["pattern"]) for each in filters}
    stopped = "/HarborFlows/Test/stopped-tasks"
    assert patterns["tasks-not-started"] == (stopped, '{ $.detail.stopCode = "TaskFailedToStart" }')
    assert patterns["tasks-stopped"] == (stopped, '{ $.detail.stopCode != "TaskFailedToStart" }')


def test_the_dashboard_shows_every_alarm_and_asks_only_for_what_is_there(plan, alarms):
    (dashboard,) = planned(plan, "aws_cloudwatch_dashboard").values()
    widgets = json.loads(dashboard["dashboard_body"])["widgets"]
    shown = next(widget for widget in widgets if widget["type"] == "alarm")["properties"]["alarms"]
    assert {arn.rpartition(":")[2] for arn in shown} == {f"HarborFlows-Test-{name}" for name in alarms}
    queries = [widget["properties"]["query"] for widget in widgets if widget["type"] == "log"]
    asked = {re.match(r"SOURCE '([^']+)'", query)[1] for query in queries}
    assert asked == {"/HarborFlows/Test/agent", "/HarborFlows/Test/flow", "/HarborFlows/Test/stopped-tasks"}
    assert all(widget["properties"].get("region", "eu-west-1") == "eu-west-1" for widget in widgets)


def test_an_e_mail_address_is_subscribed_and_pagerduty_is_not(plan, plan_module):
    (subscription,) = planned(plan, "aws_sns_topic_subscription").values()
    assert (subscription["protocol"], subscription["endpoint"]) == ("email", "data-platform@example.com")
    pagerduty = plan_module("alerts", **(ALERTS | {"alerts": {"pagerduty": True}}))
    assert planned(pagerduty, "aws_sns_topic_subscription") == {}
