"""Dates and times from typed sources: counted from 1970 in a unit, with a zone or without one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, cast
from zoneinfo import ZoneInfo

from flows.shared.data.arrow_values import (
    Values,
    by_pieces,
    fixed_offset_seconds,
    floats_of,
    ints_of,
    is_decimal_of,
    only,
)
from flows.shared.data.numbers_read import decimals_of_text, fitting, whole_floats

if TYPE_CHECKING:
    from collections.abc import Callable
    from decimal import Decimal

    import polars as pl

    from flows.shared.data.columns import Column
    from flows.shared.data.formats import Format

DAY = 86_400_000_000
# Microseconds of a unit, of which nanoseconds have none.
MICROSECONDS = {"d": DAY, "s": 1_000_000, "ms": 1_000, "us": 1}
# The years 1 to 9999, which every tool on the way knows.
FIRST, LAST = -62_135_596_800_000_000, 253_402_300_799_999_999
# The end of the year 2099: until then Polars knows when a zone changes its clocks.
LAST_WITH_RULES = 4_102_444_799_999_999
EPOCH, MICROSECOND = datetime(1970, 1, 1), timedelta(microseconds=1)
# Below it a float tells every microsecond from the next.
SURE_FLOAT = 2**52


def time_from_timestamp(array: Values, column: Column, _: Format) -> pl.Series:
    """A moment of the years 1 to 9999 in whole units of the column. Without a zone it is UTC, or what is declared."""
    local = microseconds(ints_of(array), array.type.unit)
    return as_time(local if array.type.tz else in_declared_zone(local, column), column)


def date_from_timestamp(array: Values, _: Column, __: Format) -> pl.Series:
    """The day in the source's own zone, of a moment that is its midnight."""
    local = microseconds(ints_of(array), array.type.unit)
    return as_date(in_zone(local, array.type.tz) if array.type.tz else local)


def date_from_date(array: Values, _: Column, __: Format) -> pl.Series:
    """A day of the years 1 to 9999."""
    return as_date(microseconds(ints_of(array), "d" if array.type.bit_width == 32 else "ms"))


def time_from_number(array: Values, column: Column, _: Format) -> pl.Series:
    """A number in the declared unit."""
    return as_time(counted(array, column), column)


def date_from_number(array: Values, column: Column, _: Format) -> pl.Series:
    """A number in the declared unit that is the midnight of a day in UTC."""
    return as_date(counted(array, column))


def counted(array: Values, column: Column) -> pl.Series:
    """Return numbers since 1970 in the column's unit as microseconds, null where that is not exact."""
    import pyarrow as pa

    unit = str(column.written.unit)
    if pa.types.is_decimal(array.type):
        return _counted_decimals(array, unit)
    if not pa.types.is_floating(array.type):
        return microseconds(ints_of(array), unit)
    whole = microseconds(whole_floats(array), unit)
    if unit not in ("s", "ms"):
        return whole
    values, factor = floats_of(array), MICROSECONDS[unit]
    import polars as pl

    rounded = (values * factor).round().cast(pl.Int64, strict=False)
    is_sure = is_decimal_of(values, rounded, 6 if unit == "s" else 3) & rounded.is_between(-SURE_FLOAT, SURE_FLOAT)
    return whole.fill_null(only(rounded, is_sure))


def counted_text(text: pl.Series, column: Column) -> pl.Series:
    """Return plain digits in the column's unit as microseconds since 1970, others as null."""
    return _counted_decimals(decimals_of_text(text, 38, 9).to_arrow(), str(column.written.unit))


def _counted_decimals(array: Values, unit: str) -> pl.Series:
    import polars as pl
    import pyarrow as pa

    scale = {"s": 6, "ms": 3}.get(unit, 0)

    def whole(values: Values) -> pl.Series:
        exact = values.cast(pa.decimal128(38, scale))
        unscaled = pa.Array.from_buffers(
            pa.decimal128(38, 0), len(exact), exact.buffers(), exact.null_count, exact.offset
        )
        return ints_of(unscaled.cast(pa.int64()))

    def one(value: Decimal) -> int | None:
        exact = fitting(value, 38, scale)
        number = None if exact is None else int(exact.scaleb(scale))
        return number if number is not None and abs(number) < 2**63 else None

    return microseconds(by_pieces(array, pl.Int64(), whole, one), "us" if scale else unit)


