"""Network ACLs let in replies and calls from inside, and let out calls to the listed ports."""

import pytest
from plan_builder import find, resource

from scripts.gate.rules import closed_acls

ACL = "module.network.aws_network_acl.subnets"
VPC = resource("module.network.aws_vpc.tasks[0]", {"cidr_block": "10.61.0.0/16"})
SERVICE = resource(
    "module.agent.aws_ecs_service.agent",
    {"network_configuration": [{"assign_public_ip": False, "subnets": ["subnet-private"]}]},
)
SUBNETS = [resource(f"module.network.aws_subnet.{kind}[0]", {"id": f"subnet-{kind}"}) for kind in ("private", "public")]
RULE = {"action": "allow", "protocol": "tcp", "cidr_block": "0.0.0.0/0", "from_port": 443, "to_port": 443}
REPLIES = RULE | {"from_port": 32768, "to_port": 65535}
INSIDE = {"cidr_block": "10.61.32.0/19"}


def check(kind, way, rule):
    acl = resource(f'{ACL}["{kind}"]', {"subnet_ids": [f"subnet-{kind}"], way: [rule]})
    return find(closed_acls.check, acl, VPC, SERVICE, *SUBNETS)


@pytest.mark.parametrize(
    ("kind", "way", "rule"),
    [
        ("private", "ingress", REPLIES),
        ("private", "ingress", RULE | INSIDE),
        ("private", "egress", RULE),
        ("private", "egress", REPLIES | INSIDE),
        (
            "private",
            "ingress",
            RULE | {"protocol": "icmp", "icmp_type": 3, "icmp_code": 4, "from_port": 0, "to_port": 0},
        ),
        ("private", "ingress", RULE | {"protocol": "1", "icmp_type": 3, "icmp_code": 4, "from_port": 0, "to_port": 0}),
        ("private", "ingress", RULE | {"action": "deny", "protocol": "-1"}),
        ("private", "ingress", REPLIES | {"protocol": "6"}),
        ("public", "ingress", RULE | INSIDE),
        ("public", "ingress", REPLIES | {"from_port": 1024}),
    ],
)
def test_what_tasks_and_nat_need_passes(kind, way, rule):
    assert check(kind, way, rule) == []


@pytest.mark.parametrize(
    ("kind", "way", "rule"),
    [
        ("private", "ingress", RULE | {"from_port": 22, "to_port": 22}),
        ("private", "ingress", RULE | INSIDE | {"from_port": 22, "to_port": 22}),
        ("private", "ingress", RULE),
        ("private", "ingress", REPLIES | {"from_port": 1024}),
        ("private", "ingress", RULE | {"protocol": "-1", "from_port": 0, "to_port": 0}),
        ("private", "ingress", RULE | {"protocol": "udp"}),
        ("private", "ingress", REPLIES | {"cidr_block": "", "ipv6_cidr_block": "::/0"}),
        ("private", "ingress", RULE | {"protocol": "icmp", "icmp_type": 8, "icmp_code": 0}),
        ("private", "ingress", REPLIES | {"to_port": None}),
        ("private", "egress", RULE | {"from_port": 22, "to_port": 22}),
        ("private", "egress", REPLIES),
        ("private", "egress", RULE | {"to_port": 8443}),
        ("public", "ingress", RULE),
        ("public", "ingress", RULE | INSIDE | {"from_port": 22, "to_port": 22}),
        ("public", "ingress", RULE | {"cidr_block": "everywhere"}),
    ],
)
def test_what_opens_more_is_named(kind, way, rule):
    (found,) = check(kind, way, rule)
    assert found.address == f'{ACL}["{kind}"]'
    assert found.got.startswith(f"{way} of {kind} subnets")


def test_rules_that_are_unknown_are_named():
    acl = resource(ACL, {}, unknown={"ingress": True}, references={"ingress": ["var.network"]})
    (found,) = find(closed_acls.check, acl, VPC)
    assert found.got == "ingress unknown until apply"


def test_an_acl_of_nobody_knows_which_subnets_is_private():
    (found,) = find(closed_acls.check, resource(ACL, {"ingress": [REPLIES | {"from_port": 1024}]}), VPC)
    assert found.got.startswith("ingress of private subnets")
