"""What the tests of conversion share: columns of each kind, and converting an array of one column."""

from __future__ import annotations

from typing import Any

import dataframely as dy
import polars as pl
import pyarrow as pa

from flows.shared.data.columns import Column, Json, Problems, Written, columns_of
from flows.shared.data.conversion import as_text, convert
from flows.shared.data.formats import Format, Parquet

COLUMNS: dict[str, dy.Column] = {
    "whole": dy.Int64(nullable=True),
    "decimal": dy.Decimal(18, 2, nullable=True),
    "float": dy.Float64(nullable=True),
    "boolean": dy.Bool(nullable=True),
    "text": dy.String(nullable=True),
    "category": dy.Enum(["new", "paid", "1"], nullable=True),
    "date": dy.Date(nullable=True),
    "time": dy.Datetime(time_zone="UTC", nullable=True),
    "time without zone": dy.Datetime(nullable=True),
    "json": Json(nullable=True),
}


def column_of(kind: str | dy.Column, **written: Any) -> Column:
    """Return a column v, named in COLUMNS or as dataframely declares it."""
    declared = COLUMNS[kind] if isinstance(kind, str) else kind
    schema = type("Given", (dy.Schema,), {"v": declared})
    problems = Problems()
    (column,) = columns_of(schema, {"v": Written(**written)}, frozenset(), problems)
    assert not problems.found
    return column


def batch_of(array: pa.Array, name: str = "v") -> pa.RecordBatch:
    """Return a batch with the array as its only column."""
    return pa.RecordBatch.from_arrays([array], [name])


def converted(
    array: pa.Array, kind: str | dy.Column, dialect: Format | None = None, **written: Any
) -> tuple[list[Any], list[str | None]]:
    """Return the values, dates and times as Python has them, and the reasons."""
    column = column_of(kind, **written)
    frame, reasons = convert(batch_of(array), [column], dialect or Parquet())
    assert frame.schema == pl.Schema({"v": column.dtype})
    assert len(frame) == len(reasons) == len(array)
    assert reasons.dtype == pl.String
    return frame["v"].to_list(), reasons.to_list()


def texts(array: pa.Array, kind: str | dy.Column, **written: Any) -> list[str | None]:
    """Return the values as the quarantine keeps them."""
    return as_text(batch_of(array), [column_of(kind, **written)])["v"].to_list()
