"""No stored data is destroyed or replaced, unless the environment's tfvars name its address."""

from collections.abc import Iterator

from scripts.gate.reading.plan import Finding, Plan

# What cannot be made again by applying, or takes something with it that cannot.
STATEFUL = {
    "aws_cloudwatch_log_group": "logs",
    "aws_db_instance": "a database",
    "aws_dynamodb_table": "a table",
    "aws_ecr_repository": "images",
    "aws_efs_file_system": "files",
    "aws_kms_key": "the key, and with it all that it encrypts",
    "aws_rds_cluster": "a database",
    "aws_s3_bucket": "objects",
    "aws_s3_object": "an object",
    "aws_secretsmanager_secret": "a secret",
    "aws_sqs_queue": "messages",
    "aws_ssm_parameter": "a parameter",
}


def check(plan: Plan) -> Iterator[Finding]:
    named = plan.setting("allowed_destruction")
    named = named if isinstance(named, list) else []
    for change in plan.changes:
        what = STATEFUL.get(change.type)
        if what and "delete" in change.change.actions and change.address not in named:
            verb = "replaced" if "create" in change.change.actions else "destroyed"
            expected = f"it to be kept, or {change.address} in allowed_destruction of the environment's tfvars"
            yield Finding(change.address, f"{verb}, which destroys {what}", expected)
