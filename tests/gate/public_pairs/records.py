"""KMS and CloudWatch."""

from plan_builder import policy

from public_pairs.messages import TOPIC_ARN
from public_pairs.pair import PATH, TITLE, Of, Pair, Stack, change
from public_pairs.storage import KEY, KMS

GROUP, ALARM = "aws_cloudwatch_log_group.flow", "aws_cloudwatch_metric_alarm.errors"
LOGS: Stack = KMS | {GROUP: {"name": f"{PATH}/flow", "retention_in_days": 365, "kms_key_id": Of(KEY, "arn")}}
ALARMS: Stack = {
    ALARM: {
        "alarm_name": f"{TITLE}-late",
        "actions_enabled": True,
        "alarm_actions": [TOPIC_ARN],
        "comparison_operator": "GreaterThanThreshold",
        "evaluation_periods": 1,
        "metric_name": "Late",
        "namespace": "HarborFlows/Amber",
        "period": 300,
        "statistic": "Sum",
        "threshold": 0,
    }
}


def kms(about: str, *, left: str = "", missed: str = "", **changes: object) -> Pair:
    """A pair about a key."""
    return Pair("KMS", about, change(KMS, KEY, **changes), KMS, left=left, missed=missed)


def logs(about: str, **changes: object) -> Pair:
    """A pair about a log group."""
    return Pair("CloudWatch", about, change(LOGS, GROUP, **changes), LOGS)


PAIRS = (
    kms("a key rotates", enable_key_rotation=False),
    kms("that a key rotates is said", enable_key_rotation=None),
    kms("a key is enabled", is_enabled=False),
    kms("not everybody may use a key", policy=policy({"Action": "kms:*", "Resource": "*", "Principal": "*"})),
    kms(
        "not every AWS account may decrypt with a key",
        policy=policy({"Action": "kms:Decrypt", "Resource": "*", "Principal": {"AWS": "*"}}),
    ),
    kms("a key has a policy", policy=None, left="AWS then lets only the account itself use it; checkov asks for one"),
    kms(
        "a key is not gone within days",
        deletion_window_in_days=7,
        missed="AWS allows no fewer than seven days, so nothing is gone at once",
    ),
    logs("a log group is encrypted with a key of the customer", kms_key_id=None),
    logs("logs have a time to be kept", retention_in_days=None),
    logs("logs are not kept for ever", retention_in_days=0),
    logs("logs are kept for a year", retention_in_days=30),
    Pair("CloudWatch", "an alarm acts", change(ALARMS, ALARM, actions_enabled=False), ALARMS),
)
