"""Dates and times from text: ISO 8601, numbers in a declared unit, or a declared pattern."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple, cast

from flows.shared.data.arrow_values import Values, only, text_of
from flows.shared.data.moments_read import DAY, FIRST, LAST, as_date, as_time, counted_text, in_declared_zone
from flows.shared.data.numbers_read import plain_digits

if TYPE_CHECKING:
    import polars as pl

    from flows.shared.data.columns import Column
    from flows.shared.data.formats import Format

_DAY = "[0-9]{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])"
_OFFSET = "(?:Z|[+-](?:0[0-9]|1[0-8])(?::?[0-5][0-9])?)"
ISO_TIME = rf"^{_DAY}[T ](?:[01][0-9]|2[0-3]):[0-5][0-9](?::[0-5][0-9](?:\.[0-9]{{1,6}}0*)?)?{_OFFSET}?$"
ISO_DATE = rf"^{_DAY}(?:[T ]00:00(?::00(?:\.0+)?)?{_OFFSET}?)?$"
# Letters of strftime that polars and Python read alike.
PLAIN_LETTERS = set("YmdHMS")
EPOCH = datetime(1970, 1, 1)


class WallClock(NamedTuple):
    """Microseconds by the clock that the text was written by, and how far it is ahead of UTC: null if not said."""

    local: pl.Series
    ahead: pl.Series


def time_from_text(array: Values, column: Column, dialect: Format) -> pl.Series:
    """The moment that a text in the declared pattern or unit, else in ISO 8601, says."""
    import polars as pl

    clock = _wall_clock(text_of(array), column, dialect)
    if cast("pl.Datetime", column.dtype).time_zone is None:
        return as_time(only(clock.local, clock.ahead.is_null()), column)
    said = clock.local - clock.ahead
    if clock.ahead.null_count() == len(clock.ahead):
        return as_time(in_declared_zone(clock.local, column), column)
    unsaid = in_declared_zone(only(clock.local, clock.ahead.is_null()), column)
    return as_time(pl.select(said.fill_null(unsaid)).to_series(), column)


def date_from_text(array: Values, column: Column, dialect: Format) -> pl.Series:
    """The day that a text says; a time beside it is midnight."""
    import polars as pl

    text = text_of(array)
    found = pl.Series([None], dtype=pl.Int64).new_from_index(0, len(text))
    if column.written.pattern:
        found = _by_pattern(text, column.written.pattern).local
    if column.written.unit:
        found = found.fill_null(counted_text(plain_digits(_left(text, found), dialect), column))
    days = as_date(found)
    left = _left(text, found)
    if left.null_count() == len(left):
        return days
    iso = only(left, left.str.contains(ISO_DATE)).str.slice(0, 10).str.to_date("%Y-%m-%d", strict=False)
    return days.fill_null(as_date(iso.cast(pl.Int64) * DAY))


def _wall_clock(text: pl.Series, column: Column, dialect: Format) -> WallClock:
    import polars as pl

    if not column.written.pattern and not column.written.unit:
        return _by_iso(text)
    nothing = pl.Series([None], dtype=pl.Int64).new_from_index(0, len(text))
    local, ahead = nothing, nothing
    if column.written.pattern:
        local, ahead = _by_pattern(text, column.written.pattern)
    if column.written.unit:
        numbers = counted_text(plain_digits(_left(text, local), dialect), column)
        ahead = ahead.fill_null(numbers * 0)  # Counted in UTC, whatever the column's zone.
        local = local.fill_null(numbers)
    iso = _by_iso(_left(text, local))
    return WallClock(local.fill_null(iso.local), ahead.fill_null(iso.ahead))


def _left(text: pl.Series, found: pl.Series) -> pl.Series:
    return only(text, found.is_null())


def _by_iso(text: pl.Series) -> WallClock:
    """Read date, T or a blank, hours and minutes, or also seconds with a fraction, and an offset or none."""
    import polars as pl

    text = only(text, text.str.contains(ISO_TIME))
    rest = text.str.slice(16)
    seconds = rest.str.extract(r"^(:[0-9]{2})").fill_null(":00")
    clock = text.str.slice(0, 10) + "T" + text.str.slice(11, 5) + seconds
    local = clock.str.to_datetime("%Y-%m-%dT%H:%M:%S", time_unit="us", strict=False).to_physical()
    if rest.str.contains(".", literal=True).any():
        fraction = rest.str.extract(r"\.([0-9]+)").str.slice(0, 6).str.pad_end(6, "0")
        local = local + fraction.cast(pl.Int64).fill_null(0)
    return WallClock(local, _ahead(rest))


def _ahead(rest: pl.Series) -> pl.Series:
    """Return the offsets at the texts' ends in microseconds."""
    import polars as pl

    offset = rest.str.extract(r"(Z|[+-][0-9:]+)$")
    if offset.null_count() == len(offset):
        return offset.cast(pl.Int64)
    ahead = {}
    for said in offset.drop_nulls().unique().to_list():
        digits = said[1:].replace(":", "").ljust(4, "0")
        minutes = 0 if said == "Z" else int(digits[:2]) * 60 + int(digits[2:])
        ahead[said] = minutes * 60_000_000 * (-1 if said[0] == "-" else 1)
    return offset.replace_strict(ahead, default=None, return_dtype=pl.Int64)


