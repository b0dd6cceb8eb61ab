"""Trust in an identity provider names the audience and the subject."""

from collections.abc import Iterator

from scripts.gate.reading.documents import Statement, documents
from scripts.gate.reading.plan import Finding, Plan

NEEDS = ("known_policies",)
EXACT = {"stringequals"}
PATTERN = {"stringequals", "stringlike"}
EXPECTED = {
    "aud": "StringEquals on <issuer>:aud, the audience that the tokens are made for",
    "sub": "StringEquals or StringLike on <issuer>:sub, with the repository or project by its whole name",
}


def check(plan: Plan) -> Iterator[Finding]:
    for document in documents(plan):
        for statement in document.allowed() if document.kind == "trust" else ():
            federated = [name for kind, name in statement.principals if kind == "Federated"]
            web = statement.matches("sts:AssumeRoleWithWebIdentity")
            if not federated and not web:
                continue
            for claim, expected in EXPECTED.items():
                if not _is_limited(statement, claim):
                    got = f"{document.attribute} {statement.label}: {', '.join(federated)} without a limit on {claim}"
                    yield Finding(document.address, got, expected)


def _is_limited(statement: Statement, claim: str) -> bool:
    operators = EXACT if claim == "aud" else PATTERN
    return any(
        operator in operators and key.endswith(f":{claim}") and values and all(map(_names_subject, values))
        for operator, key, values in statement.conditions
    )


def _names_subject(value: str) -> bool:
    """A `*` runs across the separators of a subject: only its last part may be one."""
    return bool(value.strip("*?")) and "*" not in value.rstrip("*")
