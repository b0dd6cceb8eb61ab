"""Files of an export: rows are written table by table, each format exactly."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from flows.shared.data.columns import Column
from flows.shared.data.export_values import ExportValueError, arrow_schema
from flows.shared.data.formats import CODECS, Csv, Format, Parquet

if TYPE_CHECKING:
    from pathlib import Path

    import polars as pl
    import pyarrow as pa

LINE_END = "\r\n"  # Of CSV, by RFC 4180.


@contextmanager
def opened(
    path: Path, name: str, file_format: Format, columns: Sequence[Column]
) -> Iterator[Callable[[pa.Table], None]]:
    """Give a function that appends a table of exactly the declared columns to the file at `path`.

    `name`: the exported file's name, whose .gz or .zst compresses CSV and JSON lines.
    """
    import polars as pl
    import pyarrow as pa
    import pyarrow.parquet as pq

    if isinstance(file_format, Parquet):
        with pq.ParquetWriter(path, arrow_schema(columns), compression="zstd") as writer:
            yield writer.write_table
        return
    codec: Any = next((codec for suffix, codec in CODECS.items() if name.endswith(suffix)), None)
    with pa.output_stream(path, compression=codec) as file:
        if isinstance(file_format, Csv):
            file.write((file_format.delimiter.join(column.name for column in columns) + LINE_END).encode())

        def write(table: pa.Table) -> None:
            frame = pl.DataFrame(table)
            file.write(_csv(frame, columns, file_format) if isinstance(file_format, Csv) else _lines(frame, columns))

        yield write


def _csv(frame: pl.DataFrame, columns: Sequence[Column], file_format: Csv) -> bytes:
    """Rows by RFC 4180: null is nothing, an empty text is two quotes."""
    times = [_time_text(column) for column in columns if column.kind == "time"]
    text = frame.with_columns(times).write_csv(
        include_header=False, separator=file_format.delimiter, quote_style="necessary", line_terminator=LINE_END
    )
    return text.encode()


def _lines(frame: pl.DataFrame, columns: Sequence[Column]) -> bytes:
    """One JSON object a line: numbers as they are written, also decimals; a document is itself, not its text."""
    import polars as pl

    parts: list[pl.Expr] = []
    for number, column in enumerate(columns):
        before = "," if number else "{"
        parts += [pl.lit(f'{before}"{column.name}":'), _literal(frame, column).fill_null("null")]
    line = pl.concat_str([*parts, pl.lit("}")])
    # Without quotes a CSV of one column is its text.
    return frame.select(line).write_csv(include_header=False, quote_style="never").encode()


def _literal(frame: pl.DataFrame, column: Column) -> pl.Expr:
    import polars as pl

    value = pl.col(column.name)
    if column.kind == "float" and not frame[column.name].is_finite().all():
        raise ExportValueError(
            f"{column.name}: got NaN or infinity; expected a number, the only thing that JSON has. Leave out such rows "
            "in the query, or export Parquet."
        )
    if column.kind in ("whole", "decimal", "float", "boolean"):
        return value.cast(pl.String)
    if column.kind == "json":
        return value
    if column.kind in ("text", "category"):
        # {"v":"text"} without what is around the text.
        return pl.struct(value.alias("v")).struct.json_encode().str.head(-1).str.strip_prefix('{"v":')
    text = _time_text(column) if column.kind == "time" else value.cast(pl.String)
    return pl.concat_str([pl.lit('"'), text, pl.lit('"')])


def _time_text(column: Column) -> pl.Expr:
    """Times by ISO 8601 with all digits of their unit; UTC says Z, a wall-clock time nothing."""
    import polars as pl

    digits = 3 if getattr(column.dtype, "time_unit", "") == "ms" else 6
    zone = "Z" if getattr(column.dtype, "time_zone", None) else ""
    return pl.col(column.name).dt.strftime(f"%Y-%m-%dT%H:%M:%S%.{digits}f{zone}")
