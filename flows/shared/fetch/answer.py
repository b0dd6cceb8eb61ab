"""An answer's rows, each as the text that was received: parsing and writing again would cost digits of numbers."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from json.decoder import scanstring  # type: ignore[attr-defined]  # It stands in json.decoder's code, not in its stubs.
from typing import Any

# Numbers as they are spelled; NaN is what the load refuses, row by row.
DECODER = json.JSONDecoder(parse_float=str, parse_int=str, parse_constant=str)
BLANKS = " \t\n\r"
# A break of line stands only between values: inside a text, JSON wants it escaped.
ONE_LINE = str.maketrans("\n\r", "  ")


class NoRowsError(Exception):
    """The answer is JSON, but has no rows where they are expected. `str()` is what was got and expected."""


@dataclass(frozen=True)
class Row:
    """A row as it was received, on one line; `version` tells it from other rows and from its other versions."""

    text: str
    version: str
    values: Any


def rows_of(text: str, path: str, identity: Sequence[str]) -> tuple[Any, list[Row]]:
    """The answer as a document, and the rows of its list at `path` (names with dots; empty: the answer is the list).

    Raises ValueError for what is no JSON, and NoRowsError.
    """
    document = DECODER.decode(text)
    found = value_at(document, path)
    if type(found) is not list:
        got = "nothing" if found is None else f"a {type(found).__name__}"
        raise NoRowsError(f"got {got} at {path or 'the top'}; expected the list of rows")
    start = _skip(text, 0)
    for name in path.split(".") if path else []:
        start = _value_of(text, start, name)
    return document, [_row(text[begin:end], values, identity) for begin, end, values in _elements(text, start)]


def value_at(document: Any, path: str) -> Any:
    """The value at names with dots between them; None if there is none."""
    for name in path.split(".") if path else []:
        document = document.get(name) if type(document) is dict else None
    return document


def _row(text: str, values: Any, identity: Sequence[str]) -> Row:
    known = type(values) is dict and all(name in values for name in identity)
    # A row without its key is landed all the same: the load tells what is wrong with it.
    told = json.dumps([values[name] for name in identity]) if known else text
    version = hashlib.blake2b(told.encode(errors="surrogatepass"), digest_size=16).hexdigest()
    return Row(text.translate(ONE_LINE), version, values)


def _skip(text: str, at: int) -> int:
    while text[at] in BLANKS:
        at += 1
    return at


def _value_of(text: str, at: int, wanted: str) -> int:
    """Where the value of a name begins in the object at `at`: the last of its values, as json reads it."""
    found, at = at, _skip(text, at + 1)
    while text[at] != "}":
        name, at = scanstring(text, at + 1, True)
        at = _skip(text, _skip(text, at) + 1)
        if name == wanted:
            found = at
        _, at = DECODER.raw_decode(text, at)
        at = _next(text, at)
    return found


def _elements(text: str, at: int) -> Iterator[tuple[int, int, Any]]:
    at = _skip(text, at + 1)
    while text[at] != "]":
        value, end = DECODER.raw_decode(text, at)
        yield at, end, value
        at = _next(text, end)


def _next(text: str, at: int) -> int:
    at = _skip(text, at)
    return _skip(text, at + 1) if text[at] == "," else at
