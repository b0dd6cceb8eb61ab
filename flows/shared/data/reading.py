"""Reading a landing file of any format in slices of bounded memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from flows.shared.data.columns import Column
from flows.shared.data.csv_rows import read_csv
from flows.shared.data.formats import Csv, Format, Parquet
from flows.shared.data.json_rows import read_json
from flows.shared.data.parquet_rows import parquet_schema, read_parquet
from flows.shared.data.slices import SLICE_BYTES, SLICE_ROWS, Slice

__all__ = ["SLICE_BYTES", "SLICE_ROWS", "Slice", "parquet_schema", "read_slices"]


def read_slices(path: Path, key: str, columns: Sequence[Column], dialect: Format) -> Iterator[Slice]:
    """Give the file's rows in slices of at most SLICE_ROWS rows and about SLICE_BYTES.

    Batches hold the declared columns that the file has, named as in the file; those of CSV and JSON lines are texts,
    and every declared column is in those of JSON lines. `key` is the object's key: its ending tells the codec.

    Raises FileRefusedError, which may come after some slices: a file is known to be good when it ends.
    """
    if isinstance(dialect, Parquet):
        return read_parquet(path, columns)
    if isinstance(dialect, Csv):
        return read_csv(path, key, columns, dialect)
    return read_json(path, key, columns)
