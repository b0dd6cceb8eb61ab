"""From landing files to good rows on the stage and rejected ones in quarantine, in bounded memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import polars as pl

from flows.shared.data import quarantine, reading
from flows.shared.data.columns import Column
from flows.shared.data.conversion import as_text, convert, refuse_types
from flows.shared.data.formats import Format, Parquet
from flows.shared.data.history import Taken
from flows.shared.data.landing import Landing
from flows.shared.data.listing import FileChangedError, StoredFile, downloads
from flows.shared.data.refused import FileRefusedError
from flows.shared.data.staging import Stager
from flows.shared.data.validation import judge

if TYPE_CHECKING:
    from snowflake.connector import SnowflakeConnection


class Piece(NamedTuple):
    """A slice of a file, and what is known of that file so far."""

    taken: Taken
    part: reading.Slice


class Source(NamedTuple):
    """How a file is read: rejected rows that were mended come back as Parquet files of text."""

    columns: Sequence[Column]
    dialect: Format


class Staged(NamedTuple):
    """What became of the files, how many rows are staged, and which files changed since they were listed."""

    taken: list[Taken]
    rows: int
    changed: dict[str, str]


def stage_files(
    connection: SnowflakeConnection,
    s3: Any,
    bucket: str,
    landing: Landing,
    files: Sequence[StoredFile],
    folder: Path,
    at: datetime,
) -> Staged:
    """Put the good rows of the files to the stage of INCOMING, and keep all others in quarantine.

    Rows of a file that is refused in its middle may be staged already: their file's `taken.reason` tells.
    """
    taken: list[Taken] = []
    changed: dict[str, str] = {}
    with Stager(connection, folder, landing.columns, at) as stager, downloads(s3, bucket, files, folder) as arriving:
        keep = _Keeper(s3, bucket, landing, stager)
        for file, path in arriving:
            if isinstance(path, FileChangedError):
                changed[file.key] = str(path)
                continue
            this = Taken(file)
            taken.append(this)
            try:
                for part in _read(path, file, landing):
                    this.rows_read += part.batch.num_rows
                    keep.add(Piece(this, part))
            except FileRefusedError as error:
                keep.refuse(this, error)
        keep.flush()
        for each in taken:
            if each.reason:
                quarantine.keep_file(s3, bucket, landing, each.file, each.reason)
    return Staged(taken, stager.rows, changed)


def source_of(landing: Landing, file: StoredFile) -> Source:
    """Return the columns as the file names them, and its format."""
    if quarantine.is_rows_file(landing, file.key):
        return Source([c._replace(written=replace(c.written, name="")) for c in landing.columns], Parquet())
    return Source(landing.columns, landing.format)


def _read(path: Path, file: StoredFile, landing: Landing) -> Iterator[reading.Slice]:
    source = source_of(landing, file)
    if isinstance(source.dialect, Parquet):
        refuse_types(reading.parquet_schema(path), source.columns)
    yield from reading.read_slices(path, file.key, source.columns, source.dialect)


class _Keeper:
    """Collects pieces of one Arrow schema, so that thousands of small files are judged together."""

    def __init__(self, s3: Any, bucket: str, landing: Landing, stager: Stager) -> None:
        self._s3, self._bucket, self._landing, self._stager = s3, bucket, landing, stager
        self._waiting: list[Piece] = []
        self._rows = self._bytes = 0

    def add(self, piece: Piece) -> None:
        batch = piece.part.batch
        full = self._rows + batch.num_rows > reading.SLICE_ROWS or self._bytes + batch.nbytes > reading.SLICE_BYTES
        if self._waiting and (full or self._waiting[0].part.batch.schema != batch.schema):
            self.flush()
        self._waiting.append(piece)
        self._rows, self._bytes = self._rows + batch.num_rows, self._bytes + batch.nbytes

    def refuse(self, taken: Taken, error: FileRefusedError) -> None:
        """Forget what waits of the file."""
        taken.reason, taken.rows_read, taken.rows_quarantined = str(error), 0, 0
        self._waiting = [piece for piece in self._waiting if piece.taken is not taken]

    def flush(self) -> None:
        """Convert, judge, stage and quarantine what waits."""
        pieces, self._waiting, self._rows, self._bytes = self._waiting, [], 0, 0
        try:
            self._keep([piece for piece in pieces if not piece.taken.reason])
        except FileRefusedError:
            # One of them is the cause.
            for piece in pieces:
                try:
                    self._keep([piece] if not piece.taken.reason else [])
                except FileRefusedError as error:
                    self.refuse(piece.taken, error)

    def _keep(self, pieces: list[Piece]) -> None:
        if not pieces:
            return
        import pyarrow as pa

        source = source_of(self._landing, pieces[0].taken.file)
        batch = pa.Table.from_batches([piece.part.batch for piece in pieces]).combine_chunks().to_batches()
        whole = batch[0] if batch else pieces[0].part.batch
        frame, reasons = convert(whole, source.columns, self._landing.format)
        reasons = judge(frame, _with_problems(reasons, pieces), self._landing.rows)
        start = 0
        for piece in pieces:
            rows = piece.part.batch.num_rows
            self._keep_piece(piece, frame.slice(start, rows), reasons.slice(start, rows), source)
            start += rows

    def _keep_piece(self, piece: Piece, frame: pl.DataFrame, reasons: pl.Series, source: Source) -> None:
        first = piece.part.first_row
        numbers = pl.int_range(first, first + frame.height, dtype=pl.Int64, eager=True)
        is_good = reasons.is_null()
        if is_good.all():
            self._stager.add(frame, piece.taken.file, numbers)
            return
        self._stager.add(frame.filter(is_good), piece.taken.file, numbers.filter(is_good))
        texts = as_text(piece.part.batch, source.columns)
        piece.taken.rows_quarantined += quarantine.keep_rows(
            self._s3, self._bucket, self._landing, piece.taken.file, texts, reasons, first
        )


def _with_problems(reasons: pl.Series, pieces: list[Piece]) -> pl.Series:
    """Add what the reader found: such a row could not be told apart into columns, so that alone is its reason."""
    start = 0
    found: dict[int, str] = {}
    for piece in pieces:
        found |= {start + row: reason for row, reason in piece.part.problems.items()}
        start += piece.part.batch.num_rows
    return reasons.scatter(list(found), list(found.values())) if found else reasons
