"""Scaling stays in bounds: min <= desired <= max, and a policy changes the count within them."""

from collections.abc import Iterator
from typing import Any

from scripts.gate.reading.plan import UNKNOWN, Finding, Plan, Resource
from scripts.gate.reading.references import describe_value, targets

EXPECTED = "min_capacity <= desired_count <= max_capacity, at most 100 tasks"
EXPECTED_POLICY = "an aws_appautoscaling_policy for it, or max_capacity = min_capacity"
LIMIT = 100  # Of one service: more is a slip of the finger that costs money.


def check(plan: Plan) -> Iterator[Finding]:
    policies = list(plan.planned("aws_appautoscaling_policy"))
    for target in plan.planned("aws_appautoscaling_target"):
        low, high = target.after.get("min_capacity"), target.after.get("max_capacity")
        for attribute, value in (("min_capacity", low), ("max_capacity", high)):
            if not isinstance(value, int):
                yield Finding(
                    target.address, describe_value(plan, target, attribute, value), "a number known at plan time"
                )
        if not (isinstance(low, int) and isinstance(high, int)):
            continue
        if not 0 <= low <= high <= LIMIT:
            yield Finding(target.address, f"min_capacity = {low}, max_capacity = {high}", EXPECTED)
        if low != high and not any(_scales_target(plan, policy, target) for policy in policies):
            yield Finding(target.address, "no scaling policy", EXPECTED_POLICY)
        for service in plan.planned("aws_ecs_service"):
            desired = service.after.get("desired_count")
            # An existing service stands where scaling has put it.
            if scales(target, service) and service.actions == ("create",) and not _between(low, desired, high):
                got = f"{describe_value(plan, service, 'desired_count', desired)}, scaled from {low} to {high}"
                yield Finding(service.address, got, EXPECTED)


def _between(low: int, desired: Any, high: int) -> bool:
    return isinstance(desired, int) and low <= desired <= high


def scales(target: Resource, service: Resource) -> bool:
    """Whether the target moves the count of the service."""
    where = target.after.get("resource_id")
    return where is UNKNOWN or str(where).rpartition("/")[2] == service.after.get("name")


def _scales_target(plan: Plan, policy: Resource, target: Resource) -> bool:
    if target.after.get("resource_id") is not UNKNOWN:
        return policy.after.get("resource_id") == target.after.get("resource_id")
    return target in targets(plan, policy, "resource_id", "aws_appautoscaling_target")
