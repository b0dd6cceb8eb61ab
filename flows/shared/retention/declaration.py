"""What is deleted when its time is over: rows of a table, or objects below a prefix. Nothing is run here."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from flows.shared import own_copy, watermark
from flows.shared.data import history
from flows.shared.data.columns import Problems
from flows.shared.data.landing import SQL_NAME
from flows.shared.data.refused import DeclarationError
from flows.shared.push import dead_letters

HISTORY = "RETENTION_HISTORY"
# What runs go by. Without it rows would be loaded or sent twice, or not at all.
PROTECTED_TABLES = frozenset({watermark.TABLE, history.TABLE, HISTORY})
PROTECTED_PREFIXES = ("results/", dead_letters.PREFIX)
LONGEST_KEEP = timedelta(days=36_525)
MOST_OBJECTS = 10_000
DATE_PARTS = {"%Y": r"(?P<year>\d{4})", "%m": r"(?P<month>\d\d)", "%d": r"(?P<day>\d\d)", "%H": r"(?P<hour>\d\d)"}
DATE_ORDER = ("%Y", "%m", "%d", "%H")


@dataclass(frozen=True)
class TableRule:
    """Rows of a table that are deleted when `column` is older than `keep`.

    `table`: in the schema `schema`, or in that of the environment's facts if it is empty. `column`: a DATE, or a
    TIMESTAMP, which is UTC if it has no zone; a date is over when its day is. Rows without a value there stay.
    `where`: a condition that deleted rows meet besides, with `%s` for each of `values` and `%%` for a percent sign.
    `batch`: the rows of so long a time are deleted in one transaction, oldest first. `at_most`: if a larger share of
    the table's rows would be deleted, nothing is.

    Raises DeclarationError, with every problem in one message.
    """

    name: str
    table: str
    column: str
    keep: timedelta
    schema: str = ""
    where: str = ""
    values: Sequence[Any] = ()
    batch: timedelta = timedelta(days=1)
    at_most: float = 0.5

    def __post_init__(self) -> None:
        problems = _problems_of_all(self.name, self.keep, self.at_most)
        for what, name in (("table", self.table), ("column", self.column), ("schema", self.schema or "A")):
            problems.check(
                bool(SQL_NAME.fullmatch(name)), f"{what}: got {name!r}; expected upper-case letters, digits and _"
            )
        problems.check(
            self.table not in PROTECTED_TABLES,
            f"table: got {self.table}, by which runs know what is done; expected a table of your own",
        )
        problems.check(
            isinstance(self.batch, timedelta) and timedelta(seconds=1) <= self.batch <= LONGEST_KEEP,
            f"batch: got {self.batch!r}; expected a second or more, such as timedelta(days=1)",
        )
        if problem := _where_problem(self.where, self.values):
            problems.found.append(problem)
        _raise(self.name, problems)

    @property
    def full_table(self) -> str:
        """The table's name, with its schema if it is not the session's; in a try as somebody, theirs."""
        return f"{own_copy.schema(self.schema)}.{self.table}" if self.schema else self.table

    @property
    def place(self) -> str:
        """Where rows are deleted, for a person."""
        return self.full_table


@dataclass(frozen=True)
class PrefixRule:
    """Objects of the results bucket that are deleted when they are older than `keep`.

    `prefix`: a folder below landing/, quarantine/ or export/. `date_in_key`: how keys have a date below the prefix, in
    the letters of strftime, such as %Y-%m-%d or year=%Y/month=%m; an object is over when that day, hour, month or year
    is, in UTC, and stays if its key has no date. Without it S3's LastModified counts. `batch`: so many objects are
    deleted before the run is noted to have come so far, oldest first. `at_most`: if a larger share of the objects would
    be deleted, nothing is.

    The flow's file needs the permission s3:DeleteObject below the prefix. Raises DeclarationError, with every problem
    in one message.
    """

    name: str
    prefix: str
    keep: timedelta
    date_in_key: str = ""
    batch: int = 1000
    at_most: float = 0.5

    def __post_init__(self) -> None:
        problems = _problems_of_all(self.name, self.keep, self.at_most)
        problems.check(
            bool(re.fullmatch(r"(landing|quarantine|export)/([^/]+/)+", self.prefix)) or self._is_protected,
            f"prefix: got {self.prefix!r}; expected landing/, quarantine/ or export/, a folder, and / at the end",
        )
        problems.check(
            not self._is_protected,
            f"prefix: got {self.prefix!r}, by which runs know what is done; expected a prefix of your own data",
        )
        problems.check(
            1 <= self.batch <= MOST_OBJECTS, f"batch: got {self.batch}; expected 1 to {MOST_OBJECTS} objects"
        )
        parts = re.findall("%.?", self.date_in_key)
        problems.check(
            sorted(parts) == sorted(DATE_ORDER[: len(parts)]) and bool(parts) == bool(self.date_in_key),
            f"date_in_key: got {self.date_in_key!r}; expected %Y, or with it %m, %d and %H, each once",
        )
        _raise(self.name, problems)

    @property
    def _is_protected(self) -> bool:
        return self.prefix.startswith(PROTECTED_PREFIXES)

    @property
    def full_prefix(self) -> str:
        """The prefix; in a try as somebody, theirs."""
        return own_copy.key(self.prefix)

    @property
    def place(self) -> str:
        """Where objects are deleted, for a person."""
        return self.full_prefix


Rule = TableRule | PrefixRule


def _problems_of_all(name: str, keep: Any, at_most: float) -> Problems:
    problems = Problems()
    problems.check(
        bool(re.fullmatch(r"[a-z][a-z0-9_]*", name)),
        f"name: got {name!r}; expected lower-case letters, digits and _",
    )
    problems.check(
        isinstance(keep, timedelta) and timedelta(0) < keep <= LONGEST_KEEP,
        f"keep: got {keep!r}; expected more than nothing and at most 100 years, such as timedelta(days=90)",
    )
    problems.check(0 < at_most < 1, f"at_most: got {at_most}; expected a share between 0 and 1: never everything")
    return problems


def _where_problem(where: str, values: Sequence[Any]) -> str:
    """What is wrong with a condition, or an empty text. One that closes a bracket too many could mean all rows."""
    if isinstance(values, str):
        return f"values: got {values!r}; expected a list"
    try:
        filled = where % tuple("NULL" for _ in values)
    except (TypeError, ValueError):
        return f"where: got {where!r} with {len(values)} values; expected %s for each, and %% for a percent sign"
    if not filled:
        return ""
    from sqlglot import Dialect, exp
    from sqlglot.errors import SqlglotError

    try:
        found = Dialect.get_or_raise("snowflake").parse_into(exp.Condition, filled)
    except SqlglotError as error:
        reason = str(error).partition("\n")[0]
        return f"where: got {where!r}, which cannot be read ({reason}); expected one condition of SQL"
    return "" if len(found) == 1 and found[0] else f"where: got {where!r}; expected one condition of SQL"


def _raise(name: str, problems: Problems) -> None:
    if problems.found:
        raise DeclarationError(f"Retention {name}: " + "; ".join(problems.found) + ".")
