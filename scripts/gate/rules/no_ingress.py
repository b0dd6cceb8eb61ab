"""Security groups have no ingress, except from tasks to an interface endpoint."""

from collections.abc import Iterator
from typing import Any

from scripts.gate.reading.plan import UNKNOWN, Finding, Plan, Resource
from scripts.gate.reading.references import block_of, is_configured, origins
from scripts.gate.rules.private_tasks import STARTERS

EXPECTED = "no ingress: tasks only call out"
GROUPS = ("aws_security_group", "aws_default_security_group")


def check(plan: Plan) -> Iterator[Finding]:
    for group in plan.planned(*GROUPS):
        rules = group.after.get("ingress") or []
        # Not set in the HCL, ingress is "known after apply" and means: none.
        if rules is UNKNOWN and not is_configured(plan, group, "ingress"):
            continue
        for rule in rules:
            yield Finding(group.address, f"ingress {_describe(rule)}", EXPECTED)
    for rule in plan.planned("aws_security_group_rule"):
        if rule.after.get("type") != "egress":
            yield Finding(rule.address, f"type = {rule.after.get('type')}, {_describe(rule.after)}", EXPECTED)
    endpoint_groups = _endpoint_groups(plan)
    for rule in plan.planned("aws_vpc_security_group_ingress_rule"):
        if _is_https_to_an_endpoint(plan, rule, endpoint_groups):
            continue
        yield Finding(rule.address, f"ingress {_describe(rule.after)}", EXPECTED)


def _endpoint_groups(plan: Plan) -> set[str]:
    """Security groups that interface endpoints have and no task has: the one place where a call comes in."""
    of_endpoints = {at for one in plan.planned("aws_vpc_endpoint") for at in _blocks(plan, one, "security_group_ids")}
    of_tasks: set[str] = set()
    for starter in plan.planned(*STARTERS):
        path = ".".join((*STARTERS[starter.type], "network_configuration", "security_groups"))
        of_tasks.update(_blocks(plan, starter, path))
    return of_endpoints - of_tasks


def _is_https_to_an_endpoint(plan: Plan, rule: Resource, endpoint_groups: set[str]) -> bool:
    """From another security group only, never from addresses."""
    after = rule.after
    groups = set(_blocks(plan, rule, "security_group_id"))
    from_addresses = any(after.get(key) for key in ("cidr_ipv4", "cidr_ipv6", "prefix_list_id"))
    https = (after.get("ip_protocol"), after.get("from_port"), after.get("to_port")) == ("tcp", 443, 443)
    from_a_group = bool(after.get("referenced_security_group_id"))
    return bool(groups) and groups <= endpoint_groups and https and from_a_group and not from_addresses


def _blocks(plan: Plan, resource: Resource, attribute: str) -> list[str]:
    return [block_of(origin)[0] for origin in origins(plan, resource, attribute)]


def _describe(rule: dict[str, Any]) -> str:
    """`tcp 443-443 from 0.0.0.0/0`"""
    keys = ("cidr_blocks", "ipv6_cidr_blocks", "cidr_ipv4", "cidr_ipv6", "security_groups", "prefix_list_ids")
    sources: list[str] = []
    for key in (*keys, "prefix_list_id", "referenced_security_group_id", "source_security_group_id"):
        value = rule.get(key) or []
        sources += [value] if isinstance(value, str) else [str(item) for item in value]
    sources += ["itself"] if rule.get("self") is True else []
    protocol = rule.get("protocol") or rule.get("ip_protocol")
    ports = f"{rule.get('from_port')}-{rule.get('to_port')}"
    return f"{protocol} {ports} from {', '.join(dict.fromkeys(sources)) or 'nowhere named'}"
