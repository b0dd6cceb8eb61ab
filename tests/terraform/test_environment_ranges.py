"""The environments' address ranges, read from their facts: a peering or VPN between any two stays possible."""

import itertools
from ipaddress import IPv4Network

import hcl2
import pytest

from scripts.shared.environments import FACTS

OPTIONS = hcl2.SerializationOptions(strip_string_quotes=True)


@pytest.fixture(scope="module")
def networks():
    """Environment to its `network`, of those that have a VPC of their own."""
    facts = {path.stem: hcl2.loads(path.read_text(), serialization_options=OPTIONS) for path in FACTS.glob("*.tfvars")}
    return {name: fact["network"] for name, fact in facts.items() if "cidr" in fact["network"]}


def test_no_two_environments_overlap(networks):
    for (one, its), (other, theirs) in itertools.combinations(networks.items(), 2):
        assert not IPv4Network(its["cidr"]).overlaps(IPv4Network(theirs["cidr"])), f"{one} overlaps {other}"


def test_of_any_two_environments_one_reserves_the_others_range(networks):
    """So that a plan refuses the overlap before this test is run. A new environment names those that are there."""
    for (one, its), (other, theirs) in itertools.combinations(networks.items(), 2):
        named = its.get("reserved_ranges", {}).get(other) == theirs["cidr"]
        assert named or theirs.get("reserved_ranges", {}).get(one) == its["cidr"], f"neither {one} nor {other}"
