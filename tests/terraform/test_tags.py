"""Everything that AWS can tag says whose it is: service, environment, owner and repository."""

import json

import pytest
from fixture_repository import ENVIRONMENTS, facts

TAGS = {"service", "environment", "owner", "repository"}


@pytest.fixture(scope="module", params=ENVIRONMENTS)
def taggable(request, offline_plan):
    """(environment, own tags by address, tags with the defaults by address) of what can have tags."""
    changes = json.loads((offline_plan(request.param) / "plan.json").read_text())["resource_changes"]
    afters = {
        change["address"]: (change["change"]["after"], change["change"]["after_unknown"])
        for change in changes
        if change["mode"] == "managed"
    }
    afters = {address: both for address, both in afters.items() if "tags_all" in both[0] or "tags_all" in both[1]}
    own = {address: after.get("tags") or {} for address, (after, _) in afters.items()}
    return request.param, own, {address: after.get("tags_all") or {} for address, (after, _) in afters.items()}


def test_every_taggable_resource_has_the_four_tags(taggable):
    environment, _, tags = taggable
    assert len(tags) > 30
    assert {address: TAGS - set(found) for address, found in tags.items() if not set(found) >= TAGS} == {}
    assert {found["environment"] for found in tags.values()} == {environment}
    assert {(found["service"], found["owner"], found["repository"]) for found in tags.values()} == {
        ("harbor-flows", facts(environment)["owner"], "data-flows")
    }


def test_no_resource_puts_a_tag_of_its_own_over_one_of_the_four(taggable):
    _, own, _ = taggable
    assert {address: tags for address, tags in own.items() if set(tags) & TAGS} == {}
