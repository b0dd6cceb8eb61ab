"""Which documents decide what each role of a plan may do: its policies, its boundary, and who may assume it."""

from collections.abc import Iterator
from dataclasses import dataclass

from scripts.gate.reading.documents import ATTACHMENTS, Document, documents
from scripts.gate.reading.plan import UNKNOWN, Plan


@dataclass(frozen=True)
class Granted:
    """One role's documents. No boundary (None) bounds nothing: bounded_roles finds that."""

    policies: tuple[Document, ...]
    boundary: tuple[Document, ...] | None
    trust: tuple[Document, ...]


def granted(plan: Plan) -> dict[str, Granted]:
    """By the role's name, what it is given: in its own block, by a policy of its own, or attached.

    A policy of a role that the plan does not make, or does not know, stands under that name.
    """
    policies: dict[str, list[Document]] = {}
    trust: dict[str, list[Document]] = {}
    managed: dict[str, list[Document]] = {}
    for document in documents(plan):
        resource = document.resource
        if resource.type == "aws_iam_policy":
            managed.setdefault(f"{resource.after.get('path') or '/'}{resource.after.get('name')}", []).append(document)
        elif document.kind == "trust":
            trust.setdefault(str(resource.after.get("name")), []).append(document)
        elif document.kind == "identity":
            owner = resource.after.get("name" if resource.type == "aws_iam_role" else "role")
            policies.setdefault(str(owner), []).append(document)
    for arn, role in _attached(plan):
        policies.setdefault(role, []).extend(managed.get(arn.partition(":policy")[2], []))
    found = {}
    bound_by = {
        str(role.after.get("name")): role.after.get("permissions_boundary") for role in plan.planned("aws_iam_role")
    }
    for name in {*policies, *bound_by}:
        bound = bound_by.get(name)
        bounds = managed.get(bound.partition(":policy")[2]) if isinstance(bound, str) else None
        boundary = tuple(bounds) if bounds else None
        found[name] = Granted((*policies.get(name, ()),), boundary, (*trust.get(name, ()),))
    return found


def _attached(plan: Plan) -> Iterator[tuple[str, str]]:
    """(ARN of a policy, name of a role) of every attachment whose two ends are known; own_policies finds the others."""
    for each in plan.planned(*ATTACHMENTS):
        several = each.after.get("roles")
        roles = [each.after.get("role"), *(several if isinstance(several, list) else ())]
        for role in roles if each.after.get("policy_arn") is not UNKNOWN else ():
            if isinstance(role, str):
                yield str(each.after.get("policy_arn")), role
    for role in plan.planned("aws_iam_role"):
        arns = role.after.get("managed_policy_arns")
        for arn in arns if isinstance(arns, list) else ():
            if isinstance(arn, str):
                yield arn, str(role.after.get("name"))
