"""What each role of a plan may do, by the plan's own policies. No AWS call; milliseconds for hundreds of answers.

Holds the plan against the tables beside this file, one for each role and one for every role: calls that must be allowed
and calls that must not.
"""

import collections
import collections.abc
import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from scripts.gate.reading.facts import facts
from scripts.gate.reading.plan import UNKNOWN, Finding, Plan, Unknown, without_indexes

# PrincipalMapper 1.1.5 was written for a Python that still had these names.
for _name in ("Mapping", "MutableMapping", "Sequence"):
    setattr(collections, _name, getattr(collections.abc, _name))

from principalmapper.common import Node, Policy  # noqa: E402 - only after the names are back.
from principalmapper.querying.query_interface import local_check_authorization_full  # noqa: E402

TABLES = Path(__file__).resolve().parent
EVERY_ROLE = TABLES / "every-role.yaml"


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
    """The roles of one plan with their inline policies and boundaries, evaluated as IAM does.

    A boundary that the plan does not hold bounds nothing here, and an unknown policy grants nothing: the rules
    bounded_roles and known_policies find those.
    """

    def __init__(self, plan: Plan) -> None:
        account = plan.required("account_id")
        boundaries: dict[str, Any] = {
            f"arn:aws:iam::{account}:policy/{policy.after['name']}": policy.after["policy"]
            for policy in plan.planned("aws_iam_policy")
        }
        inline: dict[str, list[Policy]] = {}
        for policy in plan.planned("aws_iam_role_policy"):
            if policy.after["policy"] is not UNKNOWN:
                document = json.loads(policy.after["policy"])
                inline.setdefault(str(policy.after["role"]), []).append(
                    Policy(policy.address, policy.after["name"], document)
                )
        self.roles: dict[str, Node] = {}
        for role in plan.planned("aws_iam_role"):
            name, bound = role.after["name"], role.after.get("permissions_boundary")
            document = boundaries.get(bound, UNKNOWN) if isinstance(bound, str) else UNKNOWN
            boundary = None if isinstance(document, Unknown) else Policy(bound, "boundary", json.loads(document))
            trust = role.after["assume_role_policy"]
            arn = f"arn:aws:iam::{account}:role/{name}"
            self.roles[name] = Node(
                arn,
                name,
                inline.get(name, []),
                [],
                {} if trust is UNKNOWN else json.loads(trust),
                None,
                0,
                False,
                False,
                boundary,
                False,
                None,
            )

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


def questions(plan: Plan) -> Iterator[Question]:
    """All rows of the tables, with this plan's account, region and names put in."""
    known = facts(plan)
    parts = {
        without_indexes(change.address).split(".")[1] for change in plan.changes if change.address.startswith("module.")
    }
    never = _table(EVERY_ROLE)["may_not"]
    for table in sorted(set(TABLES.glob("*.yaml")) - {EVERY_ROLE}):
        rows = _table(table)
        if rows.get("with") and rows["with"] not in parts:
            continue  # The role of a module that this environment does without.
        role = f"{known['title']}-{table.stem}"
        for expected, asked in ((True, rows["may"]), (False, [*rows["may_not"], *never])):
            for row in asked:
                when = {name: str(value).format(**known) for name, value in row.get("when", {}).items()}
                yield Question(role, row["call"].format(**known), row["resource"].format(**known), when, expected)
    for action, resource in declared(plan):
        # A name in the wildcard's place: it must be allowed as well.
        arn = resource.replace("*", "anything").format(**known)
        yield Question(f"{known['title']}-flow", action, arn, {}, True)


def declared(plan: Plan) -> Iterator[tuple[str, str]]:
    """(action, resource) of every right that a flow's file declares (flow_permissions.py)."""
    for each in (plan.data.get("variables") or {}).get("flow_permissions", {}).get("value") or []:
        yield from ((action, resource) for action in each["actions"] for resource in each["resources"])


def rarely_called(role: str) -> dict[str, str]:
    """Action to reason, for what the role is allowed though an ordinary run does not call it."""
    rare: dict[str, str] = _table(TABLES / f"{role.split('-', 2)[2]}.yaml")["rare"]
    return rare


@cache
def _table(path: Path) -> dict[str, Any]:
    # The loader in C, where there is one, takes a tenth of the time.
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    table: dict[str, Any] = yaml.load(path.read_text(), Loader=loader)  # noqa: S506 - both are safe.
    return table


def check(plan: Plan) -> Iterator[Finding]:
    """A finding for every call that is allowed or denied against its table, and for a role or table alone."""
    oracle = Oracle(plan)
    asked = list(questions(plan))
    tables = {question.role for question in asked}
    for role in sorted(set(oracle.roles) - tables):
        yield Finding(role, "a role without a table", f"scripts/gate/permissions/{role.split('-', 2)[2]}.yaml")
    for role in sorted(tables - set(oracle.roles)):
        yield Finding(role, "a table without a role", "a role of this name in the plan")
    for question in asked:
        if (
            question.role in oracle.roles
            and oracle.may(question.role, question.call, question.resource, question.when) is not question.expected
        ):
            words = ("denied", "allowed") if question.expected else ("allowed", "denied")
            yield Finding(question.role, f"{question} {words[0]}", words[1])
