"""Container output is kept: every container logs through awslogs to a log group of this plan."""

from collections.abc import Iterator
from typing import Any

from scripts.gate.reading.documents import containers
from scripts.gate.reading.plan import Finding, Plan

NEEDS = ("known_policies",)


def check(plan: Plan) -> Iterator[Finding]:
    groups = {group.after.get("name") for group in plan.planned("aws_cloudwatch_log_group")}
    expected = "logDriver = awslogs, with awslogs-group one of this plan"
    for definition in containers(plan):
        for container in definition.items:
            if got := _problem(container, groups):
                yield Finding(definition.resource.address, f"container {container.get('name')}: {got}", expected)


def _problem(container: dict[str, Any], groups: set[Any]) -> str:
    logs = container.get("logconfiguration") or {}
    if logs.get("logdriver") != "awslogs":
        return f"logDriver = {logs.get('logdriver', 'unset')}"
    group = (logs.get("options") or {}).get("awslogs-group")
    return "" if group in groups else f"awslogs-group = {group}"
