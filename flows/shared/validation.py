"""Splits rows into valid and rejected ones, each rejected one with its reasons, by a pandera schema on polars."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from flows.shared.errors import DataFlowsError

if TYPE_CHECKING:
    import pandera.polars as pa
    import polars as pl

REASON = "reason"


class TooManyRejectedError(DataFlowsError):
    """More rows than allowed were rejected; nothing of the run may be loaded."""

    def __init__(self, message: str, rejected: int, read: int) -> None:
        super().__init__(message)
        self.rejected, self.read = rejected, read


class WrongColumnsError(DataFlowsError):
    """A file lacks columns or has one of a kind that cannot be converted; the message names file and columns."""


def conform(frame: pl.DataFrame, dtypes: Mapping[str, pl.DataType], name: str) -> pl.DataFrame:
    """Cast to the wanted columns and types, in their order, plus REASON: null, or which values did not convert.

    A value that does not convert becomes null and its text goes into REASON. Other columns are dropped. Raises
    WrongColumnsError naming the file `name`.
    """
    import polars as pl

    if missing := [column for column in dtypes if column not in frame.columns]:
        raise WrongColumnsError(
            f"{name}: got no column {', '.join(missing)}; expected {', '.join(dtypes)}; "
            "put the file again whole or remove it, then run the flow again."
        )
    reasons, casts = [], []
    for column, dtype in dtypes.items():
        raw = pl.col(column)
        if frame.schema[column] == dtype:
            casts.append(raw)
            continue
        if frame.schema[column].is_float():
            raw = raw.fill_nan(None)  # pandas writes missing whole numbers so
        cast = raw.cast(dtype, strict=False)
        lost = cast.is_null() & raw.is_not_null()
        if frame.schema[column].is_float() and dtype.is_integer():
            lost |= raw != raw.round()
        casts.append(pl.when(~lost).then(cast).alias(column))
        text = raw.cast(pl.String, strict=False)
        reasons.append(pl.when(lost).then(pl.format(f"{column}: {{}} is not {dtype}", text)))
    reason = pl.concat_str(reasons, separator="; ", ignore_nulls=True) if reasons else pl.lit("")
    try:
        return frame.select(*casts, pl.when(reason != "").then(reason).alias(REASON))
    except pl.exceptions.PolarsError as error:
        raise WrongColumnsError(
            f"{name}: got columns that cannot be converted ({error}); expected {dict(dtypes)}; put the file again."
        ) from None


def split(frame: pl.DataFrame, schema: pa.DataFrameSchema) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return (valid rows without REASON, rejected rows with REASON filled); together they are all rows of `frame`.

    `frame` is a `conform`ed one: rows that have a REASON already are rejected and keep it. A schema that fails as a
    whole, not by row, raises pandera's SchemaErrors.
    """
    import pandera.errors
    import polars as pl

    index = "__row"
    frame = frame.with_row_index(index)
    found = pl.DataFrame(schema={index: pl.UInt32, "found": pl.String})
    try:
        schema.validate(frame.drop(index, REASON), lazy=True)
    except pandera.errors.SchemaErrors as errors:
        cases = errors.failure_cases
        if cases["index"].null_count():
            raise
        named = pl.format("{}: got {}; expected {}", "column", pl.col("failure_case").fill_null("nothing"), "check")
        # A check of several columns has no column of its own and says all in its name.
        what = pl.when(pl.col("column").is_null()).then("check").otherwise(named)
        found = (
            cases.with_columns(pl.col("column", "failure_case", "check").cast(pl.String))
            .select(pl.col("index").cast(pl.UInt32).alias(index), what.alias("found"))
            .group_by(index)
            .agg(pl.col("found").unique(maintain_order=True).str.join("; "))
        )
    reason = pl.concat_str(REASON, "found", separator="; ", ignore_nulls=True)
    judged = (
        frame.join(found, on=index, how="left", maintain_order="left")
        .with_columns(pl.when(reason != "").then(reason).alias(REASON))
        .drop(index, "found")
    )
    return judged.filter(pl.col(REASON).is_null()).drop(REASON), judged.filter(pl.col(REASON).is_not_null())


def check_rejected(rejected: int, read: int, max_rejected_percent: float, where: str) -> None:
    """Raise TooManyRejectedError if more than `max_rejected_percent` of the rows read were rejected."""
    percent = 100 * rejected / read if read else 0.0
    if percent > max_rejected_percent:
        raise TooManyRejectedError(
            f"Got {rejected} of {read} rows rejected ({percent:.2f} %); expected at most {max_rejected_percent:g} %. "
            f"Nothing was loaded. The rows and their reasons are in {where}; mend the source and put its files again, "
            "or run once more with a higher max_rejected_percent.",
            rejected,
            read,
        )
