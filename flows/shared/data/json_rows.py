"""Rows of JSON lines as texts: every number as it is spelled."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NoReturn

import pyarrow as pa

from flows.shared.data.columns import Column
from flows.shared.data.refused import FileRefusedError
from flows.shared.data.slices import SHOWN, TEXT_SLICE_BYTES, Slice, listed, shortened, slices_of
from flows.shared.data.text_streams import LONGEST_ROW_BYTES, text_blocks, whole_lines

SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")


# Smaller than for CSV: each value is an object of its own until its column is made.
BLOCK_BYTES = 2**19
# Values of these types are taken as they are where no column keeps JSON.
TEXTS = {str, type(None)}


class Number(str):
    """A number as it is spelled."""

    __slots__ = ()


class RowError(Exception):
    """A line is no row; the message says why."""


def read_json(path: Path, key: str, columns: Sequence[Column]) -> Iterator[Slice]:
    """Give the rows in slices. Empty lines are no rows; a key that is absent is null.

    Raises FileRefusedError for a file that is one JSON array, and at the end if a column that may not be null was in
    no line.
    """
    missing = {c.file_name for c in columns if not (c.is_nullable or c.written.optional)}
    is_empty = True
    for piece in slices_of(_batches(path, key, columns, missing), TEXT_SLICE_BYTES):
        yield piece
        is_empty = False
    if missing and not is_empty:
        raise FileRefusedError(
            f"got no line with {listed(sorted(missing))}; expected {listed([c.file_name for c in columns])}; write the "
            "file again with them, or declare what files may lack with Written(optional=True)"
        )


def _batches(
    path: Path, key: str, columns: Sequence[Column], missing: set[str]
) -> Iterator[tuple[pa.RecordBatch, dict[int, str]]]:
    """Give a batch for each block of lines, and take the columns that it has from those that are missing."""
    names = [column.file_name for column in columns]
    decoder = _decoder(str if all(column.kind != "json" for column in columns) else Number)
    is_begun = False
    for lines in whole_lines(text_blocks(path, key, block_bytes=BLOCK_BYTES), LONGEST_ROW_BYTES):
        if not is_begun and not lines.isspace():
            _refuse_other_json(lines)
            is_begun = True
        rows: list[list[Any]] = []
        problems: dict[int, str] = {}
        for line in lines.split(b"\n"):
            if not line or line.isspace():
                continue
            try:
                rows.append(_row(line, decoder, columns, names, missing))
            except RowError as error:
                problems[len(rows)] = str(error)
                rows.append([None] * len(columns))
        if rows:
            values = [pa.array(column, pa.string()) for column in zip(*rows, strict=True)]
            yield pa.record_batch(values, names=names), problems


def _refuse_other_json(beginning: bytes) -> None:
    first = beginning.strip().partition(b"\n")[0].strip()
    if first.startswith(b"["):
        got = "a JSON array"
    elif first == b"{":
        got = "a JSON object over several lines"
    else:
        return
    raise FileRefusedError(f"got {got}; expected one object a line; write the file as JSON lines (jq -c '.[]' does so)")


def _row(
    line: bytes, decoder: json.JSONDecoder, columns: Sequence[Column], names: list[str], missing: set[str]
) -> list[Any]:
    """Return the columns' texts. Raises RowError."""
    try:
        text = line.decode()
        found = decoder.decode(text)
        if "\\" in text and SURROGATE.search(text):
            _json_text(found).encode()
    except UnicodeError as error:
        where = "" if not isinstance(error, UnicodeDecodeError) else f" at byte {error.start + 1}"
        raise RowError(f"got a character that is no Unicode{where}; expected UTF-8: {_shown(line)}") from None
    except (ValueError, RecursionError) as error:
        raise RowError(f"got no valid JSON ({error}); expected one object: {_shown(line)}") from None
    if type(found) is not dict:
        raise RowError(f"got no object; expected one object a line: {_shown(line)}")
    if missing:
        missing.difference_update(found)
    values = list(map(found.get, names))
    if decoder.parse_float is str and TEXTS.issuperset(map(type, values)):
        return values
    try:
        return [_text(value, column) for value, column in zip(values, columns, strict=True)]
    except RowError as error:
        raise RowError(f"{error}: {_shown(line)}") from None


def _text(value: Any, column: Column) -> str | None:
    if value is None:
        return None
    if column.kind == "json":
        return _json_text(value)
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    raise RowError(
        f"column {column.file_name}: got {'an object' if isinstance(value, dict) else 'a list'}; expected one value"
    )


def _json_text(value: Any) -> str:
    """Return the value as JSON, its numbers as they are spelled."""
    match value:
        case Number():
            return str(value)
        case dict():
            return "{" + ", ".join(f"{_json_text(name)}: {_json_text(inner)}" for name, inner in value.items()) + "}"
        case list():
            return "[" + ", ".join(map(_json_text, value)) + "]"
    return json.dumps(value, ensure_ascii=False)


def _shown(line: bytes) -> str:
    return shortened(line[: 4 * SHOWN].decode(errors="replace").strip())


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise RowError(f"got the key {shortened(repr(twice))} twice in one object; expected each once")
    return found


def _refuse_constant(name: str) -> NoReturn:
    raise RowError(f"got {name}; expected a number that JSON has, or null")


def _decoder(number: type[str]) -> json.JSONDecoder:
    """Return a decoder that keeps numbers as texts of the type: where no JSON is kept, it need not be told apart."""
    return json.JSONDecoder(
        parse_float=number, parse_int=number, parse_constant=_refuse_constant, object_pairs_hook=_object
    )
