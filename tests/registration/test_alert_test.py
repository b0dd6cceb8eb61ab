"""A harmless message goes through each channel as Prefect would send it; what was taken is told, an address never."""

import asyncio
from dataclasses import replace

import boto3
import pytest
import receivers
from moto import mock_aws

from scripts.gate import applied_state
from scripts.registration.alert_test import send_all
from scripts.registration.alerts import Alerts
from scripts.registration.channels import PagerDuty, Place, Slack, Teams
from scripts.shared.environments import Environment

pytestmark = pytest.mark.usefixtures("made_up_environments")


@pytest.fixture
def sns(monkeypatch):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name, raising=False)
    with mock_aws(config={"core": {"passthrough": {"urls": ["http://127.0.0.1.*"]}}}):
        client = boto3.client("sns", region_name="eu-central-1")
        yield client, client.create_topic(Name="HarborFlows-Amber-alerts")["TopicArn"]


def sent(repository, monkeypatch, tmp_path, alerts):
    """What becomes of the messages to these channels."""
    title = repository.stack.title
    facts = {"title": title, "alerts": alerts}
    monkeypatch.setattr(applied_state, "read_outputs", lambda *_: [facts])
    return asyncio.run(send_all(Environment("amber", tmp_path)))


def registered(repository, received):
    """The channels' blocks, as registration writes them."""
    place = Place("amber", repository.stack.title, "http://127.0.0.1:9", "http://127.0.0.1:9", "eu-central-1", "/x")
    made = (PagerDuty("k" * 32, received.url("pagerduty")), Slack(received.url("slack")), Teams(received.url("teams")))
    repository.stack = replace(repository.stack, alerts=Alerts(("pagerduty", "slack", "teams"), made, place))
    repository.flow("one")
    repository.register()


def test_each_channel_takes_a_harmless_message(repository, received, monkeypatch, tmp_path):
    registered(repository, received)
    monkeypatch.setattr("scripts.registration.alert_test.send_on_topic", lambda *_: [])
    found = sent(repository, monkeypatch, tmp_path, ["email", "pagerduty", "slack", "teams"])
    assert received.refused == []
    assert [(each.channel, each.said) for each in found] == [
        *[("pagerduty", "answered 202")] * 2,
        ("slack", "answered 202"),
        ("teams", "answered 202"),
    ]
    actions = [event["event_action"] for event in received.messages["pagerduty"]]
    assert actions == ["trigger", "resolve"]
    assert "nothing is wrong" in received.messages["slack"][0]["text"]


def test_a_channel_that_does_not_take_it_is_told_without_its_address(repository, received, monkeypatch, tmp_path):
    registered(repository, received)
    monkeypatch.setattr("scripts.registration.alert_test.send_on_topic", lambda *_: [])
    monkeypatch.setattr(receivers, "PATHS", {})
    found = sent(repository, monkeypatch, tmp_path, ["slack", "teams"])
    assert [(each.arrived, each.said) for each in found] == [(False, "answered 400")] * 2
    assert "secret" not in str(found)


def test_a_channel_that_was_never_registered_is_told(repository, monkeypatch, tmp_path):
    monkeypatch.setattr("scripts.registration.alert_test.send_on_topic", lambda *_: [])
    [found] = sent(repository, monkeypatch, tmp_path, ["slack"])
    assert found.said == "Prefect has no block for it: register with SLACK_WEBHOOK_URL set"


def test_each_subscription_of_the_topic_is_told_and_no_web_address(sns, received, tmp_path):
    from scripts.registration.alert_test import send_on_topic

    client, topic = sns
    environment = Environment("amber", tmp_path)
    title = topic.rpartition(":")[2].removesuffix("-alerts")
    environment.facts["account_id"] = topic.split(":")[4]
    [nobody] = send_on_topic(environment, title)
    assert not nobody.arrived
    assert nobody.said.startswith("nobody is subscribed")
    client.subscribe(TopicArn=topic, Protocol="email", Endpoint="harbour@example.com")
    client.subscribe(TopicArn=topic, Protocol="http", Endpoint=received.url("slack"))
    found = {each.channel: each.arrived for each in send_on_topic(environment, title)}
    assert set(found) == {"harbour@example.com", "http"}


def test_a_topic_that_is_not_there_is_told(sns, tmp_path):
    from scripts.registration.alert_test import send_on_topic

    [found] = send_on_topic(Environment("amber", tmp_path), "HarborFlows-Nowhere")
    assert (found.arrived, found.said[:11]) == (False, "AWS refused")
