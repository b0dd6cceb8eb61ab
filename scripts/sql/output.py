"""Prints rows: as an aligned table, as CSV or as JSON lines."""

import csv
import json
import sys
from collections.abc import Callable, Iterable, Sequence
from typing import Any

Rows = Iterable[Sequence[Any]]
WIDEST = 60


def print_table(names: Sequence[str], rows: Rows) -> None:
    """Columns below their names, numbers to the right, long texts cut."""
    cells = [[_cell(value) for value in row] for row in rows]
    are_numbers = [all(number for _, number in column) for column in zip(*cells, strict=True)]
    lines = [[_cell(name)[0] for name in names], *([text for text, _ in row] for row in cells)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    lines.insert(1, ["-" * width for width in widths])
    for line in lines:
        aligned = [
            text.rjust(width) if is_number else text.ljust(width)
            for text, width, is_number in zip(line, widths, are_numbers or [False] * len(widths), strict=True)
        ]
        print("  ".join(aligned).rstrip())


def print_csv(names: Sequence[str], rows: Rows) -> None:
    """With a first line of names; NULL is empty."""
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(names)
    writer.writerows([_plain(value) for value in row] for row in rows)


def print_json(names: Sequence[str], rows: Rows) -> None:
    """An object a line. What JSON has no value for is a text: decimals, dates, bytes in hex."""
    for row in rows:
        print(json.dumps(dict(zip(names, row, strict=True)), default=_plain, ensure_ascii=False))


PRINTERS: dict[str, Callable[[Sequence[str], Rows], None]] = {
    "table": print_table,
    "csv": print_csv,
    "json": print_json,
}


def _plain(value: Any) -> Any:
    if isinstance(value, bytes | bytearray):
        return value.hex()
    return "" if value is None else str(value)


def _cell(value: Any) -> tuple[str, bool]:
    """The text, on one line and without what would steer a terminal, and whether it stands to the right."""
    if value is None:
        return "NULL", True
    text = "".join(each if each.isprintable() else ascii(each)[1:-1] for each in str(_plain(value)))
    is_number = not isinstance(value, str | bytes | bytearray | bool)
    return (text if len(text) <= WIDEST else f"{text[: WIDEST - 1]}…"), is_number
