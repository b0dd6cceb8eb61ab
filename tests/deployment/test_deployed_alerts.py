"""Whatever goes wrong is told to one topic, as CloudWatch, SNS and EventBridge describe it."""

import json
import re

import pytest
from deployment import AMBER

from scripts.shared.environments import ROOT


@pytest.fixture
def topic(environment):
    """ARN of the topic."""
    return environment.arn("sns", f"{environment.title}-alerts")


@pytest.fixture
def alarms(environment):
    """The environment's alarms by the end of their name."""
    start = f"{environment.title}-"
    found = environment["cloudwatch"].describe_alarms(AlarmNamePrefix=start)["MetricAlarms"]
    return {alarm["AlarmName"].removeprefix(start): alarm for alarm in found}


def test_every_alarm_tells_the_topic_when_it_starts_and_when_it_ends(alarms, topic):
    assert {"agent-not-running", "agent-at-ceiling", "task-events-dead-letters", "delivery-failed"} <= set(alarms)
    for name, alarm in alarms.items():
        assert (alarm["ActionsEnabled"], alarm["AlarmActions"], alarm["OKActions"]) == (True, [topic], [topic]), name


def test_every_alarm_names_a_section_of_the_runbook(alarms):
    sections = set(re.findall(r"^## (\S+)$", (ROOT / "docs" / "runbook.md").read_text(), re.MULTILINE))
    for name, alarm in alarms.items():
        assert alarm["AlarmDescription"].rpartition("docs/runbook.md#")[2] in sections, name


def test_no_data_is_an_alarm_only_where_the_agent_would_be_gone(alarms):
    assert {name: alarm["TreatMissingData"] for name, alarm in alarms.items()} == {
        name: "breaching" if name == "agent-not-running" else "notBreaching" for name in alarms
    }


def test_only_this_environments_alarms_and_deliveries_publish_and_only_over_tls(environment, topic):
    attributes = environment["sns"].get_topic_attributes(TopicArn=topic)["Attributes"]
    found = {each["Sid"]: each for each in json.loads(attributes["Policy"])["Statement"]}
    assert set(found) == {"AlarmsOfThisEnvironment", "NoticesOfDeliveries", "TlsOnly"}
    of_alarms = found["AlarmsOfThisEnvironment"]
    assert of_alarms["Principal"] == {"Service": "cloudwatch.amazonaws.com"}
    assert of_alarms["Condition"] == {
        "StringEquals": {"aws:SourceAccount": environment.account},
        "ArnLike": {"aws:SourceArn": environment.arn("cloudwatch", f"alarm:{environment.title}-*")},
    }
    assert found["NoticesOfDeliveries"]["Principal"] == {"Service": "events.amazonaws.com"}
    assert found["TlsOnly"]["Effect"] == "Deny"
    assert {each["Action"] for each in found.values() if each["Effect"] == "Allow"} == {"sns:Publish"}


def test_what_is_told_is_encrypted_with_the_environments_own_key(environment, topic):
    attributes = environment["sns"].get_topic_attributes(TopicArn=topic)["Attributes"]
    assert attributes["KmsMasterKeyId"] == environment.key_arn


def test_the_team_is_subscribed(environment, topic):
    found = environment["sns"].list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
    assert [(each["Protocol"], each["Endpoint"]) for each in found] == [("email", AMBER["alerts"]["email"])]


def test_how_a_delivery_ends_is_told_with_its_link(environment, topic):
    rule = f"{environment.title}-delivery-ended"
    pattern = json.loads(environment["events"].describe_rule(Name=rule)["EventPattern"])
    assert pattern["detail"]["pipeline"] == [environment.title]
    (target,) = environment["events"].list_targets_by_rule(Rule=rule)["Targets"]
    assert target["Arn"] == topic
    assert f"/codesuite/codepipeline/pipelines/{environment.title}/" in target["InputTransformer"]["InputTemplate"]
