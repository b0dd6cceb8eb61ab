"""Tells good rows from rejected ones by the data set's dataframely schema."""

from __future__ import annotations

from functools import cache
from typing import Any

import dataframely as dy
import polars as pl

from flows.shared.data.expectations import ANY_ROW, expectation
from flows.shared.data.refused import DeclarationError
from flows.shared.errors import DataFlowsError

ROW = "_row"  # No column of a data set begins with _.
SHOWN_CHARACTERS = 60


class TooManyRejectedError(DataFlowsError):
    """More was rejected than allowed, so nothing was loaded. `counts`: what the run had read until then."""

    def __init__(self, message: str, counts: dict[str, Any]) -> None:
        super().__init__(message)
        self.counts = counts


def judge(frame: pl.DataFrame, reasons: pl.Series, rows: type[dy.Schema]) -> pl.Series:
    """Return the reasons of all rows, null for a good one.

    `frame` has the declared columns in their types, `reasons` what its conversion found. A row that has a reason
    already keeps it and is not judged again: its unconverted values are null. Raises DeclarationError if a rule
    cannot be evaluated.
    """
    converted = frame.with_row_index(ROW).filter(reasons.is_null())
    try:
        failure = _with_row(rows).filter(converted, cast=False).failure
        if not len(failure):
            return reasons
        found = _reasons(failure.details(), rows)
    except pl.exceptions.PolarsError as error:
        raise DeclarationError(
            f"{rows.__name__}: got a rule that cannot be evaluated ({error}); expected rules over its own columns."
        ) from None
    judged = pl.DataFrame({ROW: range(frame.height), "kept": reasons}, schema_overrides={ROW: pl.UInt32})
    return (
        judged.join(found, on=ROW, how="left", maintain_order="left")
        .select(pl.coalesce("kept", "reason"))
        .to_series()
        .rename(reasons.name)
    )


def _reasons(details: pl.DataFrame, rows: type[dy.Schema]) -> pl.DataFrame:
    """Return ROW and the reason of each rejected row: column, value and what was expected, of every broken rule."""
    texts = []
    for rule in details.columns:
        if rule in rows.columns() or rule.startswith(ROW) or not (details[rule] == "invalid").any():
            continue
        told: pl.Expr = pl.lit(f"expected {expectation(rows, rule)}")
        if ANY_ROW in rule:
            name = rule.split(ANY_ROW)[0]
            value = pl.col(name).cast(pl.String).str.head(SHOWN_CHARACTERS).fill_null("nothing")
            told = pl.concat_str(pl.lit(f"{name}: got "), value, pl.lit("; "), told)
        texts.append(pl.when(pl.col(rule) == "invalid").then(told))
    return details.select(ROW, pl.concat_str(texts, separator="; ", ignore_nulls=True).alias("reason"))


@cache
def _with_row(rows: type[dy.Schema]) -> type[dy.Schema]:
    """Return the schema with a column for the row's number, which comes back with a rejected row."""
    return type(rows.__name__, (rows,), {ROW: dy.UInt32()})


def check_rejected(counts: dict[str, Any], most_percent: float, most_files: int, where: str) -> None:
    """Raise TooManyRejectedError if more rows or more whole files than allowed were rejected.

    `counts` has rows_read and rows_quarantined (numbers), and files_set_aside (file to reason). `where`: the address
    of the quarantine.
    """
    read, rejected, files = counts["rows_read"], counts["rows_quarantined"], counts["files_set_aside"]
    percent = 100 * rejected / read if read else 0.0
    got = []
    if percent > most_percent:
        got.append(f"{rejected} of {read} rows rejected ({percent:.2f} %); expected at most {most_percent:g} %")
    if len(files) > most_files:
        first, reason = next(iter(files.items()))
        got.append(f"{len(files)} files set aside; expected at most {most_files}; the first: {first}: {reason}")
    if got:
        raise TooManyRejectedError(
            f"Got {'. Got '.join(got)}. Nothing was loaded. All of them and their reasons are in {where}; mend the "
            "source and put its files again, or run once more with a higher limit.",
            counts,
        )
