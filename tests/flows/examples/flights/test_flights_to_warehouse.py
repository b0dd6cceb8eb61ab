"""The flights arrive as the CSV has them, and what is no flight is told from what is one."""

from collections import Counter
from datetime import datetime

import polars as pl

from flows.examples.flights._data_set import FLIGHTS
from flows.shared.data import load as loading


def run(run_id="run-1", max_rejected_percent=1.0):
    """One run of the flow's two tasks, without Prefect's engine."""
    window = loading.find_files.fn(FLIGHTS, run_id, settle_seconds=0)
    return loading.load_files.fn(FLIGHTS, window, run_id, max_rejected_percent, 0)


def delays(csv_rows):
    """Carrier to (flights, sum of arr_delay), from the CSV."""
    flights, minutes = Counter(), Counter()
    for row in csv_rows:
        flights[row["carrier"]] += 1
        minutes[row["carrier"]] += int(row["arr_delay"]) if row["arr_delay"] not in ("", "NA") else 0
    return {carrier: (flights[carrier], minutes[carrier]) for carrier in flights}


def loaded(world):
    """Carrier to (flights, sum of arr_delay), from the warehouse."""
    sql = "SELECT CARRIER, COUNT(*), COUNT(DISTINCT TIME_HOUR, CARRIER, FLIGHT), SUM(ARR_DELAY) FROM FLIGHTS GROUP BY 1"
    rows = world.query(sql)
    assert all(count == distinct for _, count, distinct, _ in rows), "a key is there twice"
    return {carrier: (count, int(minutes or 0)) for carrier, count, _, minutes in rows}


def test_the_warehouse_holds_what_the_csv_holds(world, days, csv_rows):
    world.land(days)
    result = run()
    assert (result.files, result.rows_read, result.rows_inserted) == (10, len(csv_rows), len(csv_rows))
    assert (result.rows_updated, result.rows_quarantined) == (0, 0)
    assert loaded(world) == delays(csv_rows)
    first = csv_rows[0]
    [(hour, year, tail, source)] = world.query(
        "SELECT TIME_HOUR, YEAR, TAILNUM, SOURCE_FILE FROM FLIGHTS WHERE DAY = 1 AND FLIGHT = %s", [first["flight"]]
    )
    assert (hour, year, tail) == (datetime(2013, 1, 1, 10), 2013, first["tailnum"])
    assert source == "landing/flights/2013-01-01.parquet"


def test_rows_that_are_no_flights_are_rejected_with_their_reason(world, days):
    name, frame = next(iter(days.items()))
    row = pl.int_range(pl.len())
    bad = frame.with_columns(
        month=pl.when(row == 1).then(13).otherwise("month"),
        carrier=pl.when(row == 2).then(None).otherwise("carrier"),
        dep_delay=pl.when(row == 3).then(None).otherwise("dep_delay"),
        origin=pl.when(row == 4).then(pl.lit("jfk")).otherwise("origin"),
    )
    world.land({name: bad})
    result = run()
    assert (result.rows_inserted, result.rows_quarantined) == (frame.height - 4, 4)
    quarantined = world.read("quarantine/rows/flights/")
    assert quarantined["_source_row"].to_list() == [1, 2, 3, 4]
    assert quarantined["_reason"].to_list() == [
        "month: got 13; expected at most 12",
        "carrier: got nothing; expected a value",
        "expected dep time and dep delay are both known or neither",
        "origin: got jfk; expected text like ^[A-Z0-9]{3}$",
    ]
