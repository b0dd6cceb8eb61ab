"""EC2's machines and disks, which have no place in a plan of this repository."""

from typing import Any

from public_pairs.pair import Of, Pair, Stack, change

MACHINE, DISK, TEMPLATE = "aws_instance.one", "aws_ebs_volume.one", "aws_launch_template.one"
LAUNCH = "aws_launch_configuration.one"
TOKENS = [{"http_endpoint": "enabled", "http_tokens": "required", "http_put_response_hop_limit": 1}]
MACHINES: Stack = {
    MACHINE: {
        "ami": "ami-1",
        "instance_type": "t3.small",
        "associate_public_ip_address": False,
        "ebs_optimized": True,
        "monitoring": True,
        "iam_instance_profile": "one",
        "metadata_options": TOKENS,
        "root_block_device": [{"encrypted": True}],
        "user_data": "#!/bin/sh\necho started",
    }
}
LAUNCHED: Stack = {
    LAUNCH: {
        "image_id": "ami-1",
        "instance_type": "t3.small",
        "associate_public_ip_address": False,
        "metadata_options": TOKENS,
        "root_block_device": [{"encrypted": True}],
    }
}
TEMPLATES: Stack = {TEMPLATE: {"image_id": "ami-1", "metadata_options": TOKENS}}
DISKS: Stack = {DISK: {"availability_zone": "eu-west-1a", "size": 8, "encrypted": True, "kms_key_id": "arn:aws:kms:x"}}
KEYS = "export AWS_ACCESS_KEY_ID=" + "AKIA" + "QWERTYUIOP234567"
ADDRESS: Stack = MACHINES | {"aws_eip.one": {"domain": "vpc", "instance": Of(MACHINE)}}


def pair(about: str, stack: Stack, address: str, **changes: Any) -> Pair:
    """A pair about a machine."""
    return Pair("EC2 network", about, change(stack, address, **changes), stack)


PAIRS = (
    pair("a machine has no public address", MACHINES, MACHINE, associate_public_ip_address=True),
    pair("a machine's metadata ask for a token", MACHINES, MACHINE, metadata_options=[{"http_tokens": "optional"}]),
    pair("a machine's disk is encrypted", MACHINES, MACHINE, root_block_device=[{"encrypted": False}]),
    pair("what a machine starts with holds no key", MACHINES, MACHINE, user_data=KEYS),
    pair("a launched machine has no public address", LAUNCHED, LAUNCH, associate_public_ip_address=True),
    pair(
        "a launched machine's metadata ask for a token",
        LAUNCHED,
        LAUNCH,
        metadata_options=[{"http_tokens": "optional"}],
    ),
    pair("a launched machine's disk is encrypted", LAUNCHED, LAUNCH, root_block_device=[{"encrypted": False}]),
    pair("what a launched machine starts with holds no key", LAUNCHED, LAUNCH, user_data=KEYS),
    pair(
        "metadata stay on the machine",
        TEMPLATES,
        TEMPLATE,
        metadata_options=[TOKENS[0] | {"http_put_response_hop_limit": 3}],
    ),
    pair("a volume is encrypted", DISKS, DISK, encrypted=False),
    Pair(
        "EC2 network",
        "an image is launched by nobody else",
        {"aws_ami_launch_permission.all": {"image_id": "ami-1", "group": "all"}},
        MACHINES,
    ),
)
