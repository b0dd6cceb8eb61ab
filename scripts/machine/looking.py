"""Runs checks one by one, each to a line. A check returns what is well, or raises Refusal with what is not."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

from scripts.shared.command import UNREACHABLE
from scripts.shared.refusal import Refusal

OK, PROBLEM, UNKNOWN = "ok", "problem", "unknown"


class Check(NamedTuple):
    """What is looked at, in a word or two, and the look."""

    name: str
    look: Callable[[], str]


class Line(NamedTuple):
    """What came of one check."""

    state: str
    name: str
    text: str


def look(checks: list[Check]) -> Iterator[Line]:
    """A line a check, as soon as it is known."""
    for check in checks:
        try:
            yield Line(OK, check.name, check.look())
        except Refusal as refusal:
            yield Line(PROBLEM, check.name, " ".join(str(refusal).split()))
        except ImportError as error:
            yield Line(UNKNOWN, check.name, f"not looked at, because of {error}: run `make setup`.")
        except Exception as error:
            if type(error).__name__ not in UNREACHABLE:
                raise
            yield Line(UNKNOWN, check.name, f"no answer: {' '.join(str(error).split())}")


def not_installed(name: str, error: ImportError) -> Check:
    """The check that stands for all of those that cannot even begin."""

    def look() -> str:
        raise error

    return Check(name, look)


def exit_code(lines: list[Line]) -> int:
    """1 with a problem, 2 if something could not be looked at, else 0."""
    states = {line.state for line in lines}
    return 1 if PROBLEM in states else 2 if UNKNOWN in states else 0
