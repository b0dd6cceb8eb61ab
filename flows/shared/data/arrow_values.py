"""Values of an Arrow array as they are: of which family, decoded from dictionaries, as valid UTF-8, in pieces."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

if TYPE_CHECKING:
    import polars as pl
    import pyarrow as pa

Family = Literal[
    "null", "bool", "int", "float", "decimal", "text", "binary", "date", "timestamp", "zoned timestamp", "nested"
]
# An Arrow array. Which attributes its type has is known at run time only, so stubs are of no use.
Values: TypeAlias = Any
# So many values are looked at one by one at most, around one that a whole array's conversion stumbled over.
PIECE = 1024
# The largest whole number below which every whole number is a float of its own, by the float's width in bits.
LARGEST_WHOLE = {16: 2**11, 32: 2**24, 64: 2**53}
# Every decimal of so many digits is a float of its own.
FLOAT_DIGITS = {16: 3, 32: 6, 64: 15}
FIXED_ZONE = re.compile(r"([+-])([0-9]{2}):?([0-9]{2})")


def plain_type(kind: pa.DataType) -> pa.DataType:
    """Return the type of the values themselves, without dictionary, run-end encoding or the JSON extension."""
    import pyarrow as pa

    if pa.types.is_dictionary(kind) or pa.types.is_run_end_encoded(kind):
        return plain_type(kind.value_type)
    if isinstance(kind, pa.BaseExtensionType) and kind.extension_name == "arrow.json":
        return plain_type(kind.storage_type)
    return kind


def family(kind: pa.DataType) -> Family | None:
    """Return how values of the plain type are read, or None if no column takes them."""
    import pyarrow as pa
    from pyarrow import types

    if isinstance(kind, pa.BaseExtensionType):
        return None
    if types.is_timestamp(kind):
        return "zoned timestamp" if kind.tz else "timestamp"
    families: list[tuple[Family, list[Callable[[Any], bool]]]] = [
        ("null", [types.is_null]),
        ("bool", [types.is_boolean]),
        ("int", [types.is_integer]),
        ("float", [types.is_floating]),
        ("decimal", [types.is_decimal]),
        ("text", [types.is_string, types.is_large_string, types.is_string_view]),
        ("binary", [types.is_binary, types.is_large_binary, types.is_binary_view, types.is_fixed_size_binary]),
        ("date", [types.is_date]),
        ("nested", [types.is_nested]),
    ]
    return next((name for name, tests in families if any(test(kind) for test in tests)), None)


def decoded(array: Values) -> Values:
    """Return the values in their plain type. Raises as pyarrow does where it cannot."""
    import pyarrow as pa
    import pyarrow.compute as pc

    while array.type != plain_type(array.type):
        if isinstance(array, pa.ExtensionArray):
            array = array.storage
        elif pa.types.is_run_end_encoded(array.type):
            array = pc.call_function("run_end_decode", [array])
        else:
            array = decoded(array.dictionary).take(array.indices)  # Views are decoded first: nothing takes from them.
    if pa.types.is_string_view(array.type):  # Few of pyarrow's functions take views. Not checked for UTF-8 here.
        return array.view(pa.binary_view()).cast(pa.large_binary()).view(pa.large_string())
    if pa.types.is_binary_view(array.type):
        return array.cast(pa.large_binary())
    return array


def without_nan(array: Values) -> Values:
    """Return floats with null for NaN: pandas writes a missing number so."""
    import pyarrow as pa
    import pyarrow.compute as pc

    is_nan = pc.is_nan(array)
    return pc.if_else(is_nan, pa.scalar(None, array.type), array) if pc.any(is_nan).as_py() else array


def text_of(array: Values) -> pl.Series:
    """Return texts or bytes as text. What is not UTF-8 is null."""
    import polars as pl
    import pyarrow as pa

    is_text = family(array.type) == "text"
    try:
        if is_text:
            array.validate(full=True)
            return _series(array)
        return _series(array.cast(pa.large_binary()).cast(pa.large_string()))
    except pa.ArrowInvalid:
        return pl.Series([_utf8(value) for value in bytes_of(array)], dtype=pl.String)


def bytes_of(array: Values) -> list[bytes | None]:
    """Return texts or bytes as bytes, whether they are UTF-8 or not."""
    import pyarrow as pa

    found: list[bytes | None] = array.cast(pa.large_binary()).to_pylist()
    return found


def floats_of(array: Values) -> pl.Series:
    """Return floats of any width as Float64, which is exact."""
    import pyarrow as pa

    return _series(array.cast(pa.float64()))


def ints_of(array: Values) -> pl.Series:
    """Return whole numbers, or the number that a date or timestamp is."""
    import pyarrow as pa

    if pa.types.is_integer(array.type):
        return _series(array)
    return _series(array.view(pa.int32() if array.type.bit_width == 32 else pa.int64()))


def is_decimal_of(floats: pl.Series, unscaled: pl.Series, scale: int) -> pl.Series:
    """Return whether each float is the nearest to `unscaled` with so many digits behind the point, at most 22.

    By pyarrow, which divides: polars multiplies by the inverse of one divisor, so 9000.05 becomes 9000.050000000001.
    """
    import polars as pl
    import pyarrow as pa
    import pyarrow.compute as pc

    nearest = pc.divide(unscaled.cast(pl.Float64).to_arrow(), pa.scalar(10.0**scale))
    return floats == _series(nearest)


def only(values: pl.Series, is_kept: pl.Series) -> pl.Series:
    """Return the values, null where they are not kept. Where that is not known, the value is null."""
    import polars as pl

    if is_kept.all():
        return values
    return pl.select(pl.when(is_kept).then(values)).to_series()


def by_pieces(
    array: Values, dtype: pl.DataType, whole: Callable[[Values], pl.Series], one: Callable[[Any], Any]
) -> pl.Series:
    """Return the whole array converted at once; where pyarrow stumbles, piece by piece, then value by value.

    `one` returns None for a value that is not kept.
    """
    import polars as pl
    import pyarrow as pa

    try:
        return whole(array)
    except pa.ArrowInvalid:
        if len(array) <= PIECE:
            values = [None if value is None else one(value) for value in array.to_pylist()]
            return pl.Series(values, dtype=dtype)
    pieces = [array[start : start + PIECE] for start in range(0, len(array), PIECE)]
    return pl.concat([by_pieces(piece, dtype, whole, one) for piece in pieces])


def fixed_offset_seconds(zone: str) -> int | None:
    """Return how far a zone such as Z or +05:30 is ahead of UTC, or None if it is a name."""
    if zone.upper() in ("Z", "UTC", "ETC/UTC", "GMT"):
        return 0
    if not (found := FIXED_ZONE.fullmatch(zone)):
        return None
    sign, hours, minutes = found.groups()
    return (int(hours) * 3600 + int(minutes) * 60) * (-1 if sign == "-" else 1)


def _series(array: Values) -> pl.Series:
    import polars as pl

    series = pl.from_arrow(array)
    assert isinstance(series, pl.Series)
    return series


def _utf8(value: bytes | None) -> str | None:
    try:
        return None if value is None else value.decode()
    except UnicodeDecodeError:
        return None
