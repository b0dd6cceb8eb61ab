"""flights_to_warehouse against the embedded Snowflake and S3: every row once, whatever happens in between."""

import os
import signal
import subprocess
import sys
import threading
from collections import Counter
from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from flows.examples.flights import flights_to_warehouse as loading
from flows.shared import s3, snowflake, validation, watermark


def run(run_id="run-1", max_rejected_percent=1.0):
    """One run of the flow's two tasks, without Prefect's engine."""
    window = loading.find_files.fn(run_id, settle_seconds=0)
    if not window.files:
        return loading.LoadResult(watermark=window.last)
    return loading.load_files.fn(window, run_id, max_rejected_percent)


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


def test_the_warehouse_holds_what_the_csv_holds(world, days, csv_rows, monkeypatch):
    monkeypatch.setattr(loading, "CHUNK_ROWS", 3000)
    monkeypatch.setattr(loading, "READERS", 2)
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


def test_a_second_run_loads_nothing(world, days, csv_rows):
    world.land(days)
    first = run("run-1")
    again = run("run-2")
    assert again == loading.LoadResult(watermark=first.watermark)
    assert loaded(world) == delays(csv_rows)


def test_a_file_put_again_unchanged_updates_nothing(world, days):
    day = dict([next(iter(days.items()))])
    world.land(day)
    run("run-1")
    world.land(day)
    result = run("run-2")
    assert (result.rows_read, result.rows_inserted, result.rows_updated) == (next(iter(day.values())).height, 0, 0)


def test_a_corrected_file_updates_only_what_it_changes(world, days):
    """Also where a value becomes known or unknown."""
    name, frame = next(iter(days.items()))
    world.land({name: frame})
    run("run-1")
    row, unknown = pl.int_range(pl.len()), frame["arr_delay"].is_null().arg_max()
    delay = pl.when((row < 2) | (row == unknown)).then(777).when(row == 2).then(None).otherwise("arr_delay")
    world.land({name: frame.with_columns(arr_delay=delay)})
    result = run("run-2")
    assert (result.rows_inserted, result.rows_updated) == (0, 4)
    counts = "SELECT COUNT_IF(ARR_DELAY = 777), COUNT_IF(ARR_DELAY IS NULL) FROM FLIGHTS"
    assert world.query(counts) == [(3, frame["arr_delay"].null_count())]


def test_of_two_files_with_the_same_flight_the_latest_counts(world, days):
    """Also within a file its last row counts, and the MERGE has one row per key."""
    frame = next(iter(days.values())).head(5)
    world.land({"z-old.parquet": pl.concat([frame, frame]).with_columns(arr_delay=pl.lit(1, pl.Int64))})
    twice = [frame.with_columns(arr_delay=pl.lit(delay, pl.Int64)) for delay in (2, 3)]
    world.land({"a-new.parquet": pl.concat(twice)})
    result = run()
    assert (result.rows_read, result.rows_inserted, result.rows_updated) == (20, 5, 0)
    assert world.query("SELECT DISTINCT ARR_DELAY, SOURCE_FILE FROM FLIGHTS") == [(3, "landing/flights/a-new.parquet")]


def test_rejected_rows_are_in_quarantine_with_their_reason(world, days):
    name, frame = next(iter(days.items()))
    row = pl.int_range(pl.len())
    bad = frame.with_columns(
        month=pl.when(row == 1).then(13).otherwise("month"),
        carrier=pl.when(row == 2).then(None).otherwise("carrier"),
        dep_delay=pl.when(row == 3).then(None).otherwise("dep_delay"),
    )
    world.land({name: bad})
    result = run("run-1")
    assert (result.rows_inserted, result.rows_quarantined) == (frame.height - 3, 3)
    quarantined = world.read("quarantine/flights/run-1/")
    assert quarantined["source_row"].to_list() == [1, 2, 3]
    assert quarantined["source_file"].unique().to_list() == [f"landing/flights/{name}"]
    month, carrier, delay = quarantined[validation.REASON]
    assert month == "month: got 13; expected in_range(1, 12)"
    assert carrier == "carrier: got nothing; expected not_nullable"
    assert delay == "dep_time and dep_delay: expected both or neither"


def test_above_the_threshold_nothing_is_loaded(world, days):
    name, frame = next(iter(days.items()))
    row = pl.int_range(pl.len())
    world.land({name: frame.with_columns(month=pl.when(row < 20).then(0).otherwise("month"))})
    with pytest.raises(validation.TooManyRejectedError, match=rf"20 of {frame.height} rows .* at most 1 %"):
        run("run-1")
    assert world.query("SELECT COUNT(*) FROM FLIGHTS") == [(0,)]
    assert world.read("quarantine/flights/run-1/").height == 20
    assert run("run-2", max_rejected_percent=5).rows_inserted == frame.height - 20


def test_a_file_without_a_column_is_named(world, days):
    name, frame = next(iter(days.items()))
    world.land({name: frame.drop("arr_delay")})
    with pytest.raises(validation.WrongColumnsError, match=f"{name}: got no column arr_delay"):
        run()


def fail_after(monkeypatch, module, name, error):
    """Let one step do its work and then fail."""
    step = getattr(module, name)

    def failing(*args, **kwargs):
        step(*args, **kwargs)
        raise error

    monkeypatch.setattr(module, name, failing)


@pytest.mark.parametrize("step", ["put_parquet", "copy_parquet", "merge", "advance"])
def test_a_run_that_fails_before_its_commit_leaves_nothing(world, days, csv_rows, monkeypatch, step):
    world.land(days)
    with monkeypatch.context() as patch:
        fail_after(patch, watermark if step == "advance" else snowflake, step, ConnectionResetError(step))
        with pytest.raises(ConnectionResetError):
            run("run-1")
    assert world.query("SELECT COUNT(*) FROM FLIGHTS") == [(0,)]
    assert run("run-2").rows_inserted == len(csv_rows)
    assert loaded(world) == delays(csv_rows)


