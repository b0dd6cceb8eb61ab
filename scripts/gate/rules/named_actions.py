"""Policies name the actions they allow: no Allow statement has NotAction or a wildcard in an action."""

from collections.abc import Iterator

from scripts.gate.reading.documents import Document, Statement, documents
from scripts.gate.reading.plan import Finding, Plan

NEEDS = ("known_policies",)
EXPECTED = "each action by its full name, without wildcards"


def check(plan: Plan) -> Iterator[Finding]:
    for document in documents(plan):
        if document.kind == "boundary":  # It grants nothing.
            continue
        for statement in document.allowed():
            for action in (*statement.actions, *(f"all but {one}" for one in statement.not_actions)):
                if ("*" in action or "?" in action or statement.not_actions) and not _administers_a_key(
                    document, statement
                ):
                    yield Finding(document.address, f"{document.attribute} {statement.label}: {action}", EXPECTED)


def _administers_a_key(document: Document, statement: Statement) -> bool:
    """Without `kms:*` for the account's root no IAM policy could grant use of the key, and nobody could repair it."""
    return (
        document.resource.type.startswith("aws_kms_")
        and statement.actions == ("kms:*",)
        and bool(statement.principals)
        and all(kind == "AWS" and name.endswith(":root") for kind, name in statement.principals)
    )
