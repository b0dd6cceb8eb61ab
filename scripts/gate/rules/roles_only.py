"""The plan creates no long-lived credentials: no IAM user, group, access key or password."""

from collections.abc import Iterator

from scripts.gate.reading.plan import Finding, Plan

EXPECTED = "an IAM role, whose credentials expire"


def check(plan: Plan) -> Iterator[Finding]:
    for resource in plan.planned():
        if (
            resource.type == "aws_iam_access_key"
            or resource.type.startswith(("aws_iam_user", "aws_iam_group"))
            or (resource.type in {"aws_iam_service_specific_credential", "aws_key_pair"})
        ):
            yield Finding(resource.address, resource.type, EXPECTED)
