"""Formats of landing files, and how their names show them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

# Suffix after the format's own, and the codec that it means.
CODECS = {".gz": "gzip", ".zst": "zstd"}


@dataclass(frozen=True)
class Parquet:
    """Parquet files, which are compressed inside."""

    suffixes: ClassVar[tuple[str, ...]] = (".parquet", ".pq")
    decimal_mark: ClassVar[str] = "."
    thousands_mark: ClassVar[str] = ""


@dataclass(frozen=True)
class Csv:
    """CSV files with one header line, as they are or as .gz or .zst.

    `null`: texts that stand for no value, unless they are quoted. `quote`: empty if a quote is a character as any
    other. `escape`: what stands before a quote inside quotes; empty if it is doubled. `comment`: lines that begin so
    are left out. `trim`: blanks around values that are not quoted do not count.
    """

    delimiter: str = ","
    quote: str = '"'
    escape: str = ""
    encoding: str = "utf-8"
    null: tuple[str, ...] = ("",)
    decimal_mark: str = "."
    thousands_mark: str = ""
    comment: str = ""
    trim: bool = False
    suffixes: ClassVar[tuple[str, ...]] = (".csv", ".tsv", ".txt")


@dataclass(frozen=True)
class JsonLines:
    """Files with one JSON object a line, as they are or as .gz or .zst. A key that is absent is null."""

    suffixes: ClassVar[tuple[str, ...]] = (".jsonl", ".ndjson", ".json")
    decimal_mark: ClassVar[str] = "."
    thousands_mark: ClassVar[str] = ""


Format = Parquet | Csv | JsonLines


def suffixes_of(landing_format: Format) -> tuple[str, ...]:
    """Return every ending, in lower case, that a landing file of the format may have."""
    if isinstance(landing_format, Parquet):
        return landing_format.suffixes
    return tuple(suffix + codec for suffix in landing_format.suffixes for codec in ("", *CODECS))


def format_problem(dialect: Format) -> str:
    """Return in one sentence what cannot work in the dialect, or an empty text."""
    if not isinstance(dialect, Csv):
        return ""
    marks = {
        "delimiter": dialect.delimiter,
        "quote": dialect.quote,
        "escape": dialect.escape,
        "decimal_mark": dialect.decimal_mark,
        "thousands_mark": dialect.thousands_mark,
    }
    may_be_empty = {"quote", "escape", "thousands_mark"}
    for name, mark in marks.items():
        if len(mark) > 1 or (not mark and name not in may_be_empty):
            return f"format: got {name}={mark!r}; expected one character"
    if dialect.delimiter in (dialect.quote, "\n", "\r"):
        return f"format: got delimiter={dialect.delimiter!r}; expected neither a quote nor the end of a line"
    if dialect.decimal_mark == dialect.thousands_mark:
        return f"format: got {dialect.decimal_mark!r} for decimal_mark and thousands_mark; expected two characters"
    try:
        "".encode(dialect.encoding)
    except LookupError:
        return f"format: got encoding={dialect.encoding!r}; expected one that Python knows, such as cp1252"
    return ""
