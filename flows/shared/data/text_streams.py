"""Blocks of text files as UTF-8: decompressed, without a byte-order mark, whatever their encoding."""

from __future__ import annotations

import codecs
import gzip
from collections.abc import Iterator
from pathlib import Path
from typing import IO, NoReturn, cast

import pyarrow as pa

from flows.shared.data.formats import CODECS
from flows.shared.data.refused import FileRefusedError
from flows.shared.data.slices import attempt, shortened

BLOCK_BYTES = 2 * 2**20
LONGEST_ROW_BYTES = 64 * 2**20
BYTE_ORDER_MARK = codecs.BOM_UTF8
# What files of another kind begin with. UTF-16 has no entry: its mark is no error where it is declared.
KINDS = {
    b"PAR1": "a Parquet file",
    b"PARE": "an encrypted Parquet file",
    b"\x1f\x8b": "gzip data",
    b"\x28\xb5\x2f\xfd": "zstd data",
    b"PK\x03\x04": "a zip archive",
    b"PK\x05\x06": "an empty zip archive",
    b"BZh": "bzip2 data",
    b"\xfd7zXZ\x00": "xz data",
    b"Obj\x01": "an Avro file",
    b"ORC": "an ORC file",
    b"<!DOCTYPE": "an HTML page",
    b"<!doctype": "an HTML page",
    b"<html": "an HTML page",
    b"<?xml": "an XML document",
}
INVALID = "\udcff"


def _marked(error: UnicodeError) -> tuple[str | bytes, int]:
    """Turn bytes that the encoding does not have into one that UTF-8 does not have, so that their row is found."""
    if isinstance(error, UnicodeDecodeError):
        return INVALID, error.end
    assert isinstance(error, UnicodeEncodeError)
    return b"\xff" * (error.end - error.start), error.end


codecs.register_error("data_flows_marked", _marked)


def kind_of(beginning: bytes) -> str:
    """Return what a file is by its first bytes, or in words what they are."""
    for magic, kind in KINDS.items():
        if beginning.startswith(magic):
            return kind
    return f"a file that begins with {shortened(repr(beginning[:16]))}"


def text_blocks(path: Path, key: str, encoding: str = "utf-8", block_bytes: int = BLOCK_BYTES) -> Iterator[bytes]:
    """Give the file's text in blocks of UTF-8. Bytes that are invalid in its encoding are invalid in UTF-8, too.

    Raises FileRefusedError for a file that is empty, of another kind, or damaged.
    """
    blocks = _utf_8(_decompressed(path, key, block_bytes), encoding)
    is_first = True
    for block in blocks:
        if is_first and block:
            block, is_first = block.removeprefix(BYTE_ORDER_MARK), False
        if block:
            yield block


def _decompressed(path: Path, key: str, block_bytes: int) -> Iterator[bytes]:
    codec = next((codec for suffix, codec in CODECS.items() if key.lower().endswith(suffix)), None)
    with path.open("rb") as file:
        beginning = file.read(16)
    if not beginning:
        raise FileRefusedError("got 0 bytes; expected rows; put the file again whole or remove it")
    expected = {"gzip": b"\x1f\x8b", "zstd": b"\x28\xb5\x2f\xfd"}.get(codec or "")
    is_other = any(beginning.startswith(magic) for magic in KINDS)
    if (expected is None and is_other) or (expected and not beginning.startswith(expected)):
        raise FileRefusedError(
            f"got {kind_of(beginning)}; expected {f'{codec} data' if codec else 'plain text'}, as the name says; "
            "name the file by what it is (.gz, .zst, or neither) or write it again"
        )
    with _opened(path, codec) as stream:
        done = 0
        while block := attempt(
            lambda: stream.read(block_bytes),
            f"{codec or 'text'} data that is truncated or damaged after {done:,} bytes of text",
            "expected a whole file; put it again",
        ):
            done += len(block)
            yield block


def _opened(path: Path, codec: str | None) -> IO[bytes]:
    if codec == "gzip":
        return cast(IO[bytes], gzip.open(path, "rb"))
    if codec == "zstd":
        # Only its plain reads are used: Arrow's CSV reader over such a stream can end the process.
        return cast(IO[bytes], pa.CompressedInputStream(pa.OSFile(str(path), "rb"), "zstd"))
    return path.open("rb")


def _utf_8(blocks: Iterator[bytes], encoding: str) -> Iterator[bytes]:
    if codecs.lookup(encoding).name in ("utf-8", "utf-8-sig"):
        return blocks
    return _transcoded(blocks, codecs.getincrementaldecoder(encoding)("data_flows_marked"))


def _transcoded(blocks: Iterator[bytes], decoder: codecs.IncrementalDecoder) -> Iterator[bytes]:
    for block in blocks:
        yield decoder.decode(block).encode("utf-8", "data_flows_marked")
    yield decoder.decode(b"", True).encode("utf-8", "data_flows_marked")


def whole_lines(blocks: Iterator[bytes], longest_bytes: int) -> Iterator[bytes]:
    """Give the blocks so that each ends where a line ends. Raises FileRefusedError for a line that is too long."""
    rest = b""
    for block in blocks:
        rest += block
        end = rest.rfind(b"\n") + 1
        if end:
            yield rest[:end]
            rest = rest[end:]
        if len(rest) > longest_bytes:
            refuse_long_row(longest_bytes)
    if rest:
        yield rest


def refuse_long_row(longest_bytes: int) -> NoReturn:
    """Raise FileRefusedError for a row that has no end."""
    raise FileRefusedError(
        f"got a row of more than {longest_bytes >> 20} MiB; expected a line end before; write the file again with "
        "one row a line"
    )
