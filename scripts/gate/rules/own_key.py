"""Stored data is encrypted with our own KMS key: buckets, log groups, topics, repositories, artifacts."""

from collections.abc import Iterator

from scripts.gate.reading.plan import UNKNOWN, Finding, Plan, Resource
from scripts.gate.reading.references import describe_value, targets, values_at

EXPECTED = "the ARN of a KMS key of this environment"
# Where each type names its key.
BUCKET = "aws_s3_bucket_server_side_encryption_configuration"
KEYS = {
    BUCKET: "rule.apply_server_side_encryption_by_default.kms_master_key_id",
    "aws_cloudwatch_log_group": "kms_key_id",
    "aws_codebuild_project": "encryption_key",
    "aws_codepipeline": "artifact_store.encryption_key.id",
    "aws_ecr_repository": "encryption_configuration.kms_key",
    "aws_sns_topic": "kms_master_key_id",
    "aws_ssm_parameter": "key_id",
}
TYPES = "aws_kms_key", "aws_kms_replica_key"
# S3 delivers access logs only to buckets that it encrypts with its own key.
OF_LOGS = "aws_s3_bucket_logging"


def check(plan: Plan) -> Iterator[Finding]:
    for_logs = {
        bucket.address
        for logging in plan.planned(OF_LOGS)
        for bucket in targets(plan, logging, "target_bucket", "aws_s3_bucket")
    }
    encrypted: set[str] = set()
    for resource in plan.planned(*KEYS):
        if resource.type == BUCKET:
            buckets = targets(plan, resource, "bucket", "aws_s3_bucket")
            encrypted.update(bucket.address for bucket in buckets)
            if buckets and all(bucket.address in for_logs for bucket in buckets):
                continue
        yield from _without_key(plan, resource, KEYS[resource.type])
    for bucket in plan.planned("aws_s3_bucket"):
        if bucket.address not in encrypted:
            yield Finding(bucket.address, "no server-side encryption configuration", EXPECTED)


def _without_key(plan: Plan, resource: Resource, attribute: str) -> Iterator[Finding]:
    for value in values_at(resource.after, attribute.split(".")) or [None]:
        if value is UNKNOWN:
            good = bool(targets(plan, resource, attribute, *TYPES))
        else:
            good = isinstance(value, str) and _is_own_key(plan, value)
        if not good:
            yield Finding(resource.address, describe_value(plan, resource, attribute, value), EXPECTED)


def _is_own_key(plan: Plan, key: str) -> bool:
    """A key of this plan, or the one that has this environment's alias. AWS's own keys are named alias/aws/…."""
    if plan.names is None:
        return key.startswith("arn:aws") and ":alias/aws/" not in key
    made = any(resource.type in TYPES for resource in plan.identities.get(key, []))
    return made or key.rpartition(":")[2] == f"alias/{plan.names.title}"
