"""What each role of a plan may do, by the plan's own policies. No AWS call; milliseconds for hundreds of answers.

Asks whether each line of the tables is allowed, and what no role may do is denied. That nothing else is allowed is
proven in containment.py.
"""

import collections
import collections.abc
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from scripts.gate.permissions import tables
from scripts.gate.permissions.grants import granted
from scripts.gate.reading.documents import Document
from scripts.gate.reading.plan import Finding, Plan

# PrincipalMapper 1.1.5 was written for a Python that still had these names.
for _name in ("Mapping", "MutableMapping", "Sequence"):
    setattr(collections, _name, getattr(collections.abc, _name))

from principalmapper.common import Node, Policy  # noqa: E402 - only after the names are back.
from principalmapper.querying.query_interface import local_check_authorization_full  # noqa: E402


@dataclass(frozen=True)
class Question:
    """May this role make this call? `when` holds the condition keys that AWS would fill in."""

    role: str
    call: str
    resource: str
    when: dict[str, str]
    expected: bool

    def __str__(self) -> str:
        conditions = f" with {', '.join(f'{key} = {value}' for key, value in self.when.items())}" if self.when else ""
        return f"{self.call} on {self.resource}{conditions}"


class Oracle:
    """The roles of one plan with their policies and boundaries, evaluated as IAM does.

    A boundary that the plan does not hold bounds nothing here, and an unknown policy grants nothing: the rules
    bounded_roles and known_policies find those.
    """

    def __init__(self, plan: Plan) -> None:
        account = plan.required("account_id")
        self.roles: dict[str, Node] = {}
        for name, role in granted(plan).items():
            policies = [_policy(document) for document in role.policies if not document.problem]
            bound = [_policy(document) for document in role.boundary or () if not document.problem]
            trust: dict[str, Any] = next(
                (json.loads(document.text) for document in role.trust if not document.problem), {}
            )
            arn, boundary = f"arn:aws:iam::{account}:role/{name}", bound[0] if bound else None
            self.roles[name] = Node(arn, name, policies, [], trust, None, 0, False, False, boundary, False, None)

    def granted(self, role: str) -> set[str]:
        """Every action that the role's policies name, such as `s3:GetObject`."""
        found: set[str] = set()
        for policy in self.roles[role].attached_policies:
            for statement in policy.policy_doc["Statement"]:
                actions = statement["Action"] if statement["Effect"] == "Allow" else []
                found.update([actions] if isinstance(actions, str) else actions)
        return found

    def may(self, role: str, call: str, resource: str, when: dict[str, str]) -> bool:
        """Whether the role named `role` may make the call, such as `s3:GetObject`, on the ARN `resource`."""
        return bool(local_check_authorization_full(self.roles[role], call, resource, dict(when)))


def _policy(document: Document) -> Policy:
    return Policy(document.address, document.attribute, json.loads(document.text))


def questions(plan: Plan) -> Iterator[Question]:
    """Each line of the tables, its wildcards replaced by a name, and what is denied to every role."""
    facts = tables.facts_of(plan)
    never = tables.read(tables.EVERY_ROLE)["may_not"]
    for role in tables.roles(plan):
        for line in role.may:
            when = {condition.key: _sample(condition.values[0]) for condition in line.conditions}
            for call in line.actions:
                for resource in line.resources:
                    yield Question(role.name, call, _sample(resource), when, True)
        for row in never:
            when = {name: tables.fill(str(value), facts)[0] for name, value in row.get("when", {}).items()}
            yield Question(role.name, row["call"], tables.fill(row["resource"], facts)[0], when, False)


def _sample(pattern: str) -> str:
    return pattern if pattern == "*" else pattern.replace("*", "anything")


def check(plan: Plan) -> Iterator[Finding]:
    """A finding for every line that is denied, and for every call that is allowed though no role may make it."""
    oracle = Oracle(plan)
    for question in questions(plan):
        if (
            question.role in oracle.roles
            and oracle.may(question.role, question.call, question.resource, question.when) is not question.expected
        ):
            words = ("denied", "allowed") if question.expected else ("allowed", "denied")
            yield Finding(question.role, f"{question} {words[0]}", words[1])
