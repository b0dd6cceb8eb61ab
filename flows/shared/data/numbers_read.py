"""Numbers: whole, decimal and float columns from any source that holds them exactly."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation, localcontext
from typing import TYPE_CHECKING, cast

from flows.shared.data.arrow_values import (
    FLOAT_DIGITS,
    LARGEST_WHOLE,
    Values,
    by_pieces,
    floats_of,
    ints_of,
    is_decimal_of,
    only,
    text_of,
)

if TYPE_CHECKING:
    import polars as pl

    from flows.shared.data.columns import Column
    from flows.shared.data.formats import Format

DECIMAL_TEXT = r"^[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)$"
WHOLE_TEXT = r"^[+-]?[0-9]+(?:\.0*)?$"
FLOAT_TEXT = r"^[+-]?(?:(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,5})?|[Nn][Aa][Nn]|[Ii][Nn][Ff](?:inity)?)$"
SHORT_WHOLE_TEXT = r"^[+-]?[0-9]{1,15}$"
POINT_TEXT = r"^[+-]?[0-9]*\.[0-9]*$"
MOST_FLOAT_SCALE = 15


def whole_from_int(array: Values, column: Column, _: Format) -> pl.Series:
    """In the range of the column."""
    return ints_of(array).cast(column.dtype, strict=False)


def whole_from_float(array: Values, column: Column, _: Format) -> pl.Series:
    """Without a fraction, up to where every whole number is a float of its own."""
    return whole_floats(array).cast(column.dtype, strict=False)


def whole_floats(array: Values) -> pl.Series:
    """Return floats that are whole numbers for certain as Int64, others as null."""
    import polars as pl

    values = floats_of(array)
    limit = LARGEST_WHOLE[array.type.bit_width]
    ints = values.cast(pl.Int64, strict=False)
    return only(ints, (ints.cast(pl.Float64) == values) & values.is_between(-limit, limit))


def whole_from_decimal(array: Values, column: Column, _: Format) -> pl.Series:
    """Without a fraction, in the range of the column."""
    import polars as pl
    import pyarrow as pa

    lowest, highest = whole_bounds(column)
    integer = pa.uint64() if column.dtype == pl.UInt64 else pa.int64()

    def whole(values: Values) -> pl.Series:
        return ints_of(values.cast(integer)).cast(column.dtype, strict=False)

    def one(value: Decimal) -> int | None:
        return int(value) if value == int(value) and lowest <= value <= highest else None

    return by_pieces(array, column.dtype, whole, one)


def whole_from_text(array: Values, column: Column, dialect: Format) -> pl.Series:
    """Digits with a sign or none; after a point zeros only."""
    text = plain_digits(text_of(array), dialect)
    text = only(text, text.str.contains(WHOLE_TEXT))
    if text.str.contains(".", literal=True).any():
        text = text.str.replace(r"\.0*$", "")
    if column.dtype.is_unsigned_integer():
        text = text.str.replace("^-(0+)$", "$1")
    return text.cast(column.dtype, strict=False)


def whole_bounds(column: Column) -> tuple[int, int]:
    """Return the smallest and the largest number of the column."""
    import polars as pl

    low, high = pl.select(low=column.dtype.min(), high=column.dtype.max()).row(0)  # type: ignore[attr-defined]
    return int(low), int(high)


def decimal_size(column: Column) -> tuple[int, int]:
    """Return a decimal column's number of digits, and how many of them are decimals."""
    dtype = cast("pl.Decimal", column.dtype)
    return dtype.precision or 38, dtype.scale


def decimal_from_exact(array: Values, column: Column, _: Format) -> pl.Series:
    """Whole numbers and decimals that have no more digits than the column."""
    import polars as pl
    import pyarrow as pa

    digits, scale = decimal_size(column)

    def whole(values: Values) -> pl.Series:
        if pa.types.is_integer(values.type):  # pyarrow wants room for every int64, so by way of a wide decimal.
            values = values.cast(pa.decimal256(76, scale))
        return pl.Series(values.cast(pa.decimal128(digits, scale)))

    return by_pieces(array, column.dtype, whole, lambda value: fitting(Decimal(value), digits, scale))


def decimal_from_text(array: Values, column: Column, dialect: Format) -> pl.Series:
    """Digits with a sign or none and a decimal mark, without an exponent; further decimals are zeros."""
    digits, scale = decimal_size(column)
    return decimals_of_text(plain_digits(text_of(array), dialect), digits, scale)


def decimals_of_text(text: pl.Series, digits: int, scale: int) -> pl.Series:
    """Return texts of plain digits as decimals. Others, and those of more digits, are null."""
    import polars as pl
    import pyarrow as pa

    def whole(values: Values) -> pl.Series:
        return pl.Series(values.cast(pa.decimal128(digits, scale)))

    is_number = text.str.contains(DECIMAL_TEXT)
    return by_pieces(
        only(text, is_number).to_arrow(),
        pl.Decimal(digits, scale),
        whole,
        lambda value: fitting(Decimal(value), digits, scale),
    )


