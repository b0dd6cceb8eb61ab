"""SQS and SNS."""

from typing import Any

from plan_builder import policy

from public_pairs.pair import ACCOUNT, REGION, TITLE, Of, Pair, Stack, change
from public_pairs.storage import KEY, KMS

QUEUE, QUEUE_POLICY = "aws_sqs_queue.events", "aws_sqs_queue_policy.events"
TOPIC, TOPIC_POLICY = "aws_sns_topic.alerts", "aws_sns_topic_policy.alerts"
QUEUE_ARN = f"arn:aws:sqs:{REGION}:{ACCOUNT}:{TITLE}-task-events"
TOPIC_ARN = f"arn:aws:sns:{REGION}:{ACCOUNT}:{TITLE}-alerts"
RULE = f"arn:aws:events:{REGION}:{ACCOUNT}:rule/{TITLE}-task-events"
SEND = {
    "Sid": "Events",
    "Action": "sqs:SendMessage",
    "Principal": {"Service": "events.amazonaws.com"},
    "Resource": QUEUE_ARN,
    "Condition": {"ArnEquals": {"aws:SourceArn": RULE}},
}
PUBLISH = {
    "Sid": "Deliveries",
    "Action": "sns:Publish",
    "Principal": {"Service": "events.amazonaws.com"},
    "Resource": TOPIC_ARN,
}
QUEUES: Stack = {
    QUEUE: {
        "name": f"{TITLE}-task-events",
        "sqs_managed_sse_enabled": True,
        "message_retention_seconds": 86400,
        "delay_seconds": 0,
        "max_message_size": 262144,
        "visibility_timeout_seconds": 30,
        "fifo_queue": False,
        "content_based_deduplication": False,
    },
    QUEUE_POLICY: {"queue_url": Of(QUEUE), "policy": policy(SEND)},
}
KEYED = change(QUEUES | KMS, QUEUE, sqs_managed_sse_enabled=None, kms_master_key_id=Of(KEY, "arn"))
SSE = "SQS's own encryption: EventBridge could not write with a key that does not trust it, and events hold no data"
TOPICS: Stack = KMS | {
    TOPIC: {
        "name": f"{TITLE}-alerts",
        "kms_master_key_id": Of(KEY, "arn"),
        "fifo_topic": False,
        "content_based_deduplication": False,
    },
    TOPIC_POLICY: {"arn": Of(TOPIC, "arn"), "policy": policy(PUBLISH)},
}


def sqs(about: str, bad: Stack, good: Stack = QUEUES, **why: str) -> Pair:
    """A pair about queues."""
    return Pair("SQS", about, bad, good, **why)


def queue(**statement: Any) -> Stack:
    """The queue with another policy."""
    return change(QUEUES, QUEUE_POLICY, policy=policy(SEND | statement))


def topic(about: str, good: Stack = TOPICS, **statement: Any) -> Pair:
    """A pair about the policy of a topic."""
    return Pair("SNS", about, change(TOPICS, TOPIC_POLICY, policy=policy(PUBLISH | statement)), good)


PAIRS = (
    sqs("a queue is encrypted", change(QUEUES, QUEUE, sqs_managed_sse_enabled=False)),
    sqs(
        "a queue is encrypted with a key of the customer",
        QUEUES,
        KEYED,
        ours=SSE,
        left=SSE,
        missed="checkov too takes SQS's own key",
    ),
    sqs(
        "a queue's key is not the one of AWS",
        change(KEYED, QUEUE, kms_master_key_id="alias/aws/sqs"),
        KEYED,
        ours=SSE,
    ),
    sqs("a queue's policy names its actions", queue(Action="*")),
    sqs("a queue's policy has no wildcard of SQS", queue(Action="sqs:*")),
    sqs("not everybody may use a queue", queue(Principal="*", Condition={})),
    sqs("not every AWS account may use a queue", queue(Principal={"AWS": "*"}, Condition={})),
    sqs(
        "not everybody may use a queue by the policy inside of it",
        change(QUEUES, QUEUE, policy=policy(SEND | {"Principal": "*", "Condition": {}})),
        change(QUEUES, QUEUE, policy=policy(SEND)),
        ours="a queue's policy is a resource of its own here",
    ),
    Pair("SNS", "a topic is encrypted", change(TOPICS, TOPIC, kms_master_key_id=None), TOPICS),
    Pair(
        "SNS", "a topic's key is not the one of AWS", change(TOPICS, TOPIC, kms_master_key_id="alias/aws/sns"), TOPICS
    ),
    topic("not everybody may publish", Principal="*"),
    topic("not every AWS account may publish", Principal={"AWS": "*"}),
    topic("no other account may publish", Principal={"AWS": "arn:aws:iam::999999999999:root"}),
    topic("a topic's policy names its actions", Action="sns:*"),
)
