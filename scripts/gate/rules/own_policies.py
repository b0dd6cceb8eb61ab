"""Roles have only policies of this plan: none that AWS manages, none from elsewhere."""

from collections.abc import Iterator

from scripts.gate.reading.documents import ATTACHMENTS, policy_names
from scripts.gate.reading.plan import UNKNOWN, Finding, Plan
from scripts.gate.reading.references import describe_value, is_configured, targets

EXPECTED = "a policy of this plan, so that its document can be checked"


def check(plan: Plan) -> Iterator[Finding]:
    names = policy_names(plan)
    for resource in plan.planned(*ATTACHMENTS, "aws_iam_role", "aws_iam_role_policy_attachments_exclusive"):
        for attribute in ("policy_arn", "policy_arns", "managed_policy_arns"):
            value = resource.after.get(attribute)
            if value is UNKNOWN and not is_configured(plan, resource, attribute):
                continue
            for arn in value if isinstance(value, list) else [value] if value else []:
                if arn is UNKNOWN:
                    good = bool(targets(plan, resource, attribute, "aws_iam_policy"))
                else:
                    good = str(arn).rpartition(":")[2] in names
                if not good:
                    yield Finding(resource.address, describe_value(plan, resource, attribute, arn), EXPECTED)
