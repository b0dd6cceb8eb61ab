"""Where CSV records end, and their fields: the grammar of a dialect, on UTF-8 bytes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Literal, NamedTuple

from flows.shared.data.formats import Csv
from flows.shared.data.refused import FileRefusedError
from flows.shared.data.slices import SHOWN, SLICE_BYTES, shortened
from flows.shared.data.text_streams import LONGEST_ROW_BYTES, refuse_long_row


class RecordError(Exception):
    """A record cannot be told apart into fields; the message says why."""


class Field(NamedTuple):
    """A field's value, without its quotes, and whether it had some."""

    value: bytes
    is_quoted: bool


class Chunk(NamedTuple):
    """Whole records. In dirty ones text follows a closing quote; an unclosed one begins with a quote without end."""

    text: bytes
    state: Literal["clean", "dirty", "unclosed"]


class Grammar:
    """The dialect's records.

    A quote counts at the beginning of a field only: elsewhere it is a character as any other. Line ends are LF, CR LF
    or CR; those within quotes belong to the value.
    """

    def __init__(self, dialect: Csv) -> None:
        """Build the expressions, whose possessive repeats read a text once, without going back."""
        self.quote = dialect.quote.encode()
        self.delimiter = dialect.delimiter.encode()
        self.comment = dialect.comment.encode()
        self.escape = b"" if dialect.escape == dialect.quote else dialect.escape.encode()
        self.blanks = b" \t".replace(self.delimiter, b"") if dialect.trim else b""
        mark, end = re.escape(self.delimiter), rb"(?:\r\n?|\n)"
        plain = rb"[^%b\r\n]*+" % mark if len(self.delimiter) == 1 else rb"(?:(?!%b)[^\r\n])*+" % mark
        blanks = b"[%b]*+" % self.blanks if self.blanks else b""
        clean = dirty = plain
        field = rb"(?:(?P<plain>%b))" % plain
        if self.quote:
            quote = re.escape(self.quote)
            body = self._body()
            quoted = blanks + quote + body + quote
            unquoted = rb"%b(?!%b)%b" % (blanks, quote, plain)
            clean = rb"(?:%b%b(?=%b|[\r\n])|%b)" % (quoted, blanks, mark, unquoted)
            dirty = rb"(?:%b%b|%b)" % (quoted, plain, unquoted)
            field = rb"(?:%b%b(?P<body>%b)%b(?P<tail>%b)|(?P<plain>%b))" % (blanks, quote, body, quote, plain, unquoted)
        comment = rb"%b[^\r\n]*+%b|" % (re.escape(self.comment), end) if self.comment else b""
        self._clean = re.compile(b"(?:%b)*+" % _record(comment, clean, mark, end), re.DOTALL)
        self._dirty = re.compile(b"(?:%b)*+" % _record(comment, dirty, mark, end), re.DOTALL)
        self._one = re.compile(_record(comment, dirty, mark, end), re.DOTALL)
        self._field = re.compile(b"%b(?:%b|%b)" % (field, mark, end), re.DOTALL)

    def _body(self) -> bytes:
        quote, escape = re.escape(self.quote), re.escape(self.escape)
        other = b"(?:(?!%b%b).)" % (quote, b"|" + escape if escape else b"")
        if len(self.quote) == 1 and len(self.escape) <= 1:
            other = b"[^%b%b]" % (quote, escape)
        return b"(?:%b++|%b)*+" % (other, escape + b"." if escape else quote + quote)

    def chunks(self, blocks: Iterator[bytes]) -> Iterator[Chunk]:
        """Cut the text between records. Raises FileRefusedError for a record that is too long."""
        rest = b""
        for block in blocks:
            rest += block
            chunk = self._whole_records(rest)
            if chunk.text:
                yield chunk
                rest = rest[len(chunk.text) :]
            if self.quote and self.quote in rest and len(rest) > SLICE_BYTES:
                raise FileRefusedError(
                    f"got a quote that is not closed within {SLICE_BYTES >> 20} MiB, near "
                    f"{self.shown(rest)!r}; expected its end; write the file again, or declare its quote"
                )
            if len(rest) > LONGEST_ROW_BYTES:
                refuse_long_row(LONGEST_ROW_BYTES)
        if rest:
            if not rest.endswith((b"\n", b"\r")):
                rest += b"\n"
            chunk = self._whole_records(rest)
            if chunk.text:
                yield chunk
            if unclosed := rest[len(chunk.text) :]:
                yield Chunk(unclosed, "unclosed")

    def _whole_records(self, text: bytes) -> Chunk:
        if not self.quote or self.quote not in text:
            return Chunk(text[: max(text.rfind(b"\n"), text.rfind(b"\r")) + 1], "clean")
        end = self._end(self._clean, text, 0)
        if not self._one.match(text, end):
            return Chunk(text[:end], "clean")
        return Chunk(text[: self._end(self._dirty, text, end)], "dirty")

    @staticmethod
    def _end(records: re.Pattern[bytes], text: bytes, start: int) -> int:
        found = records.match(text, start)
        return found.end() if found else start

    def records(self, text: bytes) -> Iterator[tuple[bytes, int]]:
        """Give each record and where it ends. Empty lines and comments are none."""
        for found in self._one.finditer(text):
            record = found.group()
            if record.strip(b"\r\n") and not (self.comment and record.startswith(self.comment)):
                yield record, found.end()

    def fields(self, record: bytes) -> list[Field]:
        """Return the fields. Raises RecordError."""
        fields = []
        for found in self._field.finditer(record):
            groups = found.groupdict()
            if groups.get("body") is None:
                fields.append(Field(groups["plain"].strip(self.blanks) if self.blanks else groups["plain"], False))
            elif groups["tail"].strip(self.blanks) if self.blanks else groups["tail"]:
                raise RecordError(
                    f"got {shortened(groups['tail'].decode(errors='replace'))!r} after a closing quote; expected the "
                    f"delimiter: {self.shown(record)}"
                )
            else:
                fields.append(Field(self._unescaped(groups["body"]), True))
        return fields

    def _unescaped(self, body: bytes) -> bytes:
        if not self.escape:
            return body.replace(self.quote + self.quote, self.quote)
        escape = re.escape(self.escape)
        return re.sub(b"%b(%b|%b)" % (escape, escape, re.escape(self.quote)), rb"\1", body)

    def has_comment(self, text: bytes) -> bool:
        """Tell whether a line may be a comment."""
        mark = self.comment
        return bool(mark) and (text.startswith(mark) or b"\n" + mark in text or b"\r" + mark in text)

    @staticmethod
    def shown(record: bytes) -> str:
        """Return the record's beginning for a message."""
        return shortened(record[: 4 * SHOWN].decode(errors="replace").rstrip("\r\n"))


def _record(comment: bytes, field: bytes, mark: bytes, end: bytes) -> bytes:
    return rb"(?:%b%b(?:%b%b)*+%b)" % (comment, field, mark, field, end)
