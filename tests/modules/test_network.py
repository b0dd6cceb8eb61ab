"""The network module: private subnets leave through NAT, and nothing comes in."""

import pytest
from tftest import TerraformTestError

NETWORK = {
    "cidr": "10.99.0.0/16",
    "availability_zones": ["eu-west-1a", "eu-west-1b"],
    "flow_logs": {
        "role_arn": "arn:aws:iam::333333333333:role/logs",
        "retention_days": 30,
        "kms_key_arn": "arn:aws:kms:eu-west-1:333333333333:key/1",
    },
}


def planned(plan, type_):
    return {
        address: change["change"]["after"]
        for address, change in plan.resource_changes.items()
        if change["type"] == type_
    }


def test_each_zone_has_a_private_subnet_and_all_share_one_nat_by_default(plan_module):
    plan = plan_module("network", **NETWORK)
    assert sorted(planned(plan, "aws_subnet")) == [
        f'aws_subnet.{kind}["{zone}"]' for kind in ("private", "public") for zone in NETWORK["availability_zones"]
    ]
    assert list(planned(plan, "aws_nat_gateway")) == ['aws_nat_gateway.egress["eu-west-1a"]']
    assert planned(plan, "aws_vpc_security_group_ingress_rule") == {}


def test_a_nat_per_zone_by_choice(plan_module):
    plan = plan_module("network", **NETWORK, nat_per_zone="true")
    assert len(planned(plan, "aws_nat_gateway")) == 2


def test_the_task_group_lets_out_https_only(plan_module):
    rules = planned(plan_module("network", **NETWORK), "aws_vpc_security_group_egress_rule")
    assert [(rule["from_port"], rule["to_port"], rule["ip_protocol"]) for rule in rules.values()] == [(443, 443, "tcp")]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (
            {"availability_zones": ["eu-west-1a"]},
            "availability_zones is [eu-west-1a]; expected two or three different zones",
        ),
        ({"cidr": "10.99.0.0/24"}, 'cidr is "10.99.0.0/24"; expected an IPv4 range from /16 to /20'),
        ({"cidr": "300.0.0.0/16"}, 'cidr is "300.0.0.0/16"; expected an IPv4 range from /16 to /20'),
    ],
)
def test_wrong_input_is_refused_with_what_was_got_and_expected(plan_module, wrong, message):
    with pytest.raises(TerraformTestError) as refusal:
        plan_module("network", **(NETWORK | wrong))
    # Terraform wraps its messages and draws a box around them.
    said = " ".join(refusal.value.cmd_error.replace("│", " ").split())
    assert message in said
