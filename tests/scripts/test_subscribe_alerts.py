"""PagerDuty is subscribed once, changed without a gap, and its address is never shown."""

import boto3
import pytest
from moto import mock_aws
from moto.sns.models import SNSBackend

from scripts import subscribe_alerts
from scripts.delivery import alert_subscription
from scripts.shared.refusal import Refusal

pytestmark = pytest.mark.usefixtures("made_up_environments")
OLD = "https://events.pagerduty.com/integration/0ld-k3y/enqueue"
NEW = "https://events.pagerduty.com/integration/n3w-k3y/enqueue"
NAME = "/HarborFlows/Amber/PAGERDUTY_ENDPOINT"


class Cloud:
    """amber's account with an applied topic."""

    def __init__(self):
        self.ssm = boto3.client("ssm", region_name="eu-central-1")
        self.sns = boto3.client("sns", region_name="eu-central-1")
        self.other = self.sns.create_topic(Name="A-HarborFlows-Amber-alerts")["TopicArn"]
        self.topic = self.sns.create_topic(Name="HarborFlows-Amber-alerts")["TopicArn"]

    def write(self, value, kind="SecureString"):
        self.ssm.put_parameter(Name=NAME, Value=value, Type=kind, Overwrite=True)

    def subscribed(self):
        listed = self.sns.list_subscriptions_by_topic(TopicArn=self.topic)["Subscriptions"]
        return sorted((each["Protocol"], each["Endpoint"]) for each in listed)


@pytest.fixture
def cloud(monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL", "AWS_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
    with mock_aws():
        yield Cloud()


@pytest.fixture
def subscribe(monkeypatch, capsys):
    """Run the command; returns what it says of its work. No part of an address may be in its output."""

    def run(environment="amber"):
        monkeypatch.setattr("sys.argv", ["subscribe_alerts", environment])
        subscribe_alerts.main()
        said, warned = capsys.readouterr()
        assert "pagerduty.com" not in said + warned
        assert "k3y" not in said + warned
        return said

    return run


@pytest.fixture
def unconfirmed(monkeypatch):
    """Addresses whose subscription PagerDuty never confirms, as SNS lists such a one."""
    addresses = set()
    original = SNSBackend.subscribe

    def subscribe(backend, topic_arn, endpoint, protocol):
        subscription = original(backend, topic_arn, endpoint, protocol)
        if endpoint in addresses:
            subscription.arn = "PendingConfirmation"
        return subscription

    monkeypatch.setattr(SNSBackend, "subscribe", subscribe)
    monkeypatch.setattr(alert_subscription, "CONFIRMED_WITHIN_SECONDS", 0)
    return addresses


def refusal_of(subscribe):
    with pytest.raises(Refusal) as refused:
        subscribe()
    assert "k3y" not in str(refused.value)
    return str(refused.value)


def test_the_address_is_subscribed_and_again_changes_nothing(cloud, subscribe):
    cloud.write(NEW)
    assert subscribe() == f"{cloud.topic}: subscribed\n"
    assert subscribe() == f"{cloud.topic}: already subscribed\n"
    assert cloud.subscribed() == [("https", NEW)]


def test_a_new_address_takes_the_place_of_the_old_and_an_e_mail_stays(cloud, subscribe):
    cloud.sns.subscribe(TopicArn=cloud.topic, Protocol="email", Endpoint="data-platform@example.com")
    cloud.write(OLD)
    subscribe()
    cloud.write(NEW)
    assert subscribe() == f"{cloud.topic}: subscribed, 1 older subscription(s) ended\n"
    assert cloud.subscribed() == [("email", "data-platform@example.com"), ("https", NEW)]


def test_the_old_address_stays_until_the_new_one_is_confirmed(cloud, subscribe, unconfirmed):
    cloud.write(OLD)
    subscribe()
    cloud.write(NEW)
    unconfirmed.add(NEW)
    assert "has not confirmed the subscription within" in refusal_of(subscribe)
    assert cloud.subscribed() == [("https", OLD), ("https", NEW)]


def test_another_topic_is_left_alone(cloud, subscribe):
    cloud.sns.subscribe(TopicArn=cloud.other, Protocol="https", Endpoint=OLD)
    cloud.write(NEW)
    subscribe()
    assert [
        each["Endpoint"] for each in cloud.sns.list_subscriptions_by_topic(TopicArn=cloud.other)["Subscriptions"]
    ] == [OLD]


def test_no_address_is_told_with_where_it_belongs(cloud, subscribe):
    said = refusal_of(subscribe)
    assert said.startswith(f"{NAME}: no such parameter; expected PagerDuty's address in it: see docs/runbook.md#")


@pytest.mark.parametrize(
    "value",
    [
        "http://events.pagerduty.com/integration/n3w-k3y/enqueue",
        "n3w-k3y",
        "https://",
        "https://a b/k3y",
        "https://[k3y",
    ],
)
def test_what_is_no_https_address_is_told_without_showing_it(cloud, subscribe, value):
    cloud.write(value)
    said = refusal_of(subscribe)
    assert said.startswith(f"{NAME}: got a value that is not an https address; expected https://")
    assert cloud.subscribed() == []


def test_an_address_that_is_not_encrypted_is_told(cloud, subscribe):
    cloud.write(NEW, "String")
    said = f"{NAME}: got a String; expected a SecureString, because the address holds a key: see docs/"
    assert refusal_of(subscribe).startswith(said)


def test_a_topic_that_was_not_applied_is_told(cloud, subscribe):
    cloud.sns.delete_topic(TopicArn=cloud.topic)
    cloud.write(NEW)
    assert "expected an applied environment: run `make apply ENV=amber` first." in refusal_of(subscribe)


def test_what_aws_refuses_is_told_by_its_code_alone(cloud, subscribe, monkeypatch):
    """SNS repeats a wrong address in its message."""
    cloud.write(NEW)

    def refuse(*_, **__):
        raise alert_subscription.ClientError({"Error": {"Code": "InvalidParameter", "Message": NEW}}, "Subscribe")

    monkeypatch.setattr(SNSBackend, "subscribe", refuse)
    assert refusal_of(subscribe) == f"{NAME}: AWS refused Subscribe with InvalidParameter."
