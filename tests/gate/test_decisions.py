"""Somebody decided about every argument of every resource type that this repository makes, exactly once."""

import re

import pytest

from scripts.gate import catalog
from scripts.gate.decisions.page import FILE, page
from scripts.gate.decisions.schema import excerpt, paths
from scripts.gate.decisions.tables import Table, every_type, product_tables
from scripts.shared.environments import ROOT

RESOURCE = re.compile(r'^resource "(\w+)"', re.MULTILINE)
TYPES = sorted(product_tables())


def arguments(schema: dict, path: str) -> bool:
    """Whether the schema has an argument or a block of this path."""
    for step in path.split("."):
        if not isinstance(schema, dict) or step not in schema:
            return False
        schema = schema[step]
    return True


def decided(table: Table, path: str) -> list[str]:
    """The paths of a table that say something of this path: itself, and the blocks around it."""
    steps = path.split(".")
    starts = [".".join(steps[:length]) for length in range(1, len(steps) + 1)]
    return [start for start in starts if start in table.paths()]


def test_the_tables_hold_every_type_of_the_code_and_no_other():
    code = [path for folder in ("modules", "terraform") for path in (ROOT / folder).rglob("*.tf")]
    assert {type_ for path in code for type_ in RESOURCE.findall(path.read_text())} == set(TYPES)


def test_the_schema_is_of_the_types_of_the_product_tables():
    assert set(excerpt()) == set(TYPES)


@pytest.mark.parametrize("type_", TYPES)
def test_every_argument_is_decided_about_once(type_):
    table, general = product_tables()[type_], every_type()
    found = {path: decided(table, path) or decided(general, path) for path in paths(excerpt()[type_])}
    assert {path: where for path, where in found.items() if len(where) != 1} == {}


@pytest.mark.parametrize("type_", TYPES)
def test_every_decision_is_about_an_argument_that_there_is(type_):
    table, schema = product_tables()[type_], excerpt()[type_]
    known = [path for entry in table.known for path in entry if path != "with"]
    assert [path for path in [*table.paths(), *known] if not arguments(schema, path)] == []


@pytest.mark.parametrize("type_", TYPES)
def test_what_must_be_there_is_told_of_decided_arguments(type_):
    table = product_tables()[type_]
    known = [path for entry in table.known for path in entry if path != "with"]
    outer = {path for path in known if any(one.startswith(f"{path}.") for one in table.paths())}
    assert [path for path in known if not decided(table, path) and path not in outer] == []


@pytest.mark.parametrize("type_", TYPES)
def test_what_other_types_have_one_of_is_named_by_an_argument_of_it(type_):
    every = product_tables()[type_].every
    assert all(arguments(excerpt()[type_], name) and owner in TYPES for name, owner in every.items())


def test_every_rule_that_a_table_names_exists():
    named = {rule for table in [*product_tables().values(), every_type()] for rule in table.rules.values()}
    assert named - set(catalog.all_rules()) == set()


@pytest.mark.parametrize("type_", TYPES)
def test_only_what_aws_may_fill_in_is_left_unset(type_):
    """A block may be AWS's too: the schema does not say which."""
    table, schema = product_tables()[type_], excerpt()[type_]
    left = [path for path, told in table.values.items() if "unset" in (told if isinstance(told, list) else [told])]
    for path in left:
        kind = schema
        for step in path.split("."):
            kind = kind[step]
        assert kind == "default" or isinstance(kind, dict), path


def test_the_page_says_what_the_tables_say():
    """`python -m scripts.gate.decisions.page` writes it."""
    assert FILE.read_text() == page()
