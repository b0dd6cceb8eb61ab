"""Reads every IAM policy document and container definition of a plan, or says why one cannot be read."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

from scripts.gate.reading.plan import UNKNOWN, Plan, Resource
from scripts.gate.reading.references import is_configured, origins, why_unknown

# Attributes of AWS resources that hold a policy document.
ATTRIBUTES = ("policy", "assume_role_policy", "policy_document", "access_policies", "access_policy", "resource_policy")
IDENTITY = {"aws_iam_policy", "aws_iam_role_policy", "aws_iam_user_policy", "aws_iam_group_policy", "aws_iam_role"}
# Their `policy` is JSON of another kind.
NOT_IAM = {"aws_ecr_lifecycle_policy", "aws_ecr_account_setting", "aws_ecs_capacity_provider"}
ATTACHMENTS = (
    "aws_iam_role_policy_attachment",
    "aws_iam_policy_attachment",
    "aws_iam_user_policy_attachment",
    "aws_iam_group_policy_attachment",
)


# A dozen rules ask for the documents of one plan.
_READ: WeakKeyDictionary[Plan, list["Document"]] = WeakKeyDictionary()


class Condition(NamedTuple):
    """One condition, operator and key in lower case: `stringequals`, `iam:passedtoservice`, the values."""

    operator: str
    key: str
    values: tuple[str, ...]


@dataclass(frozen=True)
class Statement:
    """One statement. Actions, resources and values are tuples, also where the policy has a single string."""

    number: int
    sid: str
    effect: str
    actions: tuple[str, ...]
    not_actions: tuple[str, ...]
    resources: tuple[str, ...]
    not_resources: tuple[str, ...]
    conditions: tuple["Condition", ...]
    principals: tuple[tuple[str, str], ...] = ()  # ("Service", "ecs-tasks.amazonaws.com"); ("*", "*") is everybody.
    not_principals: bool = False

    @property
    def label(self) -> str:
        """Number and Sid, for findings."""
        return f"statement {self.number} ({self.sid})" if self.sid else f"statement {self.number}"

    def matches(self, action: str) -> bool:
        """Whether the statement covers the action, such as `iam:PassRole`."""
        if self.not_actions:
            return not any(action_matches(pattern, action) for pattern in self.not_actions)
        return any(action_matches(pattern, action) for pattern in self.actions)


@dataclass(frozen=True)
class Document:
    """A policy document. `kind` is identity, trust, resource or boundary; a boundary only limits and grants nothing.

    `problem` says why there are no statements: unknown until apply, or not a policy.
    """

    resource: Resource
    attribute: str
    kind: str
    statements: tuple[Statement, ...] = ()
    problem: str = ""
    text: str = ""

    @property
    def address(self) -> str:
        return self.resource.address

    def allowed(self) -> Iterator[Statement]:
        """The statements that grant something: all but Deny."""
        return (statement for statement in self.statements if statement.effect != "Deny")


@dataclass(frozen=True)
class Containers:
    """The containers of a task definition, keys in lower case: AWS reads them in any. `problem` as for a Document."""

    resource: Resource
    items: tuple[dict[str, Any], ...] = ()
    problem: str = ""


def documents(plan: Plan) -> list[Document]:
    """Every policy document in the plan: trust, identity (managed, inline), boundary and resource policies."""
    if plan not in _READ:
        _READ[plan] = list(_documents(plan))
    return _READ[plan]


def _documents(plan: Plan) -> Iterator[Document]:
    boundaries = _only_boundaries(plan)
    for resource in plan.planned():
        if resource.type in NOT_IAM:
            continue
        for attribute, value in _documents_of(plan, resource):
            kind = _kind(resource, attribute, boundaries)
            if value is UNKNOWN:
                problem = why_unknown(plan, resource, attribute.partition("[")[0])
                yield Document(resource, attribute, kind, problem=problem)
                continue
            try:
                yield Document(resource, attribute, kind, _statements(load_json(value)), text=value)
            except (ValueError, RecursionError) as error:
                yield Document(resource, attribute, kind, problem=f"not a policy document ({error})")


def containers(plan: Plan) -> Iterator[Containers]:
    """The containers of every ECS task definition in the plan."""
    for resource in plan.planned("aws_ecs_task_definition"):
        value = resource.after.get("container_definitions")
        if value is UNKNOWN:
            yield Containers(resource, problem=why_unknown(plan, resource, "container_definitions"))
            continue
        try:
            items = _lower_keys(load_json(value))
            if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
                raise ValueError("not a list of objects")
            yield Containers(resource, tuple(items))
        except (ValueError, RecursionError) as error:
            yield Containers(resource, problem=f"not container definitions ({error})")


def policy_names(plan: Plan) -> set[str]:
    """`policy/<path><name>`, the end of the ARN, of each policy that the plan makes."""
    policies = plan.planned("aws_iam_policy")
    return {f"policy{policy.after.get('path') or '/'}{policy.after.get('name')}" for policy in policies}


def action_matches(pattern: str, action: str) -> bool:
    """Whether an IAM action pattern covers an action: `*` and `?` are wild, case is ignored."""
    return bool(_compiled(pattern).fullmatch(action))


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    escaped = re.escape(pattern).replace(r"\*", ".*").replace(r"\?", ".")
    return re.compile(escaped, re.IGNORECASE | re.DOTALL)


def _documents_of(plan: Plan, resource: Resource) -> Iterator[tuple[str, Any]]:
    for attribute, value in resource.after.items():
        if attribute == "inline_policy" and resource.type == "aws_iam_role":
            # Wholly unknown means that no block sets it: Terraform shows each block that there is.
            for number, block in enumerate([] if value is UNKNOWN else value or []):
                if block.get("policy"):
                    yield f"inline_policy[{number}]", block.get("policy")
        elif value is UNKNOWN:
            if attribute in ATTRIBUTES and is_configured(plan, resource, attribute):
                yield attribute, value
        elif isinstance(value, str) and value and (attribute in ATTRIBUTES or _looks_like_policy(value)):
            yield attribute, value


def _looks_like_policy(value: str) -> bool:
    return value.lstrip().startswith("{") and '"statement"' in value.lower()


def _kind(resource: Resource, attribute: str, boundaries: set[str]) -> str:
    if attribute == "assume_role_policy":
        return "trust"
    if resource.type in IDENTITY:
        return "boundary" if resource.address in boundaries else "identity"
    return "resource"


def _only_boundaries(plan: Plan) -> set[str]:
    """Addresses of the policies that are only permissions boundaries and attached to nothing: they grant nothing."""
    bounding = _named(plan, plan.planned("aws_iam_role", "aws_iam_user"), "permissions_boundary")
    attached = _named(plan, plan.planned(*ATTACHMENTS), "policy_arn")
    found = set()
    for policy in plan.planned("aws_iam_policy"):
        names = {f"{policy.block}.arn", f"policy{policy.after.get('path') or '/'}{policy.after.get('name')}"}
        if names & bounding and not names & attached:
            found.add(policy.address)
    return found


def _named(plan: Plan, resources: Iterator[Resource], attribute: str) -> set[str]:
    """What the attribute points to: `policy/<name>` from a known ARN, or the reference behind an unknown one."""
    found: set[str] = set()
    for resource in resources:
        value = resource.after.get(attribute)
        if value is UNKNOWN:
            found.update(origins(plan, resource, attribute))
        elif isinstance(value, str):
            found.add(value.rpartition(":")[2])
    return found


def load_json(value: Any) -> Any:
    """What JSON text holds. Raises ValueError where it is none, or where a key occurs twice."""
    if not isinstance(value, str):
        raise ValueError(f"{type(value).__name__}, not a JSON string")
    try:
        return json.loads(value, object_pairs_hook=_unique)
    except json.JSONDecodeError as error:
        raise ValueError(f"invalid JSON: {error.msg}") from None


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key occurs twice")
    return found


def _lower_keys(value: Any) -> Any:
    if isinstance(value, dict):
        return {key.lower(): _lower_keys(item) for key, item in value.items()}
    return [_lower_keys(item) for item in value] if isinstance(value, list) else value


def _statements(data: Any) -> tuple[Statement, ...]:
    if not isinstance(data, dict):
        raise ValueError("not a JSON object")
    entries = {key.lower(): value for key, value in data.items()}.get("statement")
    entries = [entries] if isinstance(entries, dict) else entries
    if not isinstance(entries, list) or not entries or not all(isinstance(entry, dict) for entry in entries):
        raise ValueError("no Statement")
    return tuple(_statement(number, entry) for number, entry in enumerate(entries, start=1))


def _statement(number: int, entry: dict[str, Any]) -> Statement:
    lower = {key.lower(): value for key, value in entry.items()}
    conditions = lower.get("condition") or {}
    if not isinstance(conditions, dict) or not all(isinstance(keys, dict) for keys in conditions.values()):
        raise ValueError(f"statement {number}: Condition is not an object of objects")
    return Statement(
        number=number,
        sid=str(lower.get("sid") or ""),
        effect=str(lower.get("effect")),
        actions=_strings(lower.get("action")),
        not_actions=_strings(lower.get("notaction")),
        resources=_strings(lower.get("resource")),
        not_resources=_strings(lower.get("notresource")),
        conditions=tuple(
            Condition(operator.lower(), key.lower(), _strings(values))
            for operator, keys in conditions.items()
            for key, values in keys.items()
        ),
        principals=tuple(_principals(lower.get("principal"))),
        not_principals="notprincipal" in lower,
    )


def _principals(value: Any) -> Iterator[tuple[str, str]]:
    for kind, names in (value if isinstance(value, dict) else {"*": value}).items():
        yield from ((kind, name) for name in _strings(names))


def _strings(value: Any) -> tuple[str, ...]:
    if value is None:
        return ()
    return tuple(str(item) for item in value) if isinstance(value, list) else (str(value),)
