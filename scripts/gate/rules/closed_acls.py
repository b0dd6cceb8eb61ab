"""Network ACLs let in only replies and calls from inside, and let out only calls to the listed ports, and replies."""

from collections.abc import Iterator
from ipaddress import ip_network
from typing import Any

from scripts.gate.reading.plan import UNKNOWN, Finding, Plan, Resource
from scripts.gate.reading.references import is_configured, targets
from scripts.gate.rules.listed_egress import listed_ports
from scripts.gate.rules.private_tasks import task_subnets

OURS = True
FIRST_REPLY = {
    "private": 32768,
    "public": 1024,
}  # Linux on Fargate calls from the first, a NAT gateway from the second.
TOO_BIG = (3, 4)  # "Fragmentation needed": without it a connection over a narrower path hangs.
HTTPS = 443


def check(plan: Plan) -> Iterator[Finding]:
    private = set(task_subnets(plan))
    inside = [str(vpc.after.get("cidr_block")) for vpc in plan.planned("aws_vpc")]
    listed = listed_ports(plan)
    for acl in plan.planned("aws_network_acl", "aws_default_network_acl"):
        kind = _kind(plan, acl, private)
        # AWS numbers the rules and asks the first that matches: a Deny takes something away and opens nothing.
        for way in ("ingress", "egress"):
            rules = acl.after.get(way)
            if rules is UNKNOWN:
                if is_configured(plan, acl, way):
                    yield Finding(acl.address, f"{way} unknown until apply", "rules known at plan time")
                continue
            ports = listed if way == "egress" or kind == "public" else []
            for rule in rules or []:
                if not _is_closed(rule, way, kind, ports, inside):
                    expected = (
                        f"replies ({FIRST_REPLY[kind]}-65535), {HTTPS} inside of the VPC, or a listed port: {listed}"
                    )
                    yield Finding(acl.address, f"{way} of {kind} subnets {_describe(rule)}", expected)


def _kind(plan: Plan, acl: Resource, private: set[str]) -> str:
    subnets = {subnet.address for subnet in targets(plan, acl, "subnet_ids", "aws_subnet")}
    # Where one expression chooses between both kinds, only the name says which this is.
    named = str((acl.after.get("tags") or {}).get("Name")).endswith("-public")
    return "public" if subnets and (not subnets & private or (named and subnets - private)) else "private"


def _is_closed(rule: Any, way: str, kind: str, ports: list[int], inside: list[str]) -> bool:
    if rule is UNKNOWN:
        return False
    if rule.get("action") == "deny":
        return True
    if rule.get("ipv6_cidr_block"):
        return False
    # AWS answers with the protocol's number.
    if rule.get("protocol") in {"icmp", "1"} and (rule.get("icmp_type"), rule.get("icmp_code")) == TOO_BIG:
        return True
    first, last = rule.get("from_port"), rule.get("to_port")
    if rule.get("protocol") not in {"tcp", "6"} or not isinstance(first, int) or not isinstance(last, int):
        return False
    within = _is_within(rule.get("cidr_block"), inside)
    # Out of a subnet, replies go to whoever called, and that is somebody inside.
    if first >= FIRST_REPLY[kind] and last <= 65535 and (way == "ingress" or within):
        return True
    if first != last:
        return False
    # A call comes in from inside only. Out goes what is listed.
    return (first == HTTPS and within) or (first in ports and (way == "egress" or within))


def _is_within(cidr: Any, inside: list[str]) -> bool:
    try:
        return any(ip_network(cidr).subnet_of(ip_network(one)) for one in inside)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return False


def _describe(rule: Any) -> str:
    if rule is UNKNOWN:
        return "unknown until apply"
    cidr = rule.get("cidr_block") or rule.get("ipv6_cidr_block")
    return f"{rule.get('action')} {rule.get('protocol')} {rule.get('from_port')}-{rule.get('to_port')} {cidr}"
