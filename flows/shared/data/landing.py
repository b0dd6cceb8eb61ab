"""The declaration of a data set that lands as files and is kept in a table."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from types import MappingProxyType

import dataframely as dy

from flows.shared import own_copy
from flows.shared.data.columns import Column, Problems, Written, columns_of
from flows.shared.data.formats import Format, Parquet, format_problem
from flows.shared.data.refused import DeclarationError

# Where a row came from, beside the declared columns. Not compared: the same row in another file is no change.
PROVENANCE = {"SOURCE_FILE": "VARCHAR", "SOURCE_MODIFIED": "TIMESTAMP_NTZ(6)", "LOADED_AT": "TIMESTAMP_NTZ(6)"}
SOURCE_ROW = "SOURCE_ROW"
TAKEN = frozenset(name.lower() for name in (*PROVENANCE, SOURCE_ROW))
SQL_NAME = re.compile(r"[A-Z_][A-Z0-9_$]{0,254}")


@dataclass(frozen=True)
class Landing:
    """A data set: what lands, what a good row is, and the table that keeps it.

    `rows`: the columns with their types and checks. `key`: the columns that make a row one; of several rows the latest
    counts. `prefix`: where files land in the results bucket. `table`: in the schema `schema`, or in that of the
    environment's facts if it is empty. `written`: how files write a column, where its type does not tell.
    `replace_file`: a file that is put again takes away its earlier rows that it no longer has. `expected_every`: a load
    fails, after it has loaded what there is, if nothing landed for longer. `columns` are made from `rows` and
    `written`.

    Raises DeclarationError, with every problem in one message.
    """

    name: str
    rows: type[dy.Schema]
    key: Sequence[str]
    prefix: str
    table: str
    format: Format = field(default_factory=Parquet)
    schema: str = ""
    written: Mapping[str, Written] = field(default_factory=lambda: MappingProxyType({}))
    replace_file: bool = False
    expected_every: timedelta | None = None
    columns: tuple[Column, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        problems = Problems()
        columns = columns_of(self.rows, self.written, TAKEN, problems)
        problems.check(
            bool(re.fullmatch(r"[a-z][a-z0-9_]*", self.name)),
            f"name: got {self.name!r}; expected lower-case letters, digits and _",
        )
        problems.check(
            bool(re.fullmatch(r"landing/([^/]+/)+", self.prefix)),
            f"prefix: got {self.prefix!r}; expected landing/, a folder, and / at the end",
        )
        for what, name in (("table", self.table), ("schema", self.schema or "A")):
            problems.check(
                bool(SQL_NAME.fullmatch(name)), f"{what}: got {name!r}; expected upper-case letters, digits and _"
            )
        names = [column.name for column in columns]
        problems.check(
            bool(self.key) and not isinstance(self.key, str), f"key: got {self.key!r}; expected a list of columns"
        )
        for name in [] if isinstance(self.key, str) else self.key:
            nullable = next((column.is_nullable for column in columns if column.name == name), None)
            problems.check(
                nullable is not None,
                f"key: got {name!r}, which is no usable column; expected one of {', '.join(names)}",
            )
            problems.check(not nullable, f"{name}: got nullable=True; expected False: a key's row could not be found")
        problems.check(
            self.expected_every is None or self.expected_every > timedelta(0),
            f"expected_every: got {self.expected_every}; expected more than nothing, such as timedelta(days=1)",
        )
        _check_rules(self.rows, problems)
        if problem := format_problem(self.format):
            problems.found.append(problem)
        if problems.found:
            raise DeclarationError(f"Data set {self.name}: " + "; ".join(problems.found) + ".")
        object.__setattr__(self, "columns", tuple(columns))

    @property
    def full_table(self) -> str:
        """The table's name, with its schema if it is not the session's."""
        return f"{own_copy.schema(self.schema)}.{self.table}" if self.schema else self.table

    @property
    def sql_key(self) -> list[str]:
        """The key's names as SQL takes them."""
        return [column.sql_name for name in self.key for column in self.columns if column.name == name]


def _check_rules(rows: type[dy.Schema], problems: Problems) -> None:
    """Evaluate every rule on no rows."""
    try:
        rows.filter(rows.create_empty(), cast=False)
    except Exception as error:
        problems.found.append(f"got a rule that cannot be evaluated ({error}); expected one over its own columns")
