"""Alarms and the topic that they tell, as CloudWatch and SNS describe them."""

import json

import pytest


@pytest.fixture
def topic(environment):
    return environment.arn("sns", f"{environment.title}-alerts")


@pytest.fixture
def alarms(environment):
    """The environment's own, by the end of their name; target tracking makes others of its own."""
    start = f"{environment.title}-"
    found = environment["cloudwatch"].describe_alarms(AlarmNamePrefix=start)["MetricAlarms"]
    return {alarm["AlarmName"].removeprefix(start): alarm for alarm in found}


def test_these_are_the_alarms(alarms):
    assert set(alarms) == {
        *("agent-not-running", "agent-at-ceiling", "agent-errors", "flow-errors", "tasks-stopped", "tasks-not-started"),
        *("task-events-not-read", "task-events-dead-letters", "delivery-failed"),
    }


def test_every_alarm_tells_the_topic_when_it_begins_and_when_it_ends(alarms, topic):
    for name, alarm in alarms.items():
        assert (alarm["AlarmActions"], alarm["OKActions"], alarm["ActionsEnabled"]) == ([topic], [topic], True), name


def test_every_alarm_says_what_to_do_and_where_the_runbook_goes_on(alarms):
    for name, alarm in alarms.items():
        assert alarm["AlarmDescription"].endswith(f"docs/runbook.md#{name}")
        assert alarm["TreatMissingData"] in ("breaching", "notBreaching")


def test_only_alarms_and_rules_publish_and_nobody_without_tls(environment, topic):
    attributes = environment["sns"].get_topic_attributes(TopicArn=topic)["Attributes"]
    assert attributes["KmsMasterKeyId"] == environment.key_arn
    statements = json.loads(attributes["Policy"])["Statement"]
    allowed = {each["Principal"]["Service"]: each for each in statements if each["Effect"] == "Allow"}
    assert set(allowed) == {"cloudwatch.amazonaws.com", "events.amazonaws.com"}
    assert allowed["cloudwatch.amazonaws.com"]["Condition"] == {
        "StringEquals": {"aws:SourceAccount": environment.account},
        "ArnLike": {"aws:SourceArn": environment.arn("cloudwatch", f"alarm:{environment.title}-*")},
    }
    (denied,) = [each for each in statements if each["Effect"] == "Deny"]
    assert denied["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


def test_somebody_is_told(environment, topic):
    (told,) = environment["sns"].list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
    assert (told["Protocol"], told["Endpoint"]) == ("email", "data-platform@example.com")


def test_how_a_delivery_ends_is_told_with_its_link(environment, topic):
    rule = f"{environment.title}-delivery-ended"
    pattern = json.loads(environment["events"].describe_rule(Name=rule)["EventPattern"])
    assert pattern["detail"]["pipeline"] == [environment.title]
    (target,) = environment["events"].list_targets_by_rule(Rule=rule)["Targets"]
    assert target["Arn"] == topic
    assert f"/codesuite/codepipeline/pipelines/{environment.title}/" in target["InputTransformer"]["InputTemplate"]
