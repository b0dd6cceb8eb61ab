"""EC2's network: groups, ACLs, subnets, routes, endpoints."""

from typing import Any

from public_pairs.containers import CONTAINERS
from public_pairs.pair import ACCOUNT, CIDR, PATH, TITLE, Of, Pair, Stack, change, without
from public_pairs.storage import KEY

VPC, SUBNET, GROUP = "aws_vpc.own", "aws_subnet.private", "aws_security_group.tasks"
EGRESS, ACL, FLOWS = "aws_vpc_security_group_egress_rule.https", "aws_network_acl.private", "aws_flow_log.vpc"
DEFAULT, RULE = "aws_default_security_group.own", "aws_security_group_rule.more"
ANYWHERE = "0.0.0.0/0"
OF = Of(VPC)


def entry(action: str = "allow", cidr: str = "10.0.0.0/16", first: int = 443, last: int = 443, protocol: str = "tcp"):
    """A rule inside of an ACL."""
    return {
        "rule_no": 100, "action": action, "protocol": protocol, "cidr_block": cidr, "ipv6_cidr_block": "",
        "from_port": first, "to_port": last, "icmp_code": None, "icmp_type": None,
    }  # fmt: skip


NETWORK: Stack = CONTAINERS | {
    VPC: {
        "cidr_block": CIDR,
        "enable_dns_support": True,
        "enable_dns_hostnames": True,
        "instance_tenancy": "default",
    },
    EGRESS: {
        "description": "HTTPS to services",
        "security_group_id": Of(GROUP),
        "cidr_ipv4": ANYWHERE,
        "ip_protocol": "tcp",
        "from_port": 443,
        "to_port": 443,
    },
    DEFAULT: {"vpc_id": OF, "revoke_rules_on_delete": False, "ingress": [], "egress": []},
    ACL: {"vpc_id": OF, "subnet_ids": [Of(SUBNET)], "ingress": [entry()], "egress": [entry(cidr=ANYWHERE)]},
    "aws_cloudwatch_log_group.vpc": {
        "name": f"{PATH}/vpc",
        "retention_in_days": 365,
        "kms_key_id": Of(KEY, "arn"),
    },
    FLOWS: {
        "vpc_id": OF,
        "traffic_type": "ALL",
        "iam_role_arn": f"arn:aws:iam::{ACCOUNT}:role/{TITLE}-flow-logs",
        "log_destination": Of("aws_cloudwatch_log_group.vpc", "arn"),
        "log_destination_type": "cloud-watch-logs",
    },
}
INGRESS = "tasks are called by nobody, so a group lets nothing in"


def ec2(about: str, bad: Stack, good: Stack = NETWORK, **why: str) -> Pair:
    """A pair about the network."""
    return Pair("EC2 network", about, bad, good, **why)


def inline(port: int, last: int = 0, cidr: str = ANYWHERE, **more: Any) -> Stack:
    """The group with a rule inside."""
    ports = {"from_port": port, "to_port": last or port, "protocol": "tcp"}
    rule = {"description": "in", "cidr_blocks": [cidr], "self": False} | ports | more
    return change(NETWORK, GROUP, ingress=[rule])


def ruled(**rule: Any) -> Stack:
    """The group with a rule beside."""
    sides = {"type": "ingress", "protocol": "tcp", "description": "in", "cidr_blocks": ["10.0.0.0/16"]}
    ports = {"from_port": 22, "to_port": 22, "security_group_id": Of(GROUP)}
    return change(NETWORK, RULE, **sides | ports | rule)


def let_in(**rule: Any) -> Stack:
    """The group with a rule of the newer type."""
    sides = {"ip_protocol": "tcp", "description": "in", "from_port": 22, "to_port": 22}
    address = "aws_vpc_security_group_ingress_rule.more"
    return change(NETWORK, address, security_group_id=Of(GROUP), **sides | ({"cidr_ipv4": "10.0.0.0/16"} | rule))


def beside(**rule: Any) -> Stack:
    """The ACL with a rule beside."""
    sides = {"egress": False, "protocol": "tcp", "rule_action": "allow", "cidr_block": "10.0.0.0/16"}
    ports = {"rule_number": 90, "from_port": 443, "to_port": 443, "network_acl_id": Of(ACL)}
    return change(NETWORK, "aws_network_acl_rule.more", **sides | ports | rule)


def inside(port: int) -> Pair:
    """A pair about a port of the group."""
    return ec2(f"port {port} is not open to the world", inline(port), inline(port, cidr="10.0.0.0/16"), strict=INGRESS)


def acl_inside(port: int) -> Pair:
    """A pair about a port of the ACL."""
    bad = change(NETWORK, ACL, ingress=[entry(cidr=ANYWHERE, first=port, last=port)])
    return ec2(f"an ACL does not open port {port} to the world", bad)


