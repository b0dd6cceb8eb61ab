"""The export is what the CSV says, in one file that is replaced whole."""

from collections import defaultdict

import polars as pl
import pytest

from flows.examples.flights._data_set import FLIGHTS
from flows.examples.flights.warehouse_to_s3 import ON_TIME_PERFORMANCE
from flows.shared.data import export as exporting
from flows.shared.data import load as loading


def load(world, frames):
    for name, frame in frames.items():
        world.put(f"landing/flights/{name}", frame)
    window = loading.find_files.fn(FLIGHTS, "load", 0, files=[f"landing/flights/{name}" for name in frames])
    loading.load_files.fn(FLIGHTS, window, "load", 0, 0)


def run(run_id):
    return exporting.export_file.fn(ON_TIME_PERFORMANCE, "warehouse_to_s3", run_id)


def expected(csv_rows):
    """Carrier to (flights, cancelled, percent on time, mean arr_delay), from the CSV."""
    rows = defaultdict(list)
    for row in csv_rows:
        rows[row["carrier"]].append(row)
    known = ("", "NA")
    figures = {}
    for carrier, flights in rows.items():
        departed = [int(f["dep_delay"]) for f in flights if f["dep_time"] not in known]
        arrived = [int(f["arr_delay"]) for f in flights if f["arr_delay"] not in known]
        on_time = 100 * sum(delay <= 15 for delay in departed) / len(departed)
        figures[carrier] = (len(flights), len(flights) - len(departed), on_time, sum(arrived) / len(arrived))
    return figures


def test_the_export_holds_what_the_csv_says(world, days, csv_rows):
    load(world, days)
    result = run("export")
    exported = world.read("export/on_time_performance/")
    assert (result.rows_written, exported.height) == (len(expected(csv_rows)),) * 2
    assert exported.select("year", "month").unique().rows() == [(2013, 1)]
    figures = {row[0]: row[3:] for row in exported.iter_rows()}
    assert figures == {carrier: pytest.approx(values) for carrier, values in expected(csv_rows).items()}


def test_a_second_export_replaces_the_first_under_the_same_key(world, days):
    name, frame = next(iter(days.items()))
    load(world, {name: frame})
    first = run("1")
    assert run("2") == first
    assert [o["Key"] for o in world.s3.list_objects_v2(Bucket=world.bucket, Prefix="export/")["Contents"]] == [
        ON_TIME_PERFORMANCE.key
    ]


def test_a_failure_while_reading_leaves_the_export_that_is_there(world, days, monkeypatch):
    load(world, dict([next(iter(days.items()))]))
    run("1")
    before = world.read("export/")

    def broken(*_):
        raise ConnectionResetError

    monkeypatch.setattr(exporting, "kept_rows", broken)
    with pytest.raises(ConnectionResetError):
        run("2")
    assert world.read("export/").equals(before)


def test_an_empty_warehouse_is_not_exported(world, days):
    load(world, {"empty.parquet": next(iter(days.values())).clear()})
    with pytest.raises(exporting.NothingToExportError, match="on_time_performance: got no rows"):
        run("1")
    assert world.read("export/").is_empty()


def test_carriers_without_a_departure_have_no_share(world, days):
    nothing = pl.lit(None, pl.Int64)
    cancelled = next(iter(days.values())).head(1).with_columns(dep_time=nothing, dep_delay=nothing, arr_delay=nothing)
    load(world, {"a.parquet": cancelled})
    run("1")
    [row] = world.read("export/").iter_rows()
    assert row[3:] == (1, 1, None, None)
