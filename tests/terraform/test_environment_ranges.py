"""The environments' address ranges, read from their facts: a peering or VPN between any two stays possible."""

import itertools
from ipaddress import IPv4Network

import hcl2
import pytest

from scripts.environments import FACTS

OPTIONS = hcl2.SerializationOptions(strip_string_quotes=True)


@pytest.fixture(scope="module")
def networks():
    """Environment to its `network`, of those that have a VPC of their own."""
    facts = {path.stem: hcl2.loads(path.read_text(), serialization_options=OPTIONS) for path in FACTS.glob("*.tfvars")}
    return {name: fact["network"] for name, fact in facts.items() if "cidr" in fact["network"]}


def test_no_two_environments_overlap(networks):
    for (one, its), (other, theirs) in itertools.combinations(networks.items(), 2):
        assert not IPv4Network(its["cidr"]).overlaps(IPv4Network(theirs["cidr"])), f"{one} overlaps {other}"


def test_each_deployed_environment_reserves_the_ranges_of_all_others(networks):
    """So that a plan refuses the overlap too, before this test is run."""
    for name in networks.keys() - {"local"}:
        others = {other: network["cidr"] for other, network in networks.items() if other != name}
        assert others.items() <= networks[name]["reserved_ranges"].items(), name
