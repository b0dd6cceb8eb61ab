"""Rows of Parquet files in bounded memory, with page checksums compared and old timestamps read exactly."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from flows.shared.data.columns import Column
from flows.shared.data.refused import FileRefusedError
from flows.shared.data.slices import SLICE_BYTES, Slice, attempt, expected_columns, slices_of, without_rows
from flows.shared.data.text_streams import kind_of

MAGIC = b"PAR1"
# Few rows at once: a dictionary hides how wide its texts are until they are read.
MOST_BATCH_ROWS = 8_192
REMEDY = "expected a whole Parquet file; put it again"


def parquet_schema(path: Path) -> pa.Schema:
    """Return the file's schema with the footer's metadata. INT96 is `timestamp[us]`, as it is read.

    Raises FileRefusedError for what is no whole Parquet file.
    """
    with _opened(path) as file:
        return file.schema_arrow.with_metadata(file.metadata.metadata or {})


def read_parquet(path: Path, columns: Sequence[Column]) -> Iterator[Slice]:
    """Give the rows in slices."""
    with _opened(path) as file:
        names = [column.file_name for column in expected_columns(columns, file.schema_arrow.names)]
        rows = _batch_rows(file.metadata, names)
        batches = _batches(file, names, rows)
        int96 = _int96_columns(file, names)
        if int96:
            yield from slices_of(_with_inexact_times(path, batches, int96, rows), SLICE_BYTES)
        else:
            yield from slices_of(((batch, {}) for batch in batches), SLICE_BYTES)


def _opened(path: Path, int96_unit: str = "us") -> pq.ParquetFile:
    with path.open("rb") as stream:
        beginning = stream.read(16)
        size = stream.seek(0, 2)
        stream.seek(max(0, size - len(MAGIC)))
        end = stream.read()
    if not beginning:
        raise FileRefusedError("got 0 bytes; expected a Parquet file; put it again whole or remove it")
    if beginning.startswith(b"PARE") or (end == b"PARE" and beginning.startswith(MAGIC)):
        raise FileRefusedError("got an encrypted Parquet file; expected one that is not; write it without encryption")
    if not beginning.startswith(MAGIC):
        raise FileRefusedError(f"got {kind_of(beginning)}; expected a Parquet file; write it as Parquet or remove it")
    if end != MAGIC:
        raise FileRefusedError(f"got {size:,} bytes that begin as Parquet and do not end as such; {REMEDY}")
    return attempt(
        lambda: pq.ParquetFile(
            path,
            page_checksum_verification=True,
            memory_map=False,
            pre_buffer=False,
            buffer_size=2**17,
            coerce_int96_timestamp_unit=int96_unit,
        ),
        "a footer that cannot be read",
        REMEDY,
    )


def _batch_rows(metadata: Any, names: Sequence[str]) -> int:
    """Return how many rows may be read at once, by the widest row group's bytes a row."""
    wanted = set(names)
    most = MOST_BATCH_ROWS
    for number in range(metadata.num_row_groups):
        group = metadata.row_group(number)
        chunks = (group.column(place) for place in range(group.num_columns))
        size = sum(c.total_uncompressed_size for c in chunks if c.path_in_schema in wanted or _is_below(c, wanted))
        if group.num_rows and size > 0:
            most = min(most, SLICE_BYTES * group.num_rows // size)
    return max(1, most)


def _is_below(chunk: Any, wanted: set[str]) -> bool:
    return chunk.path_in_schema.split(".")[0] in wanted


def _batches(file: pq.ParquetFile, names: list[str], rows: int) -> Iterator[pa.RecordBatch]:
    def read() -> pa.RecordBatch | None:
        batch = next(batches, None)
        if batch is not None:
            # A length or a dictionary's index that a damaged page holds would be met far from here.
            batch.validate()
        return batch

    batches = attempt(lambda: file.iter_batches(rows, columns=names, use_threads=False), "no columns", REMEDY)
    done = 0
    while (batch := attempt(read, f"rows that cannot be read after row {done:,}", REMEDY)) is not None:
        done += batch.num_rows
        yield batch.select(names)


def _int96_columns(file: pq.ParquetFile, names: Sequence[str]) -> list[str]:
    """Return the columns of the old timestamp type. Raises FileRefusedError for one inside another column."""
    found = []
    for place in range(len(file.schema)):
        column = file.schema.column(place)
        if column.physical_type == "INT96" and column.path in names:
            found.append(column.path)
        elif column.physical_type == "INT96" and column.path.split(".")[0] in names:
            raise FileRefusedError(
                f"got an INT96 timestamp inside the column {column.path}; expected TIMESTAMP, which is read exactly; "
                "write the file again so"
            )
    return found


def _with_inexact_times(
    path: Path, batches: Iterator[pa.RecordBatch], names: list[str], rows: int
) -> Iterator[tuple[pa.RecordBatch, dict[int, str]]]:
    """Give the batches with the rows whose INT96 is no whole microsecond, or beyond the range of microseconds.

    Arrow cuts INT96 to a unit, and wraps beyond its range, without a word. Read in three units it tells: nanoseconds
    are right modulo 2**64, and seconds have room for every day of INT96.
    """
    with _opened(path, "ns") as in_nanoseconds, _opened(path, "s") as in_seconds:
        others = zip(_batches(in_nanoseconds, names, rows), _batches(in_seconds, names, rows), strict=True)
        for batch, (nanoseconds, seconds) in zip(batches, others, strict=True):
            problems: dict[int, str] = {}
            for name in names:
                micro = _numbers(batch.column(name))
                whole = (_numbers(nanoseconds.column(name)) == micro * 1000) & (
                    micro // 1_000_000 == _numbers(seconds.column(name))
                )
                for row in np.flatnonzero(~whole).tolist():
                    problems[row] = (
                        f"column {name}: got an INT96 timestamp that microseconds cannot hold; expected whole "
                        "microseconds"
                    )
            yield without_rows(batch, problems), problems


def _numbers(times: Any) -> np.ndarray[Any, np.dtype[np.int64]]:
    """Return times as numbers, which wrap around at 64 bits; null is 0."""
    return np.asarray(times.cast(pa.int64()).fill_null(0))
