"""Policies are valid: parliament finds no unknown action, impossible resource or wrong condition."""

import json
import warnings
from collections.abc import Iterator
from functools import cache
from typing import Any

from scripts.gate.reading.documents import Document, documents
from scripts.gate.reading.plan import Finding, Plan

NEEDS = ("known_policies",)
EXPECTED = "actions, resources and conditions that AWS knows and that match each other"
# What no_wildcard_writes says better, with its list of actions that have no resource level.
ELSEWHERE = {"RESOURCE_STAR", "RESOURCE_EFFECTIVELY_STAR"}
# (issue, what its detail holds): why parliament is wrong there.
WRONG = {
    ("UNKNOWN_CONDITION_FOR_ACTION", "condition kms:ResourceAliases for"): "KMS has it for every call on a key",
    ("UNKNOWN_FEDERATION_SOURCE", ":oidc-provider/"): "it knows three providers; narrow_federation looks at each",
    ("UNKNOWN_CONDITION_FOR_ACTION", "for action sts:AssumeRoleWithWebIdentity"): "keys are named like the issuer",
    ("MISMATCHED_TYPE", "ArnLike requires a value of type Arn but given String"): "an encryption context may be an ARN",
}


def check(plan: Plan) -> Iterator[Finding]:
    for document in documents(plan):
        for problem in () if document.problem else _problems(document.text, _has_no_resource(document)):
            yield Finding(document.address, f"{document.attribute}: {problem}", EXPECTED)


def _has_no_resource(document: Document) -> bool:
    """A trust policy is about its role, a repository's policy about its repository: they name no Resource."""
    return document.kind == "trust" or document.resource.type in {
        "aws_ecr_repository_policy",
        "aws_ecrpublic_repository_policy",
    }


@cache
def _problems(text: str, has_no_resource: bool) -> tuple[str, ...]:
    parliament = load_parliament()
    if has_no_resource:  # Which parliament takes for a mistake.
        policy = json.loads(text)
        for statement in policy["Statement"]:
            statement.setdefault("Resource", "*")
        text = json.dumps(policy)
    found: dict[tuple[str, str], list[str]] = {}
    for finding in parliament.analyze_policy_string(text).findings:
        detail = finding.detail if isinstance(finding.detail, str) else json.dumps(finding.detail)
        known = any(finding.issue == issue and part in detail for issue, part in WRONG)
        if finding.issue not in ELSEWHERE and not known:
            found.setdefault((finding.issue, str(finding.location)), []).append(detail)
    # A wildcard in one statement makes as many problems as AWS has actions: the first tells enough.
    more = {key: f" and {len(detail) - 1} more" if len(detail) > 1 else "" for key, detail in found.items()}
    return tuple(f"{key[0]} {detail[0]}{more[key]}".strip() for key, detail in found.items())


@cache
def load_parliament() -> Any:
    """The library, with AWS's tables: a third of a second."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # It imports pkg_resources.
        import parliament
    return parliament
