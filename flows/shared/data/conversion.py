"""Values of landing files as the types that a data set declares: each as it was, or null with a reason."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from flows.shared.data.arrow_values import Values, decoded, family
from flows.shared.data.columns import Column
from flows.shared.data.formats import Format, Parquet
from flows.shared.data.refused import FileRefusedError
from flows.shared.data.rules import READERS, expected, type_problem
from flows.shared.data.value_text import missing_as_null, shown, text_values, unreadable

if TYPE_CHECKING:
    import polars as pl
    import pyarrow as pa

# Keys of a Parquet footer by which Spark says that days are of the Julian calendar.
OLD_CALENDAR = (b"org.apache.spark.legacyDateTime", b"org.apache.spark.legacyINT96")


def refuse_types(schema: pa.Schema, columns: Sequence[Column]) -> None:
    """Raise FileRefusedError if a column's values cannot be read as its declared type, whatever they are.

    Every such column is in the message. A column that the schema lacks is no matter here.
    """
    problems = []
    for column in columns:
        found = schema.get_all_field_indices(column.file_name)
        if len(found) > 1:
            problems.append(f"{column.file_name}: got {len(found)} columns of that name; expected one")
        elif found:
            problems.append(type_problem(schema.field(found[0]).type, column))
    problems.append(_calendar_problem(schema, columns))
    if told := [problem for problem in problems if problem]:
        raise FileRefusedError("; ".join(told) + ". Write the file in such types, or declare the columns as they are.")


def _calendar_problem(schema: pa.Schema, columns: Sequence[Column]) -> str:
    old = [key.decode() for key in OLD_CALENDAR if key in (schema.metadata or {})]
    moments = [c.file_name for c in columns if c.kind in ("date", "time") and c.file_name in schema.names]
    dated = [name for name in moments if family(schema.field(name).type) in ("date", "timestamp", "zoned timestamp")]
    if not old or not dated:
        return ""
    return (
        f"{', '.join(dated)}: got days of Spark's old calendar ({old[0]} in the footer); expected today's calendar, as "
        "Spark writes with spark.sql.parquet.datetimeRebaseModeInWrite=CORRECTED and "
        "spark.sql.parquet.int96RebaseModeInWrite=CORRECTED"
    )


def convert(batch: pa.RecordBatch, columns: Sequence[Column], dialect: Format) -> tuple[pl.DataFrame, pl.Series]:
    """Return the declared columns in their types, and for each row why a value was not kept, or null.

    A value that was not kept is null, and so is a column that the batch lacks. Raises FileRefusedError as
    `refuse_types` does, and for what a library cannot read at all.
    """
    import polars as pl

    refuse_types(batch.schema, columns)
    kept, told = [], []
    for column in columns:
        if column.file_name not in batch.schema.names:
            kept.append(pl.Series(column.name, [None], dtype=column.dtype).new_from_index(0, batch.num_rows))
            continue
        with refusing(column):
            array = missing_as_null(decoded(batch.column(column.file_name)), column.kind)
            values = _read(array, column, dialect)
            kept.append(values.alias(column.name))
            if values.null_count() != array.null_count:
                told.append(_reasons(array, values, column, dialect))
    return pl.DataFrame(kept), _by_row(told, batch.num_rows)


def as_text(batch: pa.RecordBatch, columns: Sequence[Column]) -> pl.DataFrame:
    """Return the declared columns as text that `convert` reads again with the same meaning.

    What was not kept is not kept then either. It never raises for a value.
    """
    import polars as pl

    texts = []
    for column in columns:
        if column.file_name in batch.schema.names:
            texts.append(_texts(batch.column(column.file_name), column).alias(column.name))
        else:
            texts.append(pl.Series(column.name, [None], dtype=pl.String).new_from_index(0, batch.num_rows))
    return pl.DataFrame(texts)


def _read(array: Values, column: Column, dialect: Format) -> pl.Series:
    import polars as pl

    kind = family(array.type)
    if kind is None or kind == "null":
        return pl.Series([None], dtype=column.dtype).new_from_index(0, len(array))
    return READERS[column.kind][kind](array, column, dialect).cast(column.dtype)


def _reasons(array: Values, values: pl.Series, column: Column, dialect: Format) -> pl.DataFrame:
    """Return the rows whose value was not kept, and why."""
    import polars as pl

    rows = (values.is_null() & pl.Series(array.is_valid())).arg_true()
    lost = array.take(rows.to_arrow())
    text = shown(lost, text_values(lost))
    wanted = expected(array.type, column, dialect)
    return pl.DataFrame({"row": rows, "reason": f"{column.name}: got " + text + f"; expected {wanted}"})


def _by_row(told: list[pl.DataFrame], rows: int) -> pl.Series:
    import polars as pl

    if not told:
        return pl.Series("reason", [None], dtype=pl.String).new_from_index(0, rows)
    joined = pl.concat(told).group_by("row", maintain_order=True).agg(pl.col("reason").str.join("; "))
    reasons = pl.Series("reason", [None], dtype=pl.String).new_from_index(0, rows)
    return reasons.scatter(joined["row"], joined["reason"])


def _texts(array: Values, column: Column) -> pl.Series:
    import polars as pl

    try:
        values = missing_as_null(decoded(array), column.kind)
        if family(values.type) != "float" or column.kind == "json":
            return text_values(values, pattern=column.written.pattern)
        kept = _read(values, column, Parquet())
        text = kept.cast(pl.String) if column.kind == "float" else text_values(values)
        # With an exponent, or all of its digits for a float, what was not kept is not kept as text either.
        return pl.select(pl.when(kept.is_not_null()).then(text).otherwise(unreadable(values))).to_series()
    except BaseException as error:
        if not _is_of_a_library(error):
            raise
        return pl.Series([str(value) if value.is_valid else None for value in array], dtype=pl.String)


# What pyarrow, polars and Python raise for values. Not OSError, TimeoutError or MemoryError: those are of the machine.
LIBRARY_ERRORS = (ArithmeticError, LookupError, NotImplementedError, RecursionError, TypeError, ValueError)


@contextmanager
def refusing(column: Column) -> Iterator[None]:
    """Turn what a library raises, panics too, into a refusal that names the column."""
    try:
        yield
    except BaseException as error:
        if not _is_of_a_library(error):
            raise
        told = str(error).splitlines()[0][:200] if str(error) else ""
        raise FileRefusedError(
            f"{column.file_name}: got values that cannot be read ({type(error).__name__}: {told}); expected a "
            f"{column.kind} column. Write the file again."
        ) from error


def _is_of_a_library(error: BaseException) -> bool:
    """Whether a library raised it for a value. Each library in Rust has a PanicException of its own."""
    import polars as pl

    return isinstance(error, (*LIBRARY_ERRORS, pl.exceptions.PolarsError)) or type(error).__name__ == "PanicException"
