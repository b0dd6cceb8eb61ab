"""Every role has a permissions boundary, which is a policy of the same plan."""

from collections.abc import Iterator

from scripts.gate.reading.documents import policy_names
from scripts.gate.reading.plan import UNKNOWN, Finding, Plan
from scripts.gate.reading.references import describe_value, targets

EXPECTED = "permissions_boundary = the ARN of a policy in this plan"


def check(plan: Plan) -> Iterator[Finding]:
    names = policy_names(plan)
    for role in plan.planned("aws_iam_role"):
        boundary = role.after.get("permissions_boundary")
        if boundary is UNKNOWN:
            good = bool(targets(plan, role, "permissions_boundary", "aws_iam_policy"))
        else:
            good = isinstance(boundary, str) and boundary.rpartition(":")[2] in names
        if not good:
            yield Finding(role.address, describe_value(plan, role, "permissions_boundary", boundary), EXPECTED)
