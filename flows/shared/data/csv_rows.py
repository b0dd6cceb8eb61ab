"""Rows of CSV files as texts: Arrow reads what is well-formed, and what is not is told apart row by row."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from flows.shared.data.columns import Column
from flows.shared.data.csv_records import Chunk, Grammar, RecordError
from flows.shared.data.formats import Csv
from flows.shared.data.refused import FileRefusedError
from flows.shared.data.slices import SHOWN, TEXT_SLICE_BYTES, Slice, expected_columns, listed, shortened, slices_of
from flows.shared.data.text_streams import text_blocks

Batch = tuple[pa.RecordBatch, dict[int, str]]


def read_csv(path: Path, key: str, columns: Sequence[Column], dialect: Csv) -> Iterator[Slice]:
    """Give the rows in slices. Empty lines are no rows."""
    grammar = Grammar(dialect)
    chunks = grammar.chunks(text_blocks(path, key, dialect.encoding))
    header, first = _header(chunks, grammar)
    reader = _Reader(dialect, grammar, header, _declared(columns, header, dialect))
    yield from slices_of(reader.batches(first, chunks), TEXT_SLICE_BYTES)


def _header(chunks: Iterator[Chunk], grammar: Grammar) -> tuple[list[str], Chunk]:
    """Return the header's names, and the rest of the chunk that it stands in."""
    for chunk in chunks:
        if chunk.state == "unclosed":
            raise FileRefusedError(
                f"got a quote that is not closed in the header {grammar.shown(chunk.text)!r}; expected a line with "
                "the columns' names; write the file again"
            )
        for record, end in grammar.records(chunk.text):
            try:
                names = [field.value.decode() for field in grammar.fields(record)]
            except RecordError as error:
                raise FileRefusedError(f"{error} (in the header); write the file again") from None
            except UnicodeDecodeError:
                raise FileRefusedError(
                    f"got a header that is not in the declared encoding: {grammar.shown(record)!r}; expected "
                    "format=Csv(encoding=…) to name the file's; write the file so or declare it"
                ) from None
            return names, Chunk(chunk.text[end:], chunk.state)
    raise FileRefusedError("got no line; expected one with the columns' names; put the file again or remove it")


def _declared(columns: Sequence[Column], header: list[str], dialect: Csv) -> list[Column]:
    names = [column.file_name for column in columns]
    if not set(names) & set(header):
        others = [mark for mark in ",;\t|" if mark != dialect.delimiter and mark in "".join(header)]
        hint = f"; {others[0]!r} may be the delimiter" if others else ""
        raise FileRefusedError(
            f"got a header without any declared column, {listed(header)}{hint}; expected {listed(names)}, apart by "
            f"{dialect.delimiter!r}; write the file so or declare its format"
        )
    return expected_columns(columns, header)


