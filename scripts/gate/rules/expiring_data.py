"""Old data expires: every bucket has an enabled lifecycle rule, and every log group a retention time."""

from collections.abc import Iterator

from scripts.gate.reading.plan import Finding, Plan
from scripts.gate.reading.references import describe_value, targets

EXPECTED = "an aws_s3_bucket_lifecycle_configuration with a rule whose status is Enabled"
EXPECTED_DAYS = "retention_in_days of 1 or more: 0 and unset keep logs forever"


def check(plan: Plan) -> Iterator[Finding]:
    expiring: set[str] = set()
    for lifecycle in plan.planned("aws_s3_bucket_lifecycle_configuration"):
        if any(rule.get("status") == "Enabled" for rule in lifecycle.after.get("rule") or []):
            expiring.update(bucket.address for bucket in targets(plan, lifecycle, "bucket", "aws_s3_bucket"))
    for bucket in plan.planned("aws_s3_bucket"):
        if bucket.address not in expiring:
            yield Finding(bucket.address, "no enabled lifecycle rule", EXPECTED)
    for group in plan.planned("aws_cloudwatch_log_group"):
        days = group.after.get("retention_in_days")
        if not (isinstance(days, int) and days > 0):
            yield Finding(group.address, describe_value(plan, group, "retention_in_days", days), EXPECTED_DAYS)
