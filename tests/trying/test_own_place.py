"""`make try AS=me` says where it writes, and takes a short name only."""

import sys

import pytest

from flows.shared import own_copy
from scripts import try_flow
from scripts.shared.environments import find_environment
from scripts.shared.refusal import Refusal
from scripts.trying import choice, own_place, variables

pytestmark = pytest.mark.usefixtures("made_up_environments")


def test_what_is_told_is_what_flows_write_to(monkeypatch):
    environment = find_environment("amber")
    told = own_place.told(environment, "ana2")
    monkeypatch.setenv(own_copy.VARIABLE, "ana2")
    assert own_place.VARIABLE == own_copy.VARIABLE
    for place in (
        own_copy.schema(environment.facts["snowflake"]["schema"]),
        own_copy.key("quarantine/"),
        own_copy.key("export/"),
    ):
        assert place in told
    assert own_place.told(environment, "") == ""


@pytest.mark.parametrize("name", ["Me", "2me", "a_b", "a.b", "../x", "me;drop", "a" * 21, " "])
def test_another_form_is_refused_before_anything_is_read(monkeypatch, name):
    read = []
    monkeypatch.setattr(choice, "find_file", lambda *given: read.append(given))
    monkeypatch.setattr(variables, "read", lambda *given: read.append(given))
    monkeypatch.setattr(sys, "argv", ["try_flow", "orders", "--env", "amber", "--as", name])
    with pytest.raises(Refusal) as refused:
        try_flow.main()
    assert (
        str(refused.value) == f'AS is "{name}"; expected a short name of small letters and digits, such as me or ana2.'
    )
    assert read == []