class _Reader:
    """Makes batches of chunks."""

    def __init__(self, dialect: Csv, grammar: Grammar, header: list[str], columns: list[Column]) -> None:
        self._grammar = grammar
        self._names = [column.file_name for column in columns]
        self._places = [header.index(name) for name in self._names]
        self._width = len(header)
        self._encoding = dialect.encoding
        self._trim = " \t".replace(dialect.delimiter, "") if dialect.trim else ""
        self._null = list(dialect.null)
        self._null_bytes = {text.encode() for text in dialect.null}
        self._delimiter, self._quote = dialect.delimiter, dialect.quote

    def batches(self, first: Chunk, others: Iterator[Chunk]) -> Iterator[Batch]:
        if first.text:
            yield self._batch(first)
        for chunk in others:
            yield self._batch(chunk)

    def _batch(self, chunk: Chunk) -> Batch:
        if chunk.state == "unclosed":
            return self._unclosed(chunk.text)
        if self._is_plain(chunk):
            try:
                return self._by_arrow(chunk.text)
            except pa.ArrowInvalid:
                pass  # It says what is wrong, but not in which row.
        return self._by_record(chunk.text)

    def _is_plain(self, chunk: Chunk) -> bool:
        """Tell whether Arrow reads the chunk as the grammar does."""
        grammar, text = self._grammar, chunk.text
        return (
            (self._delimiter + self._quote).isascii()
            and chunk.state == "clean"
            and not grammar.has_comment(text)
            and not (grammar.escape and grammar.escape in text)
            and not (self._trim and grammar.quote and grammar.quote in text)
            and bool(text.strip(b"\r\n"))
        )

    def _by_arrow(self, text: bytes) -> Batch:
        problems: dict[int, str] = {}

        def note(row: pa.csv.InvalidRow) -> Literal["skip"]:
            assert row.number, "rows are numbered without threads"
            problems[row.number - 1] = self._miscounted(row.actual_columns, row.text)
            return "skip"

        source: Any = pa.BufferReader(text)  # Their types do not name it.
        wanted = [str(place) for place in self._places]
        table = pa.csv.read_csv(
            source,
            # One thread and one block: only so are rows numbered.
            pa.csv.ReadOptions(
                use_threads=False, block_size=len(text) + 1, column_names=[str(n) for n in range(self._width)]
            ),
            pa.csv.ParseOptions(
                delimiter=self._delimiter,
                quote_char=self._quote or False,
                newlines_in_values=True,
                invalid_row_handler=note,
            ),
            pa.csv.ConvertOptions(
                column_types=dict.fromkeys(wanted, pa.string()),
                include_columns=wanted,
                null_values=self._null,
                strings_can_be_null=not self._trim,
                quoted_strings_can_be_null=False,
            ),
        )
        columns: list[Any] = [column.combine_chunks() for column in table.columns]
        if self._trim:
            columns = [self._trimmed(column) for column in columns]
        if problems:
            # Rows that were left out come back as nulls, so that every row keeps its number.
            kept = iter(range(table.num_rows))
            total = table.num_rows + len(problems)
            places = pa.array([None if row in problems else next(kept) for row in range(total)], pa.int64())
            columns = [column.take(places) for column in columns]
        return pa.record_batch(columns, names=self._names), problems

    def _trimmed(self, column: Any) -> Any:
        trimmed = pc.utf8_trim(column, self._trim)
        is_null = pc.is_in(trimmed, pa.array(self._null, pa.string()))
        return pc.if_else(is_null, pa.scalar(None, pa.string()), trimmed)

    def _by_record(self, text: bytes) -> Batch:
        values: list[list[str | None]] = [[] for _ in self._names]
        problems: dict[int, str] = {}
        for row, (record, _) in enumerate(self._grammar.records(text)):
            try:
                found = self._values(record)
            except RecordError as error:
                problems[row] = str(error)
                found = [None] * len(values)
            for column, value in zip(values, found, strict=True):
                column.append(value)
        columns = [pa.array(column, pa.string()) for column in values]
        return pa.record_batch(columns, names=self._names), problems

    def _values(self, record: bytes) -> list[str | None]:
        fields = self._grammar.fields(record)
        if len(fields) != self._width:
            raise RecordError(self._miscounted(len(fields), self._grammar.shown(record)))
        values: list[str | None] = []
        for name, place in zip(self._names, self._places, strict=True):
            value, is_quoted = fields[place]
            if not is_quoted and value in self._null_bytes:
                values.append(None)
                continue
            try:
                values.append(value.decode())
            except UnicodeDecodeError as error:
                raise RecordError(
                    f"column {name}: got bytes that are not {self._encoding} at place {error.start + 1}; expected "
                    f"text in it: {self._grammar.shown(record)}"
                ) from None
        return values

    def _miscounted(self, count: int, record: str) -> str:
        fields = "field" if count == 1 else "fields"
        return f"got {count} {fields}; expected {self._width}: {shortened(record[: 4 * SHOWN])}"

    def _unclosed(self, text: bytes) -> Batch:
        """Make a problem of every line after a quote that is opened and never closed: any may be a row."""
        lines = [line for line in text.splitlines() if line]
        why = f"got a quote that is opened and not closed in the rest of the file: {self._grammar.shown(lines[0])}"
        nulls = pa.nulls(len(lines), pa.string())
        return pa.record_batch([nulls] * len(self._names), names=self._names), dict.fromkeys(range(len(lines)), why)
