"""What ECS tells of tasks reaches this environment's queue and no other's."""

import json

import pytest


@pytest.fixture
def queue(environment):
    """URL and attributes of the queue."""
    url = environment["sqs"].get_queue_url(QueueName=f"{environment.title}-task-events")["QueueUrl"]
    return url, environment["sqs"].get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]


def test_only_the_rule_of_this_cluster_may_send(environment, queue):
    (statement,) = json.loads(queue[1]["Policy"])["Statement"]
    assert statement["Principal"] == {"Service": "events.amazonaws.com"}
    assert statement["Action"] == "sqs:SendMessage"
    assert statement["Resource"] == environment.arn("sqs", f"{environment.title}-task-events")
    rule = environment.arn("events", f"rule/{environment.title}-task-events")
    assert statement["Condition"] == {"ArnEquals": {"aws:SourceArn": rule}}


def test_what_cannot_be_handled_goes_to_the_dead_letter_queue(environment, queue):
    assert json.loads(queue[1]["RedrivePolicy"]) == {
        "deadLetterTargetArn": environment.arn("sqs", f"{environment.title}-task-events-dlq"),
        "maxReceiveCount": 5,
    }


def test_both_queues_are_encrypted(environment):
    for name in ("task-events", "task-events-dlq"):
        url = environment["sqs"].get_queue_url(QueueName=f"{environment.title}-{name}")["QueueUrl"]
        attributes = environment["sqs"].get_queue_attributes(QueueUrl=url, AttributeNames=["SqsManagedSseEnabled"])
        assert attributes["Attributes"] == {"SqsManagedSseEnabled": "true"}


def test_the_rule_hears_of_tasks_of_this_cluster_only(environment):
    rule = environment["events"].describe_rule(Name=f"{environment.title}-task-events")
    assert rule["State"] == "ENABLED"
    assert json.loads(rule["EventPattern"]) == {
        "source": ["aws.ecs"],
        "detail-type": ["ECS Task State Change"],
        "detail": {
            "clusterArn": [environment.arn("ecs", f"cluster/{environment.title}")],
            "lastStatus": ["STOPPED"],
        },
    }
    targets = environment["events"].list_targets_by_rule(Rule=rule["Name"])["Targets"]
    assert [target["Arn"] for target in targets] == [environment.arn("sqs", f"{environment.title}-task-events")]


def test_the_queue_holds_the_events_of_this_clusters_tasks(environment, queue):
    """The agents of both environments could not start, and ECS told."""
    messages = environment["sqs"].receive_message(QueueUrl=queue[0], MaxNumberOfMessages=10, VisibilityTimeout=0)
    events = [json.loads(message["Body"]) for message in messages["Messages"]]
    assert {event["detail"]["clusterArn"] for event in events} == {
        environment.arn("ecs", f"cluster/{environment.title}")
    }
