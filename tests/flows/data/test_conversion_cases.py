"""Files that people's tools really write are kept exactly, quarantined or refused, as each case accepts."""

from __future__ import annotations

import json
import re
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import dataframely as dy
import polars as pl
import pytest

from flows.shared.data.columns import Column, Problems, columns_of
from flows.shared.data.conversion import as_text, convert, refuse_types
from flows.shared.data.formats import Parquet
from flows.shared.data.reading import parquet_schema, read_slices
from flows.shared.data.refused import FileRefusedError

CASES = Path("tests/fixtures/cases")
TEXTS = ["carrier", "tailnum", "origin", "dest"]
NUMBERS = ["year", "month", "day", "flight", "dep_time", "dep_delay", "arr_delay", "air_time", "distance", "hour"]
FLIGHTS = (
    {"time_hour": dy.Datetime(time_zone="UTC")}
    | {name: dy.String(nullable=True) for name in TEXTS}
    | {name: dy.Int64(nullable=True) for name in NUMBERS}
)
TARGETS = {
    "Int64": dy.Int64(nullable=True),
    "Float64": dy.Float64(nullable=True),
    "String": dy.String(nullable=True),
    "Boolean": dy.Bool(nullable=True),
    "Date": dy.Date(nullable=True),
    "Decimal(38,2)": dy.Decimal(38, 2, nullable=True),
}
# 17 is walked by test_listing.py, 27 and 37 by test_reading_parquet.py.
ELSEWHERE = {17, 27, 37}
INPUTS = [
    (folder, item)
    for folder in sorted(CASES.iterdir())
    if int(folder.name[:2]) not in ELSEWHERE
    for item in json.loads((folder / "expect.json").read_text())["inputs"]
]


def declared(target: str | dict[str, str]) -> list[Column]:
    """Return the columns of a case's target. A name that no data set may have, such as __row, is only a column here."""
    wanted = FLIGHTS if isinstance(target, str) else {name: TARGETS[of] for name, of in target.items()}
    columns = []
    for name, column in wanted.items():
        (made,) = columns_of(type("Given", (dy.Schema,), {"v": column}), {}, frozenset(), Problems())
        columns.append(made._replace(name=name))
    return columns


def same(value: Any, truth: str | None) -> bool:
    """Whether a value is exactly what the file means, given as text."""
    if value is None or truth is None:
        return value is None and truth is None
    match value:
        case bool():
            return truth.lower() in ({"true", "yes", "1", "1.0"} if value else {"false", "no", "0", "0.0"})
        case str():
            return value == truth
        case datetime():
            told = re.sub(r"(\.\d{6})0+(?=\D)", r"\1", truth)
            return datetime.fromisoformat(told) == value.astimezone(UTC)
        case date():
            return value.isoformat() == truth
        case float() if str(value) in ("nan", "inf", "-inf"):
            return str(value) == truth.lower()
    return Decimal(repr(value) if isinstance(value, float) else str(value)) == Decimal(truth)


@pytest.mark.parametrize(("folder", "item"), INPUTS, ids=[f"{f.name}-{i['file']}" for f, i in INPUTS])
def test_every_value_of_the_case_is_kept_or_told(folder: Path, item: dict[str, Any]) -> None:
    columns, path = declared(item["target"]), folder / item["file"]
    refusal = ""
    try:
        refuse_types(parquet_schema(path), columns)
        slices = list(read_slices(path, item["file"], columns, Parquet()))
    except FileRefusedError as error:
        refusal = str(error)
    if refusal:
        assert "refused" in item["accept"]
        assert item["column"] in refusal
        return
    outcomes = []
    for each in slices:
        frame, reasons = convert(each.batch, columns, Parquet())
        truths = item["truth"][each.first_row :][: frame.height]
        outcomes += [
            "quarantined" if reason else "kept" if same(value, truth) else f"changed: {value!r}"
            for value, reason, truth in zip(frame[item["column"]], reasons, truths, strict=True)
        ]
        assert set(as_text(each.batch, columns).dtypes) == {pl.String}
    assert len(outcomes) == len(item["truth"])
    accepted = [item.get("accept_rows", {}).get(str(row), item["accept"]) for row in range(len(outcomes))]
    wrong = {row: outcome for row, outcome in enumerate(outcomes) if outcome not in accepted[row]}
    assert not wrong


def test_every_value_is_walked_by_some_test() -> None:
    assert len(INPUTS) > 75
    assert len({folder for folder, _ in INPUTS}) == len(list(CASES.iterdir())) - len(ELSEWHERE)
