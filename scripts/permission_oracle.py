"""What each role of a plan may do, asked of the plan's own policies: no AWS call, milliseconds for hundreds of answers.

    python -m scripts.permission_oracle build/dev/plan.json

Holds the plan against the tables in scripts/permissions/, one file a role and one for every role: calls that must be
allowed and calls that must not. Exit code 1 if an answer is another.
"""

import argparse
import collections
import collections.abc
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from scripts.plan_checks.plan import UNKNOWN, Finding, Plan, without_indexes
from scripts.refusal import Refusal, run_command

# PrincipalMapper 1.1.5 was written for a Python that still had these names.
for _name in ("Mapping", "MutableMapping", "Sequence"):
    setattr(collections, _name, getattr(collections.abc, _name))

from principalmapper.common import Node, Policy  # noqa: E402 - only after the names are back.
from principalmapper.querying.query_interface import local_check_authorization_full  # noqa: E402

TABLES = Path(__file__).resolve().parent / "permissions"
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

    Raises:
        Refusal: a role's policy or boundary is unknown or not in the plan (exit code 1).
    """

    def __init__(self, plan: Plan) -> None:
        account = plan.variable("account_id")
        boundaries = {
            f"arn:aws:iam::{account}:policy/{policy.after['name']}": policy.after["policy"]
            for policy in plan.planned("aws_iam_policy")
        }
        inline: dict[str, list[Policy]] = {}
        for policy in plan.planned("aws_iam_role_policy"):
            document = _document(policy.address, policy.after["policy"])
            inline.setdefault(str(policy.after["role"]), []).append(
                Policy(policy.address, policy.after["name"], document)
            )
        self.roles: dict[str, Node] = {}
        for role in plan.planned("aws_iam_role"):
            name, bound = role.after["name"], role.after.get("permissions_boundary")
            if bound not in boundaries:
                raise Refusal(f"{role.address}: got the boundary {bound}; expected a policy of this plan.", 1)
            boundary = Policy(bound, "boundary", _document(role.address, boundaries[bound]))
            trust = _document(role.address, role.after["assume_role_policy"])
            arn = f"arn:aws:iam::{account}:role/{name}"
            self.roles[name] = Node(
                arn, name, inline.get(name, []), [], trust, None, 0, False, False, boundary, False, None
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
        return local_check_authorization_full(self.roles[role], call, resource, dict(when))


def _document(address: str, text: Any) -> dict[str, Any]:
    if text is UNKNOWN:
        raise Refusal(f"{address}: got a policy that is unknown until the apply; expected one to read in the plan.", 1)
    return json.loads(text)


def questions(plan: Plan) -> Iterator[Question]:
    """All rows of the tables, with this plan's account, region and names put in."""
    environment = plan.variable("environment") or ""
    facts = {
        "partition": "aws",
        "account": plan.variable("account_id"),
        "region": plan.variable("region"),
        "env": environment,
        "Env": environment.title(),
    }
    parts = {
        without_indexes(change.address).split(".")[1] for change in plan.changes if change.address.startswith("module.")
    }
    never = yaml.safe_load(EVERY_ROLE.read_text())["may_not"]
    for table in sorted(set(TABLES.glob("*.yaml")) - {EVERY_ROLE}):
        rows = yaml.safe_load(table.read_text())
        if rows.get("with") and rows["with"] not in parts:
            continue  # The role of a module that this environment does without.
        role = f"DataFlows-{environment.title()}-{table.stem}"
        for expected, asked in ((True, rows["may"]), (False, [*rows["may_not"], *never])):
            for row in asked:
                when = {name: str(value).format(**facts) for name, value in row.get("when", {}).items()}
                yield Question(role, row["call"], row["resource"].format(**facts), when, expected)
    for action, resource in declared(plan):
        # A name in the wildcard's place: it must be allowed as well.
        arn = resource.replace("*", "anything").format(**facts)
        yield Question(f"DataFlows-{environment.title()}-flow", action, arn, {}, True)


def declared(plan: Plan) -> Iterator[tuple[str, str]]:
    """(action, resource) of every right that a flow's file declares (scripts/flow_permissions.py)."""
    for each in (plan.data.get("variables") or {}).get("flow_permissions", {}).get("value") or []:
        yield from ((action, resource) for action in each["actions"] for resource in each["resources"])


def rarely_called(role: str) -> dict[str, str]:
    """Action to reason, for what the role is allowed though an ordinary run does not call it."""
    return yaml.safe_load((TABLES / f"{role.split('-', 2)[2]}.yaml").read_text())["rare"]


def check(plan: Plan) -> Iterator[Finding]:
    """A finding for every question whose answer is not the table's, and for a role or a table without the other."""
    oracle = Oracle(plan)
    asked = list(questions(plan))
    tables = {question.role for question in asked}
    for role in sorted(set(oracle.roles) - tables):
        yield Finding(role, "a role without a table", f"scripts/permissions/{role.split('-', 2)[2]}.yaml")
    for role in sorted(tables - set(oracle.roles)):
        yield Finding(role, "a table without a role", "this role in the plan")
    for question in asked:
        if (
            question.role in oracle.roles
            and oracle.may(question.role, question.call, question.resource, question.when) is not question.expected
        ):
            words = ("denied", "allowed") if question.expected else ("allowed", "denied")
            yield Finding(question.role, f"{question} {words[0]}", words[1])


def main() -> int:
    """Ask everything, and tell what is answered otherwise."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("plan", type=Path, help="output of `terraform show -json PLANFILE`")
    plan = Plan.load(parser.parse_args().plan)
    findings = list(check(plan))
    print(*findings, sep="\n", end="\n" if findings else "")
    print(f"{sum(1 for _ in questions(plan))} questions, {len(findings)} answered otherwise than expected")
    return 1 if findings else 0


if __name__ == "__main__":
    run_command(main)
