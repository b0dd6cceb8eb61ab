"""Tasks call out only on TCP 443 and on the ports that the environment lists."""

from collections.abc import Iterator
from typing import Any

from scripts.gate.reading.plan import UNKNOWN, Finding, Plan, Resource
from scripts.gate.reading.references import is_configured, why_unknown

GROUPS = ("aws_security_group", "aws_default_security_group")
ALWAYS = [443]


def check(plan: Plan) -> Iterator[Finding]:
    ports = listed_ports(plan)
    expected = f"tcp on one of the listed ports: {', '.join(map(str, ports))}"
    for resource, attribute, rule in _rules(plan):
        if got := _describe_unlisted(plan, resource, attribute, rule, ports):
            yield Finding(resource.address, got, expected)


def listed_ports(plan: Plan) -> list[int]:
    """The TCP ports that the environment lets tasks call."""
    network = plan.setting("network")
    listed = network.get("egress_ports") if isinstance(network, dict) else None
    return sorted({*ALWAYS, *(listed if isinstance(listed, list) else ())})


def _rules(plan: Plan) -> Iterator[tuple[Resource, str, Any]]:
    for group in plan.planned(*GROUPS):
        inline = group.after.get("egress")
        if inline is UNKNOWN and not is_configured(plan, group, "egress"):
            continue  # Not set in the HCL: the rules are resources of their own.
        for rule in inline or []:
            yield group, "egress", rule
    for rule in plan.planned("aws_vpc_security_group_egress_rule"):
        yield rule, "", rule.after
    for rule in plan.planned("aws_security_group_rule"):
        if rule.after.get("type") != "ingress":
            yield rule, "", rule.after


def _describe_unlisted(plan: Plan, resource: Resource, attribute: str, rule: Any, ports: list[int]) -> str:
    if rule is UNKNOWN:
        return f"egress {why_unknown(plan, resource, attribute)}"
    protocol = rule.get("ip_protocol", rule.get("protocol"))
    first, last = rule.get("from_port"), rule.get("to_port")
    if protocol == "tcp" and first == last and first in ports:
        return ""
    unknown = [name for name in ("ip_protocol", "protocol", "from_port", "to_port") if rule.get(name) is UNKNOWN]
    why = f", {why_unknown(plan, resource, attribute or unknown[0])}" if unknown else ""
    return f"egress {protocol} {first}-{last}{why}"
