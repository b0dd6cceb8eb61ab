"""Columns of a data set: a dataframely column, the Snowflake type it is kept as, and how landing files write it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, NamedTuple
from zoneinfo import ZoneInfo, available_timezones

import dataframely as dy

if TYPE_CHECKING:
    import polars as pl

# A name as every tool takes it; in Snowflake it stands in upper case.
NAME = re.compile(r"[a-z][a-z0-9_]{0,250}")
Kind = Literal["whole", "float", "decimal", "boolean", "text", "category", "date", "time", "json"]
Unit = Literal["d", "s", "ms", "us", "ns"]
MOST_DIGITS = 38


class Json(dy.String):
    """A JSON document, kept as a VARIANT. In memory and in files it is its text."""


@dataclass(frozen=True)
class Written:
    """How landing files write a column, where its type alone does not tell.

    `name`: its name in the files. `unit`: numbers stand for a time or date, counted since 1970-01-01 UTC. `zone`:
    times without a zone are wall-clock times of this IANA zone. `pattern`: texts of a time or date are written so, in
    the letters of strftime. `true`, `false`: what else than true and false is a boolean. `optional`: files may lack
    the column, which is null then.
    """

    name: str = ""
    unit: Unit | None = None
    zone: str = ""
    pattern: str = ""
    true: tuple[str, ...] = ()
    false: tuple[str, ...] = ()
    optional: bool = False


class Column(NamedTuple):
    """A declared column. `file_name` is its name in landing files, `sql_type` its type in Snowflake."""

    name: str
    kind: Kind
    dtype: pl.DataType
    sql_type: str
    is_nullable: bool
    written: Written

    @property
    def file_name(self) -> str:
        """Its name in landing files."""
        return self.written.name or self.name

    @property
    def sql_name(self) -> str:
        """Its name in Snowflake, quoted: a reserved word is a name as any other."""
        return quoted(self.name)


@dataclass
class Problems:
    """What is wrong with a declaration, a sentence each."""

    found: list[str] = field(default_factory=list)

    def check(self, is_right: bool, sentence: str) -> None:
        """Note the sentence unless it is right."""
        if not is_right:
            self.found.append(sentence)


def quoted(name: str) -> str:
    """Return a column's name as SQL takes it, whatever word it is."""
    return f'"{name.upper()}"'


def columns_of(
    schema: type[dy.Schema], written: Mapping[str, Written], taken: frozenset[str], problems: Problems
) -> list[Column]:
    """Return the schema's columns in their order, and note what cannot work. `taken`: names that are not free."""
    declared = schema.columns()
    for name in written:
        problems.check(
            name in declared, f"written: got {name}, which is no column; expected one of {', '.join(declared)}"
        )
    columns = []
    for name, column in declared.items():
        problems.check(
            bool(NAME.fullmatch(name)),
            f"{name}: got that name; expected lower-case letters, digits and _, beginning with a letter; use "
            "Written(name=…) for the name in the files",
        )
        problems.check(name not in taken, f"{name}: got a name that the table keeps for itself; expected another one")
        problems.check(
            not column.primary_key,
            f"{name}: got primary_key=True, which rejects every row of a pair; expected the name in key=, where the "
            "latest row counts",
        )
        problems.check(
            not column.unique, f"{name}: got unique=True, of which a part of a file cannot tell; expected key="
        )
        try:
            kind, sql_type = _kind_and_sql_type(column)
        except ValueError as error:
            problems.found.append(f"{name}: {error}")
            continue
        how = written.get(name, Written())
        _check_written(name, kind, how, problems)
        columns.append(Column(name, kind, column.dtype, sql_type, column.nullable, how))
    files = [column.file_name for column in columns]
    problems.check(len(set(files)) == len(files), f"written: got one name for two columns; expected each once: {files}")
    return columns


def _kind_and_sql_type(column: dy.Column) -> tuple[Kind, str]:
    """Return how values are converted and kept. Raises ValueError for what has no exact place in Snowflake."""
    match column:
        case Json():
            return "json", "VARIANT"
        case dy.Enum() | dy.Categorical():
            return "category", "VARCHAR"
        case dy.String():
            return "text", "VARCHAR"
        case dy.Bool():
            return "boolean", "BOOLEAN"
        case dy.Date():
            return "date", "DATE"
        case dy.Datetime():
            return _time(column)
        case dy.Decimal():
            digits, scale = column.precision or MOST_DIGITS, column.scale
            if not scale <= digits <= MOST_DIGITS:
                raise ValueError(f"got Decimal({digits}, {scale}); expected at most {MOST_DIGITS} digits")
            return "decimal", f"NUMBER({digits},{scale})"
        case dy.Float32():
            raise ValueError("got Float32; expected Float64: Snowflake's FLOAT has 64 bits")
        case dy.Float() | dy.Float64():
            return "float", "FLOAT"
        case _ if column.dtype.is_integer():
            return "whole", f"NUMBER({MOST_DIGITS},0)"
    raise ValueError(
        f"got {type(column).__name__}; expected a whole number, Decimal, Float64, Bool, String, Enum, Date, Datetime "
        "or Json"
    )


def _time(column: dy.Datetime) -> tuple[Kind, str]:
    if column.time_unit == "ns":
        raise ValueError("got nanoseconds; expected time_unit='us' or 'ms': the table keeps microseconds")
    if column.time_zone not in (None, "UTC"):
        raise ValueError(f"got the zone {column.time_zone}; expected UTC, into which other zones are converted")
    # A moment is kept in UTC, a wall-clock time as it is: both without a zone, so that no session's zone shifts them.
    return "time", "TIMESTAMP_NTZ(6)"


def _check_written(name: str, kind: Kind, how: Written, problems: Problems) -> None:
    is_moment = kind in ("time", "date")
    problems.check(not how.unit or is_moment, f"{name}: got unit={how.unit!r} for a {kind}; expected it for times only")
    problems.check(not how.pattern or is_moment, f"{name}: got a pattern for a {kind}; expected it for times only")
    problems.check(not how.zone or kind == "time", f"{name}: got a zone for a {kind}; expected it for times only")
    problems.check(
        not how.zone or how.zone in available_timezones(),
        f"{name}: got the zone {how.zone!r}; expected a name such as Europe/Berlin",
    )
    problems.check(
        not (how.true or how.false) or kind == "boolean",
        f"{name}: got true= or false= for a {kind}; expected them for booleans only",
    )
    both = set(how.true) & set(how.false)
    problems.check(not both, f"{name}: got {', '.join(sorted(both))} for true and for false; expected it for one")


def zone_of(column: Column) -> ZoneInfo | None:
    """Return the zone whose wall-clock times the files write, or None if they are UTC or say their zone."""
    return ZoneInfo(column.written.zone) if column.written.zone else None
