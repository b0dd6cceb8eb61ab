"""iam:PassRole is allowed only for named roles, and only to a named AWS service."""

import re
from collections.abc import Iterator

from scripts.gate.reading.documents import Statement, documents
from scripts.gate.reading.plan import Finding, Plan

NEEDS = ("known_policies",)
EXPECTED = (
    "iam:PassRole by its own name, on role ARNs without wildcards or on all roles of flows, with StringEquals on "
    "iam:PassedToService"
)
NAMED_ROLE = re.compile(r"arn:aws[a-z-]*:iam::\d{12}:role/[\w+=,.@/-]+")
# Not the ...IfExists forms: they let a request pass that does not say which service it is for.
OPERATORS = {"stringequals", "stringlike", "stringequalsignorecase"}


def check(plan: Plan) -> Iterator[Finding]:
    for document in documents(plan):
        if document.kind != "identity":
            continue
        for statement in document.allowed():
            if statement.matches("iam:PassRole"):
                for problem in _problems(statement, _roles_of_flows(plan)):
                    yield Finding(document.address, f"{document.attribute} {statement.label}: {problem}", EXPECTED)


def _roles_of_flows(plan: Plan) -> str:
    """The one pattern that is accepted: below this path, the gate knows every role (declared_rights)."""
    path = f"{plan.names.path}/flows/*" if plan.names else ""
    return f"arn:aws:iam::{plan.variable('account_id')}:role{path}"


def _problems(statement: Statement, roles_of_flows: str) -> Iterator[str]:
    if statement.not_actions:
        yield f"NotAction {', '.join(statement.not_actions)} leaves PassRole allowed"
    for action in statement.actions:
        # A pattern that covers PassRole also covers what no reviewer meant to allow with it.
        if "*" in action or "?" in action:
            yield f"action {action}"
    if statement.not_resources or not statement.resources:
        yield "NotResource" if statement.not_resources else "no Resource"
    for resource in statement.resources:
        if not NAMED_ROLE.fullmatch(resource) and resource != roles_of_flows:
            yield f"PassRole on {resource}"
    if not _is_for_a_service(statement):
        yield "PassRole without a condition on iam:PassedToService"


def _is_for_a_service(statement: Statement) -> bool:
    return any(
        operator in OPERATORS
        and key == "iam:passedtoservice"
        and values
        and all(value.endswith(".amazonaws.com") and "*" not in value for value in values)
        for operator, key, values in statement.conditions
    )