SERVICE = "aws_vpc_endpoint_service.own"
OFFERED = change(NETWORK, SERVICE, acceptance_required=True, gateway_load_balancer_arns=["arn:aws:x"])
PEERED: Stack = NETWORK | {
    "aws_vpc_peering_connection.other": {"vpc_id": OF, "peer_vpc_id": "vpc-2"},
    "aws_route_table.private": {"vpc_id": OF},
    "aws_route.other": {
        "route_table_id": Of("aws_route_table.private"),
        "destination_cidr_block": "10.9.0.0/24",
        "vpc_peering_connection_id": Of("aws_vpc_peering_connection.other"),
    },
}
ROUTED: Stack = NETWORK | {
    "aws_internet_gateway.out": {"vpc_id": OF},
    "aws_eip.out": {"domain": "vpc"},
    "aws_nat_gateway.out": {
        "allocation_id": Of("aws_eip.out"),
        "subnet_id": Of(SUBNET),
        "connectivity_type": "public",
    },
    "aws_route_table.private": {"vpc_id": OF},
    "aws_route_table_association.private": {
        "route_table_id": Of("aws_route_table.private"),
        "subnet_id": Of(SUBNET),
    },
    "aws_route.out": {
        "route_table_id": Of("aws_route_table.private"),
        "destination_cidr_block": ANYWHERE,
        "nat_gateway_id": Of("aws_nat_gateway.out"),
    },
}
GATEWAY = change(ROUTED, "aws_route.out", nat_gateway_id=None, gateway_id=Of("aws_internet_gateway.out"))

PAIRS = (
    inside(22),
    inside(80),
    inside(3389),
    ec2("not every port is open to the world", inline(0, 65535), inline(8080, cidr="10.0.0.0/16"), strict=INGRESS),
    ec2(
        "nothing is open to the world over IPv6",
        inline(22, cidr="10.0.0.0/16", ipv6_cidr_blocks=["::/0"]),
        inline(22, cidr="10.0.0.0/16"),
        strict=INGRESS,
    ),
    ec2("a rule beside the group opens nothing to the world", ruled(cidr_blocks=[ANYWHERE]), ruled(), strict=INGRESS),
    ec2("a rule of the newer type opens nothing to the world", let_in(cidr_ipv4=ANYWHERE), let_in(), strict=INGRESS),
    ec2(
        "a rule of the newer type opens nothing over IPv6",
        let_in(cidr_ipv6="::/0", cidr_ipv4=None),
        let_in(),
        strict=INGRESS,
    ),
    ec2(
        "not everything may leave",
        change(NETWORK, EGRESS, ip_protocol="-1", from_port=None, to_port=None),
    ),
    ec2(
        "not everything may leave by a rule beside the group",
        ruled(type="egress", protocol="-1", from_port=0, to_port=0, cidr_blocks=[ANYWHERE]),
        ruled(type="egress", from_port=443, to_port=443),
    ),
    ec2(
        "a group says what it is for",
        change(NETWORK, GROUP, description=None),
        left="words open nothing; the rules say what a group lets through",
    ),
    ec2(
        "a rule says what it is for",
        change(NETWORK, EGRESS, description=None),
        left="words open nothing; the rule itself says what it lets through",
    ),
    ec2(
        "a group is used",
        without(NETWORK, "aws_ecs_service.agent", GROUP, EGRESS)
        | change({}, "aws_security_group.idle", **NETWORK[GROUP]),
        left="a group that nobody has lets nothing through",
    ),
    ec2(
        "the default group lets nothing through",
        change(NETWORK, DEFAULT, ingress=[{"protocol": "-1", "from_port": 0, "to_port": 0, "self": True}]),
    ),
    acl_inside(20),
    acl_inside(21),
    acl_inside(22),
    acl_inside(3389),
    ec2("an ACL does not open all ports", beside(protocol="-1", from_port=0, to_port=0, cidr_block=ANYWHERE), beside()),
    ec2("an ACL has subnets", change(NETWORK, ACL, subnet_ids=None)),
    ec2("the account's default VPC is not used", change(NETWORK, "aws_default_vpc.own", enable_dns_support=True)),
    ec2("a subnet gives no public addresses", change(NETWORK, SUBNET, map_public_ip_on_launch=True)),
    ec2("a VPC's traffic is logged", without(NETWORK, FLOWS)),
    ec2("a service of ours is opened by hand", change(OFFERED, SERVICE, acceptance_required=False), OFFERED),
    ec2(
        "a peer is reached by a narrow route",
        change(PEERED, "aws_route.other", destination_cidr_block=ANYWHERE),
        PEERED,
        ours="a peer is a way out that no table lists",
    ),
    ec2("the way out is a NAT gateway", GATEWAY, ROUTED),
    ec2(
        "an address is used",
        without(ROUTED, "aws_nat_gateway.out", "aws_route.out"),
        ROUTED,
        left="an address that nobody has costs money and opens nothing",
    ),
)
