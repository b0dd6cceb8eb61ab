"""How long AWS lets names and policies be; a plan does not say that one is too long, an apply does."""

from collections.abc import Iterator
from typing import Any

# Type → attribute → characters.
LENGTHS = {
    "aws_appautoscaling_policy": {"name": 256},
    "aws_cloudwatch_dashboard": {"dashboard_name": 255},
    "aws_cloudwatch_event_rule": {"name": 64, "event_pattern": 2048},
    "aws_cloudwatch_log_group": {"name": 512},
    "aws_cloudwatch_log_resource_policy": {"policy_document": 5120},
    "aws_cloudwatch_metric_alarm": {"alarm_name": 255, "alarm_description": 1024},
    "aws_codebuild_project": {"name": 150},
    "aws_codepipeline": {"name": 100},
    "aws_ecs_cluster": {"name": 255},
    "aws_ecs_service": {"name": 255},
    "aws_ecs_task_definition": {"family": 255},
    "aws_iam_policy": {"name": 128, "policy": 6144},
    # Of inline policies the sum counts, but each role has one.
    "aws_iam_role": {"name": 64, "assume_role_policy": 2048},
    "aws_iam_role_policy": {"name": 128, "policy": 10240},
    "aws_kms_alias": {"name": 256},
    "aws_kms_key": {"policy": 32768, "description": 8192},
    "aws_s3_bucket": {"bucket": 63},
    "aws_s3_bucket_policy": {"policy": 20480},
    "aws_security_group": {"name": 255},
    "aws_sns_topic": {"name": 256},
    "aws_sns_topic_policy": {"policy": 30720},
    "aws_sqs_queue": {"name": 80},
    "aws_vpc_endpoint": {"policy": 20480},
}


def too_long(values: dict[str, dict[str, Any]]) -> Iterator[str]:
    """Each planned value, by address, that AWS would not take; IAM does not count white space in a policy."""
    for address, after in values.items():
        limits = LENGTHS.get(address.partition("[")[0].split(".")[-2], {})
        for attribute, most in limits.items():
            value = after.get(attribute)
            length = len("".join(value.split()) if "policy" in attribute else value) if isinstance(value, str) else 0
            if length > most:
                yield f"{address}: got {attribute} of {length} characters; expected at most {most}"
