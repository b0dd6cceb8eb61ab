"""The allowlist: which Arrow type is read for which kind of column, and how. Every other pair refuses the file."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, cast
from zoneinfo import available_timezones

from flows.shared.data import moments_read as moments
from flows.shared.data import moments_text, numbers_read
from flows.shared.data.arrow_values import (
    FLOAT_DIGITS,
    LARGEST_WHOLE,
    Family,
    Values,
    family,
    fixed_offset_seconds,
    plain_type,
)
from flows.shared.data.columns import Column, Kind
from flows.shared.data.formats import Format
from flows.shared.data.json_text import nested_problem
from flows.shared.data.texts_read import (
    boolean_from_bool,
    boolean_from_number,
    boolean_from_text,
    json_from_text,
    json_from_value,
    text_from_int,
    text_from_text,
)

if TYPE_CHECKING:
    import polars as pl
    import pyarrow as pa

# Returns the column's type, null for every value that is not kept for certain.
Reader = Callable[[Values, Column, Format], "pl.Series"]

READERS: dict[Kind, dict[Family, Reader]] = {
    "whole": {
        "int": numbers_read.whole_from_int,
        "float": numbers_read.whole_from_float,
        "decimal": numbers_read.whole_from_decimal,
        "text": numbers_read.whole_from_text,
    },
    "decimal": {
        "int": numbers_read.decimal_from_exact,
        "float": numbers_read.decimal_from_float,
        "decimal": numbers_read.decimal_from_exact,
        "text": numbers_read.decimal_from_text,
    },
    "float": {
        "int": numbers_read.float_from_int,
        "float": numbers_read.float_from_float,
        "decimal": numbers_read.float_from_decimal,
        "text": numbers_read.float_from_text,
    },
    "boolean": {
        "bool": boolean_from_bool,
        "int": boolean_from_number,
        "float": boolean_from_number,
        "text": boolean_from_text,
    },
    "text": {"int": text_from_int, "text": text_from_text, "binary": text_from_text},
    "category": {"int": text_from_int, "text": text_from_text, "binary": text_from_text},
    "date": {
        "date": moments.date_from_date,
        "timestamp": moments.date_from_timestamp,
        "zoned timestamp": moments.date_from_timestamp,
        "text": moments_text.date_from_text,
        "int": moments.date_from_number,
        "float": moments.date_from_number,
        "decimal": moments.date_from_number,
    },
    "time": {
        "timestamp": moments.time_from_timestamp,
        "zoned timestamp": moments.time_from_timestamp,
        "text": moments_text.time_from_text,
        "int": moments.time_from_number,
        "float": moments.time_from_number,
        "decimal": moments.time_from_number,
    },
    "json": {
        "text": json_from_text,
        "binary": json_from_text,
        "nested": json_from_value,
        "bool": json_from_value,
        "int": json_from_value,
        "float": json_from_value,
        "decimal": json_from_value,
    },
}
WANTED: dict[Kind, str] = {
    "whole": "whole numbers, or floats, decimals or text that hold such",
    "decimal": "decimals or whole numbers, or floats or text that hold such",
    "float": "floats, whole numbers or decimals, or text that holds such",
    "boolean": "booleans, or text or numbers that Written(true=…, false=…) tells apart",
    "text": "text, UTF-8 bytes or whole numbers",
    "category": "text, UTF-8 bytes or whole numbers",
    "date": "dates, timestamps or text",
    "time": "timestamps or text",
    "json": "JSON text, or lists, structs and maps of booleans, numbers, text and times",
}


def type_problem(source: pa.DataType, column: Column) -> str:
    """Return in a sentence why a column of the Arrow type cannot be read as declared, or an empty text."""
    plain = plain_type(source)
    kind = family(plain)
    got = f"{column.file_name}: got {source}; expected {WANTED[column.kind]} for a {column.kind} column"
    if kind == "null":
        return ""
    if kind is None or kind not in READERS[column.kind]:
        return got
    if kind in ("int", "float", "decimal") and column.kind in ("date", "time") and not column.written.unit:
        return f"{got}; numbers need the unit that they count since 1970 in, declared by Written(unit=…)"
    if kind == "nested" and (problem := nested_problem(plain)):
        return f"{got}; {problem} has no exact JSON text"
    if kind == "zoned timestamp":
        return _zone_problem(str(getattr(plain, "tz", "")), column)
    return ""


def _zone_problem(zone: str, column: Column) -> str:
    if column.kind == "time" and cast("pl.Datetime", column.dtype).time_zone is None:
        return (
            f"{column.file_name}: got times of the zone {zone}; expected times without a zone; declare "
            'Datetime(time_zone="UTC") to keep the moments'
        )
    if column.kind == "date" and fixed_offset_seconds(zone) is None and zone not in available_timezones():
        return f"{column.file_name}: got the zone {zone!r}; expected an offset, or a name such as Europe/Berlin"
    return ""


def expected(source: pa.DataType, column: Column, dialect: Format) -> str:
    """Return what would have been kept, for the reason of a value that was not."""
    kind = family(source)
    match column.kind:
        case "whole":
            low, high = numbers_read.whole_bounds(column)
            if kind != "float":
                return f"a whole number from {low} to {high}"
            most = LARGEST_WHOLE[source.bit_width]
            beyond = " (beyond, floats are not exact)" if high > most else ""
            return f"a whole number from {max(low, -most)} to {min(high, most)}{beyond}"
        case "decimal":
            digits, scale = numbers_read.decimal_size(column)
            mark = "point" if kind != "text" or dialect.decimal_mark == "." else f"mark {dialect.decimal_mark}"
            in_all = f", and at most {FLOAT_DIGITS[source.bit_width]} in all" if kind == "float" else ""
            return f"a number with at most {digits - scale} digits before and {scale} after the {mark}{in_all}"
        case "float":
            return "a number of no more digits than a float keeps"
        case "boolean":
            words = [*column.written.true, *column.written.false]
            return "true or false" + (f", or one of {', '.join(words[:20])}" if words else "")
        case "text":
            return "UTF-8 text of at most 16777216 bytes"
        case "category":
            categories = _categories(column)
            more = f" and {len(categories) - 20} more" if len(categories) > 20 else ""
            return (
                f"one of {', '.join(categories[:20])}{more}" if categories else "UTF-8 text of at most 16777216 bytes"
            )
        case "json":
            return "one JSON document with each name once, numbers of at most 38 digits, at most 16777216 bytes"
    return _expected_moment(kind, column)


def _expected_moment(kind: Family | None, column: Column) -> str:
    how = column.written
    ways = [f"as {how.pattern}"] if how.pattern else []
    since = [f"in {how.unit} since 1970-01-01 UTC"] if how.unit else []
    if column.kind == "date":
        match kind:
            case "text":
                return "a day " + " or ".join([*ways, "as yyyy-mm-dd", *since])
            case "date":
                return "a day of the years 1 to 9999"
            case "timestamp" | "zoned timestamp":
                return "midnight of a day of the years 1 to 9999"
        return " ".join(["midnight of a day of the years 1 to 9999", *since])
    dtype = cast("pl.Datetime", column.dtype)
    unit = "milliseconds" if dtype.time_unit == "ms" else "microseconds"
    once = f", shown once by clocks in {how.zone}" if how.zone and kind in ("text", "timestamp") else ""
    if kind == "text":
        iso = "as yyyy-mm-ddThh:mm:ss" + (" without a zone" if dtype.time_zone is None else "")
        return f"a time {' or '.join([*ways, iso, *since])}, in whole {unit}{once}"
    counted = since if kind in ("int", "float", "decimal") else []
    return " ".join(["a time of the years 1 to 9999", *counted]) + f", in whole {unit}{once}"


def _categories(column: Column) -> list[str]:
    import polars as pl

    return column.dtype.categories.to_list() if isinstance(column.dtype, pl.Enum) else []