def _by_pattern(text: pl.Series, pattern: str) -> WallClock:
    """Read what strptime reads. Where polars reads the same and writes the same text again, polars is asked."""
    import polars as pl

    letters = {pattern[at + 1] for at, letter in enumerate(pattern[:-1]) if letter == "%"}
    nothing = pl.Series([None], dtype=pl.Int64).new_from_index(0, len(text))
    local, ahead = nothing, nothing
    if {"Y", "m", "d"} <= letters <= PLAIN_LETTERS and "%%" not in pattern:
        if letters & set("HMS"):
            read = text.str.to_datetime(pattern, time_unit="us", strict=False)
        else:
            read = text.str.to_date(pattern, strict=False).cast(pl.Datetime("us"))
        known = only(read, read.to_physical().is_between(FIRST, LAST))
        local = only(known, known.dt.to_string(pattern) == text).to_physical()
        text = _left(text, local)
    distinct = text.drop_nulls().unique()
    if distinct.is_empty():
        return WallClock(local, ahead)
    values = distinct.to_list()
    read_ones = [_read_one(value, pattern) for value in values]
    clocks = pl.Series([one[0] for one in read_ones], dtype=pl.Int64)
    offsets = pl.Series([one[1] for one in read_ones], dtype=pl.Int64)
    local = local.fill_null(text.replace_strict(distinct, clocks, default=None, return_dtype=pl.Int64))
    ahead = text.replace_strict(distinct, offsets, default=None, return_dtype=pl.Int64)
    return WallClock(local, ahead)


@lru_cache(maxsize=4096)
def _read_one(text: str, pattern: str) -> tuple[int | None, int | None]:
    """Return one text's wall-clock time and offset, both in microseconds."""
    if not text.isascii():  # strptime also takes digits of other scripts.
        return None, None
    try:
        read = datetime.strptime(text, pattern)
    except ValueError:
        return None, None
    offset = read.utcoffset()
    local = (read.replace(tzinfo=None) - EPOCH) // timedelta(microseconds=1)
    return local, None if offset is None else offset // timedelta(microseconds=1)


def written_by(moment: datetime, pattern: str) -> str:
    """Return the moment in the pattern if it says all of it, else an empty text."""
    text = moment.strftime(pattern)
    local, ahead = _read_one(text, pattern)
    expected = (moment.replace(tzinfo=None) - EPOCH) // timedelta(microseconds=1)
    return text if local == expected and (ahead is None) == (moment.tzinfo is None) else ""
