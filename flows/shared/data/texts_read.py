"""Text, categories, booleans and JSON from any source that holds them exactly."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flows.shared.data.arrow_values import Values, family, floats_of, ints_of, only, text_of, without_nan
from flows.shared.data.json_text import is_exact_document, is_exact_number, json_texts
from flows.shared.data.value_text import text_values

if TYPE_CHECKING:
    import polars as pl

    from flows.shared.data.columns import Column
    from flows.shared.data.formats import Format

# Snowflake's longest VARCHAR and VARIANT.
MOST_BYTES = 16_777_216


def text_from_text(array: Values, column: Column, _: Format) -> pl.Series:
    """As it is, if it is UTF-8 and not too long; a category also if it is one of the declared."""
    return short(text_of(array)).cast(column.dtype, strict=False)


def text_from_int(array: Values, column: Column, _: Format) -> pl.Series:
    """As digits."""
    import polars as pl

    return ints_of(array).cast(pl.String).cast(column.dtype, strict=False)


def short(text: pl.Series) -> pl.Series:
    """Return the text without what is longer than a VARCHAR."""
    return only(text, text.str.len_bytes() <= MOST_BYTES)


def boolean_from_bool(array: Values, _: Column, __: Format) -> pl.Series:
    """As it is."""
    import polars as pl

    return pl.Series(array)


def boolean_from_number(array: Values, column: Column, _: Format) -> pl.Series:
    """A number whose spelling is declared; a whole float is spelled as a whole number."""
    import polars as pl

    if family(array.type) == "int":
        return _booleans(ints_of(array).cast(pl.String), column)
    values = floats_of(without_nan(array))
    return _booleans(values.cast(pl.String).str.replace(r"\.0$", "").str.replace("^-0$", "0"), column)


def boolean_from_text(array: Values, column: Column, _: Format) -> pl.Series:
    """True and false in any case, or a declared spelling."""
    import polars as pl

    text = text_of(array)
    lower = text.str.to_lowercase()
    words = lower.replace_strict({"true": True, "false": False}, default=None, return_dtype=pl.Boolean)
    return _booleans(text, column).fill_null(words)


def _booleans(text: pl.Series, column: Column) -> pl.Series:
    import polars as pl

    spelled = dict.fromkeys(column.written.true, True) | dict.fromkeys(column.written.false, False)
    if not spelled:
        return pl.Series([None], dtype=pl.Boolean).new_from_index(0, len(text))
    return text.replace_strict(spelled, default=None, return_dtype=pl.Boolean)


def json_from_text(array: Values, _: Column, __: Format) -> pl.Series:
    """Text that is one JSON document as it is."""
    import polars as pl

    text = short(text_of(array))
    is_exact = [value is not None and is_exact_document(value) for value in text.to_list()]
    return only(text, pl.Series(is_exact, dtype=pl.Boolean))


def json_from_value(array: Values, _: Column, __: Format) -> pl.Series:
    """A nested value, a number or a boolean as its JSON text."""
    import polars as pl

    texts = json_texts(array, lambda leaves: text_values(leaves).to_list())
    valid = array.is_valid().to_pylist()
    kept = [
        text if is_there and text is not None and (not _is_number(array) or is_exact_number(text)) else None
        for text, is_there in zip(texts, valid, strict=True)
    ]
    return short(pl.Series(kept, dtype=pl.String))


def _is_number(array: Values) -> bool:
    return family(array.type) in ("int", "float", "decimal")
