"""Declared columns by their names, and slices put together, for the tests of readers."""

import dataframely as dy

from flows.shared.data.columns import Column, Json, Problems, Written, columns_of
from flows.shared.data.reading import read_slices


def columns(*names: str, json: str = "", required: str = "", optional: str = "") -> list[Column]:
    fields = {name: Json(nullable=True) if name == json else dy.String(nullable=name != required) for name in names}
    written = {optional: Written(optional=True)} if optional else {}
    return columns_of(type("Rows", (dy.Schema,), fields), written, frozenset(), Problems())


def read(path, declared, dialect, key="landing/x"):
    """All rows as tuples, and the problems by the row's number in the file."""
    rows, problems = [], {}
    for piece in read_slices(path, key, declared, dialect):
        assert piece.first_row == len(rows)
        problems |= {piece.first_row + row: why for row, why in piece.problems.items()}
        rows += zip(*(column.to_pylist() for column in piece.batch.columns), strict=True)
    return rows, problems
