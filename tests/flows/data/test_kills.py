"""Killed at any moment and run again, a load and an export end as if nothing had happened.

KILLS says how many moments each is killed at: 2, or as many as one asks for.
"""

import os
import random
import signal
import subprocess
import sys
import time

import polars as pl
import pytest
from orders import frame, land, objects, order, quarantined, run

KILLS = int(os.environ.get("KILLS", "2"))
ALL = 'SELECT "ORDER_ID", "STATUS", "AMOUNT", "NOTE", "SOURCE_FILE" FROM ORDERS ORDER BY 1'

LOAD = """
import sys
sys.path.insert(0, "tests/flows/data")
from flows.shared.data import staging, stage_files, validation
staging.ROWS_AT_ONCE = 2_000  # So that there are several files on the stage.
from orders import run
print("begun", flush=True)
run(run_id=sys.argv[1], percent=50)
"""
EXPORT = """
import sys
sys.path.insert(0, "tests/flows/data")
from test_kills import NOTES
from flows.shared.data import export
print("begun", flush=True)
export.export_file.fn(NOTES, "notes", sys.argv[1])
"""


def notes():
    import dataframely as dy

    from flows.shared.data.export import Export

    schema = type("Notes", (dy.Schema,), {"order_id": dy.Int64(), "amount": dy.Decimal(18, 2)})
    query = "SELECT ORDER_ID, AMOUNT FROM ORDERS ORDER BY ORDER_ID"
    return Export(name="notes", rows=schema, query=query, prefix="export/notes/")


NOTES = notes()


def killed_after(code, run_id, seconds):
    """Start the code, kill it so long after it has begun; return whether it was still running."""
    with subprocess.Popen([sys.executable, "-c", code, run_id], env=os.environ, stdout=subprocess.PIPE) as process:
        process.stdout.readline()
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
    return process.returncode == -signal.SIGKILL


def seconds_of(code):
    """How long the code takes when nothing stops it."""
    with subprocess.Popen([sys.executable, "-c", code, "whole"], env=os.environ, stdout=subprocess.PIPE) as process:
        process.stdout.readline()
        started = time.monotonic()
    assert process.returncode == 0
    return time.monotonic() - started


def days():
    """Four files, each with rows of its own, rows of the day before, and one that is rejected."""
    return {
        f"day{day}": frame(
            *(order(n, note=f"day {day}") for n in range(day * 1000 - 200, (day + 1) * 1000)), order(-day)
        )
        for day in range(1, 5)
    }


@pytest.fixture
def whole(world):
    """What the table and the quarantine hold after a run that nothing stops, and how long it takes."""
    land(world, **days())
    seconds = seconds_of(LOAD)
    held = world.query(ALL), quarantined(world).sort("_source_file")
    for table in ("ORDERS", "LOAD_HISTORY", "LOAD_WATERMARKS"):
        world.query(f"DELETE FROM {table}")  # noqa: S608
    return *held, seconds


def test_a_load_that_is_killed_and_run_again_leaves_each_row_once(world, whole):
    rows, rejected, seconds = whole
    moments = random.Random(12)  # noqa: S311 (no secret)
    for number in range(KILLS):
        for key in objects(world, "quarantine/"):
            world.s3.delete_object(Bucket=world.bucket, Key=key)
        killed_after(LOAD, f"killed-{number}", moments.uniform(0, seconds))
        run(run_id=f"again-{number}", percent=50)
        assert world.query(ALL) == rows
        assert quarantined(world).sort("_source_file").equals(rejected)
        assert world.query("SELECT COUNT(*), COUNT(DISTINCT FILE) FROM LOAD_HISTORY") == [(4, 4)]
        for table in ("ORDERS", "LOAD_HISTORY", "LOAD_WATERMARKS"):
            world.query(f"DELETE FROM {table}")  # noqa: S608


def test_an_export_that_is_killed_leaves_the_old_file_or_the_new_one(world):
    land(world, day1=frame(*(order(n) for n in range(1, 3000))))
    run()
    seconds = seconds_of(EXPORT)
    moments = random.Random(13)  # noqa: S311 (no secret)
    for number in range(KILLS):
        before = objects(world, "export/")
        world.query("UPDATE ORDERS SET AMOUNT = AMOUNT + 1")
        killed_after(EXPORT, f"killed-{number}", moments.uniform(0, seconds))
        whole_files = [pl.read_parquet(body).height for body in objects(world, "export/").values()]
        assert whole_files == [2999] * len(before)
        from flows.shared.data import export

        export.export_file.fn(NOTES, "notes", f"again-{number}")
        assert set(world.read("export/notes/")["amount"]) == {world.query("SELECT MAX(AMOUNT) FROM ORDERS")[0][0]}
        assert "Uploads" not in world.s3.list_multipart_uploads(Bucket=world.bucket)