def decimal_from_float(array: Values, column: Column, _: Format) -> pl.Series:
    """The shortest decimal that reads back as the float, if no other of so many digits does; or a whole number."""
    import polars as pl
    import pyarrow as pa

    digits, scale = decimal_size(column)
    width = array.type.bit_width
    if width == 64 and scale <= MOST_FLOAT_SCALE:
        values = floats_of(array)
        unscaled = (values * 10**scale).round().cast(pl.Int64, strict=False)
        most = 10 ** min(FLOAT_DIGITS[64], digits) - 1
        is_sure = is_decimal_of(values, unscaled, scale) & unscaled.is_between(-most, most)
        if is_sure.all() and unscaled.null_count() == values.null_count():
            return _decimals(unscaled, digits, scale)
    shortest = pl.from_arrow(array.cast(pa.float32()) if width == 16 else array)
    assert isinstance(shortest, pl.Series)
    texts = shortest.cast(pl.String)
    limit = LARGEST_WHOLE[width]

    def kept(text: str) -> Decimal | None:
        value = Decimal(text)
        if not value.is_finite():
            return None
        is_sure = len(value.normalize().as_tuple().digits) <= FLOAT_DIGITS[width] or (
            value == value.to_integral_value() and abs(value) <= limit
        )
        return fitting(value, digits, scale) if is_sure else None

    return mapped(texts, kept, column.dtype)


def _decimals(unscaled: pl.Series, digits: int, scale: int) -> pl.Series:
    """Return whole numbers as decimals whose last digits are behind the point."""
    import polars as pl
    import pyarrow as pa

    wide = unscaled.to_arrow().cast(pa.decimal128(38, 0))
    moved = pa.Array.from_buffers(pa.decimal128(digits, scale), len(wide), wide.buffers(), wide.null_count, wide.offset)
    return pl.Series(moved)


def fitting(value: Decimal, digits: int, scale: int) -> Decimal | None:
    """Return the value with the scale if it has no more digits, else None."""
    with localcontext() as context:
        context.prec = 400
        try:
            exact = value.quantize(Decimal(1).scaleb(-scale))
        except InvalidOperation:  # Of more digits than any decimal.
            return None
        return exact if exact == value and len(exact.as_tuple().digits) <= digits else None


def float_from_float(array: Values, column: Column, _: Format) -> pl.Series:
    """As it is, NaN and infinity too; for a Float32 only what it holds exactly."""
    values = floats_of(array)
    narrow = values.cast(column.dtype)
    if column.dtype == values.dtype:
        return narrow
    return only(narrow, narrow.cast(values.dtype) == values)  # To polars NaN equals NaN.


def float_from_int(array: Values, column: Column, _: Format) -> pl.Series:
    """What is the same number as a float."""
    values = ints_of(array)
    floats = values.cast(column.dtype)
    return only(floats, (floats.cast(values.dtype, strict=False) == values).fill_null(False))


def float_from_decimal(array: Values, column: Column, _: Format) -> pl.Series:
    """The float that is the same number, or whose shortest decimal is."""
    import polars as pl
    import pyarrow as pa

    return floats_of_text(pl.Series(array.cast(pa.large_string())), column)


def float_from_text(array: Values, column: Column, dialect: Format) -> pl.Series:
    """The float that is the same number, or whose shortest decimal is; NaN and inf by these words."""
    return floats_of_text(plain_digits(text_of(array), dialect), column)


def floats_of_text(text: pl.Series, column: Column) -> pl.Series:
    """Return texts as floats. Those that a float would change are null."""
    import polars as pl

    text = only(text, text.str.contains(FLOAT_TEXT))
    floats = text.cast(column.dtype, strict=False)
    back = floats.cast(pl.String)
    is_same = back == text
    if column.dtype == pl.Float64:
        # Of 15 digits at most, which a float tells apart.
        is_same |= text.str.contains(SHORT_WHOLE_TEXT) | (text.str.contains(POINT_TEXT) & (text.str.len_bytes() <= 16))
    if is_same.all():
        return floats
    doubtful = pl.DataFrame({"text": text, "back": back, "float": floats}).filter(~is_same)
    same = {text: _same_number(text, back, number) for text, back, number in doubtful.unique().rows()}
    return only(floats, is_same | text.replace_strict(same, default=False, return_dtype=pl.Boolean))


def _same_number(text: str, back: str, number: float) -> bool:
    said = Decimal(text)
    return (said.is_nan() and number != number) or said in (Decimal(back), Decimal(number))


def plain_digits(text: pl.Series, dialect: Format) -> pl.Series:
    """Return numbers with a point and without thousands marks; what is written otherwise is null."""
    decimal_mark, thousands_mark = dialect.decimal_mark, dialect.thousands_mark
    if thousands_mark:
        mark = rf"\x{{{ord(thousands_mark):x}}}"
        decimals = rf"\x{{{ord(decimal_mark):x}}}"
        is_grouped = text.str.contains(rf"^[+-]?[0-9]{{1,3}}(?:{mark}[0-9]{{3}})*(?:{decimals}[0-9]*)?$")
        has_mark = text.str.contains(thousands_mark, literal=True)
        text = only(text, is_grouped | ~has_mark).str.replace_all(thousands_mark, "", literal=True)
    if decimal_mark != ".":
        text = only(text, ~text.str.contains(".", literal=True)).str.replace_all(decimal_mark, ".", literal=True)
    return text


def mapped(values: pl.Series, convert_one: object, dtype: pl.DataType) -> pl.Series:
    """Return each value converted by Python, every distinct value once."""
    import polars as pl

    assert callable(convert_one)
    distinct = values.drop_nulls().unique()
    results = pl.Series([convert_one(value) for value in distinct.to_list()], dtype=dtype)
    if distinct.is_empty():
        return pl.Series([None] * len(values), dtype=dtype)
    return values.replace_strict(distinct, results, default=None, return_dtype=dtype)
