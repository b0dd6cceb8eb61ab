"""Rows as files of JSON lines, each put whole, under a name that a repeated run gives it again."""

from __future__ import annotations

import gzip
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from flows.shared import s3
from flows.shared.fetch.answer import Row


def land(client: Any, bucket: str, beginning: str, pages: Iterable[list[Row]], bytes_per_file: int) -> tuple[int, int]:
    """Put files `<beginning>-00001.jsonl.gz` and so on, cut between rows; return how many files and rows."""
    files = rows = 0
    lines = (row.text.encode() for page in pages for row in page)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "rows.jsonl.gz")
        while written := _write(path, lines, bytes_per_file):
            files, rows = files + 1, rows + written
            s3.upload_file(client, bucket, f"{beginning}-{files:05}.jsonl.gz", path)
    return files, rows


def _write(path: Path, lines: Iterator[bytes], most_bytes: int) -> int:
    """Write lines until there are so many bytes; return how many lines."""
    count = size = 0
    # Without a time in it: the same rows are the same bytes.
    with path.open("wb") as raw, gzip.GzipFile("", "wb", fileobj=raw, mtime=0, compresslevel=6) as file:
        for line in lines:
            file.write(line + b"\n")
            count, size = count + 1, size + len(line)
            if size >= most_bytes:
                break
    return count
