"""Your environments, whatever they are called: each plans offline and passes the gate, and none is in another's way.

With none but `local` there is nothing to plan.
"""

import itertools
import json
from ipaddress import IPv4Network
from pathlib import Path

import pytest

from scripts.gate.reading.plan import Plan
from scripts.shared.environments import FACTS, find_environment
from scripts.shared.facts_file import ACCOUNTS, read_account, read_environment

FILES = sorted(FACTS.glob("*.tfvars"))
IN_AWS = [path for path in FILES if path.stem != "local"]
ACCOUNT_FILES = sorted(ACCOUNTS.glob("*.tfvars"))


def name_of(path: Path) -> str:
    """What a test of it is called."""
    return path.stem


@pytest.mark.parametrize("file", FILES, ids=name_of)
def test_it_protects_its_data_if_it_is_guarded(file):
    facts = read_environment(file)
    assert facts["protect_data"] or not facts["guarded"]


@pytest.mark.parametrize("file", IN_AWS, ids=name_of)
def test_it_plans_offline_and_passes_the_gate(users_plan, file):
    folder = users_plan(file.stem)
    record = json.loads((folder / "gate.json").read_text())
    assert record["passed"]
    assert (record["environment"], record["offline"]) == (file.stem, True)


@pytest.mark.parametrize("file", IN_AWS, ids=name_of)
def test_its_title_is_the_same_in_terraform_and_in_python(users_plan, file):
    plan = Plan.load(users_plan(file.stem) / "plan.json")
    assert plan.outputs["facts"]["title"] == plan.outputs["work_pool"]["name"] == find_environment(file.stem).title


@pytest.mark.parametrize("file", IN_AWS, ids=name_of)
def test_the_bootstrap_of_its_account_lists_it(file):
    facts = read_environment(file)
    accounts = [read_account(path) for path in ACCOUNT_FILES]
    (account,) = [each for each in accounts if each["account_id"] == facts["account_id"]]
    assert facts["environment"] in account["stacks"][facts["name"]]
    assert account["name"] == (facts["bootstrap"] or facts["name"])
    assert (account["region"], account["image_repository"]) == (facts["region"], facts["image_repository"])


@pytest.fixture(scope="module")
def networks():
    """Environment to its `network`, of those that have a VPC of their own."""
    found = {path.stem: read_environment(path)["network"] for path in FILES}
    return {name: network for name, network in found.items() if network.get("cidr")}


def test_no_two_address_ranges_overlap(networks):
    """A peering or VPN between any two stays possible."""
    for (one, its), (other, theirs) in itertools.combinations(networks.items(), 2):
        assert not IPv4Network(its["cidr"]).overlaps(IPv4Network(theirs["cidr"])), f"{one} overlaps {other}"


def test_of_any_two_environments_one_reserves_the_others_range(networks):
    """So that a plan refuses the overlap before this test is run. A new environment names those that are there."""
    for (one, its), (other, theirs) in itertools.combinations(networks.items(), 2):
        named = its.get("reserved_ranges", {}).get(other) == theirs["cidr"]
        assert named or theirs.get("reserved_ranges", {}).get(one) == its["cidr"], f"neither {one} nor {other}"