def test_tables_are_made_before_the_transaction_begins(world, days, monkeypatch):
    """In Snowflake DDL commits what is open, PUT is in no transaction; fakesnow would not show either."""
    words, execute = [], snowflake.execute
    monkeypatch.setattr(
        snowflake, "execute", lambda c, sql, values=(): words.append(sql.split()[0]) or execute(c, sql, values)
    )
    world.land(dict([next(iter(days.items()))]))
    run()
    assert words[words.index("BEGIN") :] == ["BEGIN", "MERGE", "COMMIT"]
    assert words[: words.index("BEGIN")][-4:] == ["CREATE", "CREATE", "PUT", "COPY"]


def test_an_attempt_whose_commit_was_not_confirmed_is_recognised_by_the_next(world, days, csv_rows, monkeypatch):
    """The COMMIT arrives, its answer does not: the retry of the task gives the counts and loads nothing."""
    world.land(days)
    window = loading.find_files.fn("run-1", settle_seconds=0)
    execute = snowflake.execute
    with monkeypatch.context() as patch:

        def lose_the_answer(connection, sql, values=()):
            rows = execute(connection, sql, values)
            if sql == "COMMIT":
                raise ConnectionResetError
            return rows

        patch.setattr(snowflake, "execute", lose_the_answer)
        with pytest.raises(ConnectionResetError):
            loading.load_files.fn(window, "run-1", 1.0)
    retried = loading.load_files.fn(window, "run-1", 1.0)
    assert (retried.rows_inserted, retried.watermark) == (len(csv_rows), window.upper)
    assert run("run-2").rows_read == 0
    assert loaded(world) == delays(csv_rows)


KILLED = """
import os, signal
from flows.examples.flights import flights_to_warehouse as loading
from flows.shared import watermark
advance = watermark.advance
def advance_and_die(*args):
    advance(*args)
    os.kill(os.getpid(), signal.SIGKILL)
watermark.advance = advance_and_die
loading.load_files.fn(loading.find_files.fn("killed", 0), "killed", 1.0)
"""


def test_a_killed_run_blocks_and_leaves_nothing(world, days, csv_rows):
    """Its session stays open with the watermark row locked, as in Snowflake; the next run waits, then loads all."""
    world.land(days)
    killed = subprocess.run([sys.executable, "-c", KILLED], env=os.environ, check=False)
    assert killed.returncode == -signal.SIGKILL
    assert run("run-2").rows_inserted == len(csv_rows)
    assert loaded(world) == delays(csv_rows)


def test_of_two_runs_from_the_same_watermark_one_loses_and_writes_nothing(world, days, csv_rows):
    """Both have read the watermark and the listing before either commits."""
    world.land(days)
    windows = [loading.find_files.fn(run_id, settle_seconds=0) for run_id in ("a", "b")]
    outcomes = {}

    def load(run_id, window):
        try:
            outcomes[run_id] = loading.load_files.fn(window, run_id, 1.0)
        except Exception as error:
            outcomes[run_id] = error

    threads = [threading.Thread(target=load, args=pair) for pair in zip("ab", windows, strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    won = [o for o in outcomes.values() if isinstance(o, loading.LoadResult)]
    lost = [o for o in outcomes.values() if isinstance(o, watermark.WatermarkMovedError)]
    assert (len(won), len(lost)) == (1, 1), outcomes
    assert "nothing was written by this one" in str(lost[0])
    assert won[0].rows_inserted == len(csv_rows)
    assert loaded(world) == delays(csv_rows)


def test_a_file_of_the_second_of_the_listing_waits_for_the_next_run():
    """Half-open: a file of `last` is in, a file of `upper` is not and is the first of the next window."""
    noon = datetime(2013, 1, 1, 12, tzinfo=UTC)
    files = [s3.StoredFile(str(second), 1, noon + timedelta(seconds=second)) for second in range(20)]
    window = loading.window_of(s3.Listing(files, noon + timedelta(seconds=15)), noon + timedelta(seconds=3), 5)
    assert [file.key for file in window.files] == ["3", "4", "5", "6", "7", "8", "9"]
    after = loading.window_of(s3.Listing(files, noon + timedelta(seconds=25)), window.upper, 5)
    assert [file.key for file in after.files] == [str(second) for second in range(10, 20)]


def test_a_clock_behind_the_watermark_gives_an_empty_window():
    noon = datetime(2013, 1, 1, 12, tzinfo=UTC)
    window = loading.window_of(s3.Listing([s3.StoredFile("a", 1, noon)], noon), noon, 5)
    assert (window.upper, window.files) == (noon, [])


def test_chunks_end_when_they_have_enough_rows_and_keep_the_order(monkeypatch):
    """So memory is that of a chunk and of the files read at once, however many there are."""
    monkeypatch.setattr(loading, "CHUNK_ROWS", 5)
    monkeypatch.setattr(loading, "READERS", 2)
    held = []

    def read_file(_client, _bucket, file):
        held.append(file.key)
        return pl.DataFrame({"file": [file.key] * file.size_bytes})

    monkeypatch.setattr(loading, "read_file", read_file)
    files = [s3.StoredFile(str(n), rows, datetime.now(UTC)) for n, rows in enumerate([1, 2, 1, 1, 9, 9, 1])]
    chunks = loading.read_chunks(None, "b", files)
    seen = [(chunk["file"].unique(maintain_order=True).to_list(), chunk.height, len(held)) for chunk in chunks]
    assert seen == [(["0", "1", "2", "3"], 5, 4), (["4", "5"], 18, 6), (["6"], 1, 7)]