def microseconds(numbers: pl.Series, unit: str) -> pl.Series:
    """Return numbers in the unit as microseconds; null outside of the years 1 to 9999 and below a microsecond."""
    import polars as pl

    numbers = numbers.cast(pl.Int64, strict=False)
    if unit == "ns":
        whole = numbers // 1_000
        numbers, unit = only(whole, whole * 1_000 == numbers), "us"
    factor = MICROSECONDS[unit]
    known = only(numbers, numbers.is_between(FIRST // factor, LAST // factor))
    return known if factor == 1 else known * factor


def as_time(values: pl.Series, column: Column) -> pl.Series:
    """Return microseconds as the column's type; null where its unit is wider."""
    import polars as pl

    dtype = cast("pl.Datetime", column.dtype)
    values = only(values, values.is_between(FIRST, LAST))
    if dtype.time_unit == "ms":
        whole = values // 1_000
        values = only(whole, whole * 1_000 == values)
    return values.cast(pl.Datetime(dtype.time_unit, dtype.time_zone))


def as_date(values: pl.Series) -> pl.Series:
    """Return microseconds of midnights as dates, null for other moments."""
    import polars as pl

    values = only(values, values.is_between(FIRST, LAST))
    days = values // DAY
    return only(days, days * DAY == values).cast(pl.Int32).cast(pl.Date)


def in_declared_zone(local: pl.Series, column: Column) -> pl.Series:
    """Return wall-clock times of the column's zone in UTC. Null where clocks were put on or back over them."""
    import polars as pl

    dtype = cast("pl.Datetime", column.dtype)
    if not column.written.zone or dtype.time_zone is None:
        return local
    moments = local.cast(pl.Datetime("us")).dt.replace_time_zone(
        column.written.zone, ambiguous="null", non_existent="null"
    )
    zone = ZoneInfo(column.written.zone)

    def one(number: int) -> int | None:
        offsets = {_offset(number, zone, fold) for fold in (0, 1)}
        return number - offsets.pop() if len(offsets) == 1 else None

    return _beyond_the_rules(local, moments.to_physical(), one)


def in_zone(moments: pl.Series, zone: str) -> pl.Series:
    """Return microseconds in UTC as the wall-clock time of the zone."""
    import polars as pl

    offset = fixed_offset_seconds(zone)
    if offset is not None:
        return moments + offset * 1_000_000
    local = moments.cast(pl.Datetime("us", "UTC")).dt.convert_time_zone(zone).dt.replace_time_zone(None).to_physical()

    def one(number: int) -> int:
        moment = (EPOCH + timedelta(microseconds=number)).replace(tzinfo=UTC).astimezone(ZoneInfo(zone))
        return number + (moment.utcoffset() or timedelta()) // MICROSECOND

    return _beyond_the_rules(moments, local, one)


def _offset(local: int, zone: ZoneInfo, fold: int) -> int:
    """Return how far the zone is ahead of UTC at a wall-clock time, in microseconds."""
    clock = (EPOCH + timedelta(microseconds=local)).replace(tzinfo=zone, fold=fold)
    return (clock.utcoffset() or timedelta()) // MICROSECOND


def _beyond_the_rules(numbers: pl.Series, found: pl.Series, one: Callable[[int], int | None]) -> pl.Series:
    """Return what Polars found, and of moments that its tables of zones do not reach what Python's rules say."""
    import polars as pl

    beyond = numbers > LAST_WITH_RULES
    if not beyond.any():
        return found
    exact: list[int | None] = []
    for number in numbers.filter(beyond).to_list():
        try:
            exact.append(one(number))
        except OverflowError:  # After the year 9999.
            exact.append(None)
    return found.scatter(beyond.fill_null(value=False).arg_true(), pl.Series(exact, dtype=pl.Int64))
