"""Values as text that conversion reads again with the same meaning; and as a person is shown one."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from decimal import Decimal
from typing import TYPE_CHECKING

from flows.shared.data.arrow_values import (
    Values,
    bytes_of,
    family,
    floats_of,
    ints_of,
    text_of,
    without_nan,
)
from flows.shared.data.json_text import json_texts
from flows.shared.data.moments_read import FIRST, LAST, in_zone, microseconds
from flows.shared.data.moments_text import written_by

if TYPE_CHECKING:
    import polars as pl

SHOWN_CHARACTERS = 60


def text_values(array: Values, pattern: str = "") -> pl.Series:
    """Return decoded values as text.

    `pattern`: dates and times so, where it says all of them. Raises as pyarrow
    does for types without a text.
    """
    import polars as pl
    import pyarrow as pa

    kind = family(array.type)
    match kind:
        case "null":
            return pl.Series([None], dtype=pl.String).new_from_index(0, len(array))
        case "bool" | "int":
            return pl.Series(array).cast(pl.String)
        case "float":
            wide = array.cast(pa.float32()) if array.type.bit_width == 16 else array
            return _plain(pl.Series(wide).cast(pl.String))
        case "decimal":
            return pl.Series([None if v is None else format(v, "f") for v in array.to_pylist()], dtype=pl.String)
        case "text" | "binary":
            text = text_of(array)
            if text.null_count() == array.null_count:
                return text
            shown = [None if v is None else v.decode("utf-8", "backslashreplace") for v in bytes_of(array)]
            return pl.Series(shown, dtype=pl.String)
        case "date" | "timestamp" | "zoned timestamp":
            text = _moments(array)
            return _in_pattern(text, pattern) if pattern else text
        case "nested":
            texts = json_texts(array, lambda leaves: text_values(leaves).to_list())
            given = [t if ok else None for t, ok in zip(texts, array.is_valid().to_pylist(), strict=True)]
            told = (
                [str(v) if t is None and v is not None else t for t, v in zip(given, array.to_pylist(), strict=True)]
                if None in texts
                else given
            )
            return pl.Series(told, dtype=pl.String)
    return pl.Series([None if v is None else str(v) for v in array.to_pylist()], dtype=pl.String)


def unreadable(array: Values) -> pl.Series:
    """Return floats with all their digits and an exponent, which no column but a float takes."""
    import polars as pl

    values = floats_of(array).to_list()
    return pl.Series([None if value is None else format(Decimal(value), "e") for value in values], dtype=pl.String)


def missing_as_null(array: Values, kind: str) -> Values:
    """Return the array with null for NaN unless the column is a float."""
    return without_nan(array) if family(array.type) == "float" and kind != "float" else array


def _plain(text: pl.Series) -> pl.Series:
    from flows.shared.data.numbers_read import mapped

    has_exponent = text.str.contains("[0-9]e")
    if not has_exponent.any():
        return text
    import polars as pl

    plain = mapped(text.filter(has_exponent), lambda number: format(Decimal(number), "f"), pl.String())
    return text.scatter(has_exponent.arg_true(), plain)


def _moments(array: Values) -> pl.Series:
    import polars as pl

    numbers = ints_of(array).cast(pl.Int64)
    is_date = family(array.type) == "date"
    unit = array.type.unit if not is_date else "d" if array.type.bit_width == 32 else "ms"
    moments = microseconds(numbers // 1_000, "us") if unit == "ns" else microseconds(numbers, unit)
    zone = "" if is_date else array.type.tz or ""
    local, suffix = _local(moments, zone)
    clock = local.cast(pl.Datetime("us"))
    if is_date and unit == "d":
        text = clock.dt.to_string("%Y-%m-%d")
    else:
        text = clock.dt.to_string("%Y-%m-%dT%H:%M:%S%.6f")
        if unit == "ns":
            below = numbers % 1_000
            text = (
                text
                + pl.select(
                    pl.when(below > 0).then(below.cast(pl.String).str.zfill(3)).otherwise(pl.lit(""))
                ).to_series()
            )
        text = text.str.replace(r"\.0+$", "") + suffix
    if text.null_count() == numbers.null_count():
        return text
    return text.fill_null(numbers.cast(pl.String) + f" {unit} since 1970-01-01")


def _local(moments: pl.Series, zone: str) -> tuple[pl.Series, pl.Series]:
    """Return the wall-clock times of the zone and what their texts end with.

    In UTC are told what has no other text that can be read again: an unknown zone, a local year after 9999, and an
    offset with seconds, which clocks had long ago.
    """
    import polars as pl

    if not zone:
        return moments, pl.Series([""]).new_from_index(0, len(moments))
    try:
        local = in_zone(moments, zone)
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException):  # Polars does not know the zone.
        local = moments
    told = local.is_between(FIRST, LAST) & ((local - moments) % 60_000_000 == 0)
    local = pl.select(pl.when(told).then(local).otherwise(moments)).to_series()
    ahead = local - moments
    texts = {value: _offset_text(value // 1_000_000) for value in ahead.drop_nulls().unique().to_list()}
    return local, ahead.replace_strict(texts or {0: "Z"}, default=None, return_dtype=pl.String)


def _offset_text(seconds: int) -> str:
    if not seconds:
        return "Z"
    minutes = abs(seconds) // 60
    return f"{'-' if seconds < 0 else '+'}{minutes // 60:02}:{minutes % 60:02}"


def _in_pattern(text: pl.Series, pattern: str) -> pl.Series:
    import polars as pl

    return pl.Series([None if t is None else _one_in_pattern(t, pattern) for t in text.to_list()], dtype=pl.String)


def _one_in_pattern(text: str, pattern: str) -> str:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:  # Nanoseconds, or a moment that is told as a number.
        return text
    if moment.tzinfo is not None:
        moment = moment.replace(tzinfo=timezone(moment.utcoffset() or timedelta()))
    return written_by(moment, pattern) or text


def shown(array: Values, text: pl.Series) -> pl.Series:
    """Return texts of values as a reason shows them: short, text in quotes."""
    import polars as pl

    cut = text.str.slice(0, SHOWN_CHARACTERS)
    if family(array.type) in ("text", "binary"):
        is_odd = cut.str.contains(r"['\\\p{C}\p{Z}--[ ]]")
        quoted = "'" + cut + "'"
        if is_odd.any():
            odd = pl.Series([repr(value) for value in cut.filter(is_odd).to_list()], dtype=pl.String)
            quoted = quoted.scatter(is_odd.arg_true(), odd)
        cut = quoted
    is_cut = text.str.len_chars() > SHOWN_CHARACTERS
    if not is_cut.any():
        return cut
    length = text.str.len_chars().cast(pl.String)
    return pl.select(pl.when(is_cut).then(cut + "… (" + length + " characters)").otherwise(cut)).to_series()
