"""Slices of a landing file's rows, and what the readers of every format share."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple, TypeVar

import pyarrow as pa

from flows.shared.data.columns import Column
from flows.shared.data.refused import FileRefusedError

SLICE_ROWS = 131_072
SLICE_BYTES = 32 * 2**20
# Slices of text files are smaller: their text, its fields and the joined slice are there at once.
TEXT_SLICE_BYTES = 10 * 2**20
# A row whose problem is told shows so much of its beginning.
SHOWN = 60

Result = TypeVar("Result")


class Slice(NamedTuple):
    """Rows of a file, one after another.

    `first_row`: the number of its first row in the file, from 0. `problems`: a row's number within the slice, and why
    it could not be told apart into columns; all columns of such a row are null.
    """

    first_row: int
    batch: pa.RecordBatch
    problems: dict[int, str]


def expected_columns(columns: Sequence[Column], got: Sequence[str]) -> list[Column]:
    """Return the declared columns that the file has. Raises FileRefusedError if one is missing or there twice."""
    counts = Counter(got)
    twice = [column.file_name for column in columns if counts[column.file_name] > 1]
    if twice:
        raise FileRefusedError(
            f"got {listed(twice)} twice among the columns; expected each once; write the file again with one of them"
        )
    missing = [c.file_name for c in columns if c.file_name not in counts and not c.written.optional]
    if missing:
        raise FileRefusedError(
            f"got the columns {listed(got)}; expected {listed([c.file_name for c in columns])}; write the file again "
            f"with {listed(missing)}, or declare what files may lack with Written(optional=True)"
        )
    return [column for column in columns if column.file_name in counts]


def listed(names: Sequence[str], most: int = 40) -> str:
    """Return names for a message, the first ones if they are many."""
    shown = ", ".join(shortened(repr(name)) for name in names[:most])
    return f"{shown} and {len(names) - most} more" if len(names) > most else shown or "none"


def shortened(text: str) -> str:
    """Return the beginning of a text for a message."""
    return text if len(text) <= SHOWN else text[:SHOWN] + "…"


def attempt(call: Callable[[], Result], what: str, remedy: str) -> Result:
    """Return what a library's call gives. Raises FileRefusedError for whatever it raises, native panics included."""
    try:
        return call()
    except (FileRefusedError, StopIteration):
        raise
    except BaseException as error:
        # Panics of native code are no Exception. Interruptions, and the end of the process, are not the file's.
        is_panic = type(error).__name__ == "PanicException"
        if not (isinstance(error, Exception) or is_panic):
            raise
        if isinstance(error, MemoryError) and not isinstance(error, pa.ArrowMemoryError):
            raise
        reason = " ".join(str(error).split()) or type(error).__name__
        raise FileRefusedError(f"got {what} ({reason[:300]}); {remedy}") from None


def slices_of(batches: Iterable[tuple[pa.RecordBatch, dict[int, str]]], most_bytes: int) -> Iterator[Slice]:
    """Join small batches, and cut large ones, to slices."""
    waiting: list[pa.RecordBatch] = []
    problems: dict[int, str] = {}
    first_row, rows, size = 0, 0, 0
    for batch, found in batches:
        for start in range(0, batch.num_rows, SLICE_ROWS):
            part = batch.slice(start, SLICE_ROWS)
            if waiting and (rows + part.num_rows > SLICE_ROWS or size + part.nbytes > most_bytes):
                yield Slice(first_row, _joined(waiting), problems)
                first_row, rows, size, waiting, problems = first_row + rows, 0, 0, [], {}
            if found:
                in_part = range(start, start + part.num_rows)
                problems |= {rows + row - start: why for row, why in found.items() if row in in_part}
            waiting.append(part)
            rows, size = rows + part.num_rows, size + part.nbytes
    if waiting:
        yield Slice(first_row, _joined(waiting), problems)


def _joined(batches: list[pa.RecordBatch]) -> pa.RecordBatch:
    if len(batches) == 1:
        return batches[0]
    [batch] = attempt(
        lambda: pa.Table.from_batches(batches).combine_chunks().to_batches(),
        "columns that differ within it",
        "write the file again",
    )
    return batch


def without_rows(batch: pa.RecordBatch, rows: Iterable[int]) -> pa.RecordBatch:
    """Return the batch with nulls in some rows."""
    left_out = set(rows)
    if not left_out:
        return batch
    return batch.take(pa.array([None if row in left_out else row for row in range(batch.num_rows)], pa.int64()))
