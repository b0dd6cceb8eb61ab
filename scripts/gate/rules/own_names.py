"""The plan changes only this environment: what it changes has this environment's name, or its parent has."""

from collections.abc import Iterator
from typing import Any

from scripts.gate.reading.plan import Finding, Plan, Resource
from scripts.shared.names import Names

OURS = True
# Attributes that name a thing, or the thing that it belongs to. What only holds an id is known by what made it.
NAMES = (
    "alarm_name", "bucket", "cluster", "cluster_name", "dashboard_name", "domain_name", "family", "function_name",
    "identifier", "log_group_name", "name", "queue_url", "repository", "repository_name", "resource_id", "role", "rule",
    "table_name", "topic_arn", "url", "user",
)  # fmt: skip
# Their name is one inside of what they belong to, which another attribute names.
INNER = {
    "aws_cloudwatch_log_metric_filter": {"name"},
    "aws_iam_role_policy": {"name"},
}
# Ids of what is shared between environments or comes from outside: accepted where the environment's file names them.
IDS = ("nat_gateway_id", "route_table_id", "security_group_id", "subnet_id", "vpc_id", "network_acl_id", "gateway_id")


def check(plan: Plan) -> Iterator[Finding]:
    names = plan.names or Names("", "")
    prefixes = names.title, f"{names.bucket_prefix}-", f"{names.path}/"
    expected = f"a name of this environment: {', '.join(prefixes)}"
    for resource in _changed(plan):
        for attribute in NAMES:
            value = resource.after.get(attribute)
            if attribute in INNER.get(resource.type, ()) or not isinstance(value, str):
                continue
            if not _has_own_name(value, prefixes):
                yield Finding(resource.address, f"{attribute} = {value}", expected)
        for attribute in IDS:
            value = resource.after.get(attribute)
            if (
                isinstance(value, str)
                and value
                and value not in plan.identities
                and value not in _named_in_variables(plan)
            ):
                got = f"{attribute} = {value}, which is not in this plan"
                yield Finding(
                    resource.address, got, "a resource of this plan, or one that the environment's tfvars name"
                )


def _changed(plan: Plan) -> Iterator[Resource]:
    """What is created, updated or destroyed, as it will be or, where it goes, as it was."""
    for resource in plan.planned():
        if resource.actions not in {("no-op",), ("read",)}:
            yield resource
    for change in plan.changes:
        if change.change.actions == ["delete"]:
            before = change.change.before or {}
            yield Resource(change.address, change.type, change.name, change.module_address, before, before, ("delete",))


def _has_own_name(value: str, prefixes: tuple[str, ...]) -> bool:
    """An ARN, a URL, `alias/…` and `service/<cluster>/…` carry their name in a part of their own."""
    parts = value.split(":")[-1]
    heads = {value, parts, parts.rpartition("alias/")[2], *parts.split("/")}
    whole, lower, path = prefixes
    return any(
        head == whole or head.startswith((f"{whole}-", lower)) for head in heads
    ) or f"{parts if parts.startswith('/') else value}/".startswith(path)


def _named_in_variables(plan: Plan) -> set[str]:
    """Every text in the root variables: what the environment's file names."""
    found: set[str] = set()
    waiting: list[Any] = [entry.get("value") for entry in (plan.data.get("variables") or {}).values()]
    while waiting:
        value = waiting.pop()
        if isinstance(value, str):
            found.add(value)
        elif isinstance(value, dict | list):
            waiting.extend(value.values() if isinstance(value, dict) else value)
    return found
