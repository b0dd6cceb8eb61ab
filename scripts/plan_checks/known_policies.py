"""What is to be checked can be read: no policy document and no container definition is unknown until the apply."""

from collections.abc import Iterator

from scripts.plan_checks.documents import ATTACHMENTS, containers, documents
from scripts.plan_checks.plan import Finding, Plan

EXPECTED = "known at plan time: build ARNs from names, not from computed attributes"


def check(plan: Plan) -> Iterator[Finding]:
    for document in documents(plan):
        if document.problem:
            yield Finding(document.address, f"{document.attribute} {document.problem}", EXPECTED)
    names = {
        f"policy{each.after.get('path') or '/'}{each.after.get('name')}" for each in plan.planned("aws_iam_policy")
    }
    for attachment in plan.planned(*ATTACHMENTS):
        arn = attachment.after.get("policy_arn")
        # Unknown means a policy that this plan makes: its document is checked where it stands.
        if isinstance(arn, str) and arn.rpartition(":")[2] not in names:
            yield Finding(
                attachment.address, f"policy_arn = {arn}", "a policy of this plan, whose document can be read"
            )
    for definition in containers(plan):
        if definition.problem:
            yield Finding(definition.resource.address, f"container_definitions {definition.problem}", EXPECTED)
