"""Runs the statements of Snowflake's side, one by one."""

from collections.abc import Callable, Iterator

from scripts.warehouse.differences import without_missing
from scripts.warehouse.login import Row
from scripts.warehouse.script import OBJECTS, Statement, statements, with_roles
from scripts.warehouse.wanted import Wanted


def apply(wanted: Wanted, ask: Callable[[str], list[Row]]) -> Iterator[str]:
    """Run all of them and yield each that has run. The first that is refused ends it; what ran before stays.

    Raises:
        Refusal: with the statement and Snowflake's sentence; exit code 1.
    """
    yield from _run([each for each in statements(wanted) if each.role == OBJECTS], ask)
    # What others make may come later than the setup; without it, only what reads it fails.
    present, _ = without_missing(wanted, ask)
    yield from _run([each for each in statements(present) if each.role != OBJECTS], ask)


def _run(given: list[Statement], ask: Callable[[str], list[Row]]) -> Iterator[str]:
    for sql in with_roles(given):
        ask(sql)
        yield sql
