"""The weather arrives as the package has it, though it lands with decimal commas and in local times."""

from collections import Counter
from datetime import datetime
from decimal import Decimal

import polars as pl
import pytest

from flows.examples.weather import _landing
from flows.examples.weather._data_set import WEATHER
from flows.shared.data import load as loading

# The hour that clocks showed twice, at three airports.
SHOWN_TWICE = {(airport, f"2013-11-03T0{hour}:00:00Z") for airport in ("EWR", "JFK", "LGA") for hour in (5, 6)}


def run(run_id="run-1"):
    window = loading.find_files.fn(WEATHER, run_id, 0)
    return loading.load_files.fn(WEATHER, window, run_id, 1.0, 0)


def is_told(row):
    """Whether a row's time is one moment, and no number is written as 1e3, which may be an id as well."""
    return (row["origin"], row["time_hour"]) not in SHOWN_TWICE and row["pressure"] != "1e3"


@pytest.fixture
def landed(world):
    told = []
    assert _landing.put_landing_data(world.s3, world.bucket, told.append).startswith(
        "12 files put, 26,115 observations"
    )
    world.wait()
    return world


def test_every_value_is_in_the_warehouse_or_in_quarantine(landed):
    result = run()
    source = [row for row in _landing.observations() if is_told(row)]
    assert (result.rows_read, result.rows_quarantined) == (26_115, 26_115 - len(source))
    rows = landed.query("SELECT ORIGIN, OBSERVED_AT, TEMP, WIND_SPEED, PRECIP, PRESSURE FROM OBSERVATIONS.WEATHER")
    number = lambda kind, text: None if text == "NA" else kind(text)  # noqa: E731
    expected = Counter(
        (
            row["origin"], datetime.fromisoformat(row["time_hour"]).replace(tzinfo=None), number(Decimal, row["temp"]),
            number(float, row["wind_speed"]), number(Decimal, row["precip"]), number(Decimal, row["pressure"]),
        )
        for row in source
    )  # fmt: skip
    assert Counter(rows) == expected


def test_an_hour_that_clocks_show_twice_is_quarantined(landed):
    run()
    kept = landed.read("quarantine/rows/weather/").filter(pl.col("observed_at") == "03.11.2013 01:00")
    assert kept.height == len(SHOWN_TWICE)
    assert all("America/New_York" in reason for reason in kept["_reason"])


def test_a_month_put_again_replaces_its_rows(landed):
    run()
    key = "landing/weather/2013-01.csv.gz"
    rows = _landing.files()[key]
    header, first, *_ = _landing.gzip.decompress(rows).decode().splitlines()
    landed.s3.put_object(Bucket=landed.bucket, Key=key, Body=_landing.gzip.compress(f"{header}\n{first}\n".encode()))
    landed.wait()
    result = run("run-2")
    january = sum(row["month"] == "1" for row in _landing.observations())
    assert (result.rows_read, result.rows_vanished) == (1, january - 1)


def test_the_files_are_put_once(landed):
    assert _landing.put_landing_data(landed.s3, landed.bucket, print).startswith("0 files put")
