"""Killed at any moment and run again, a load, an export and a backfill end as if nothing had happened.

KILLS says how many moments each is killed at: 2, or as many as one asks for.
"""

import os
import random
import sys

import polars as pl
import pytest
from killing import killed_after
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
sys.path[:0] = ["tests", "tests/flows/data"]
from test_kills import NOTES
from flows.shared.data import export
print("begun", flush=True)
export.export_file.fn(NOTES, "notes", sys.argv[1])
"""

# Stands in for Prefect's agent: a run's load goes on in this process, so that it dies with it, in a thread, so that two
# go on at once. What Prefect knows of a run outlives the process in a file: one that was killed is not completed.
BACKFILL = """
import asyncio, json, pathlib, sys
from datetime import UTC, datetime
from types import SimpleNamespace
sys.path.insert(0, "tests/flows/data")
from prefect import flow
from orders import ORDERS, run
from flows.shared.data import backfill

runs = pathlib.Path(sys.argv[2])

async def deployment_run(_, parameters, idempotency_key, **options):
    known = runs / idempotency_key
    if not known.exists():
        known.write_text(json.dumps([str(datetime.now(UTC)), "Crashed"]))
        await asyncio.to_thread(run, run_id=idempotency_key, percent=50, **parameters)
        known.write_text(json.dumps([str(datetime.now(UTC)), "Completed"]))
    created, name = json.loads(known.read_text())
    state = SimpleNamespace(name=name, is_completed=lambda: name == "Completed")
    return SimpleNamespace(state=state, created=datetime.fromisoformat(created))

backfill.arun_deployment = deployment_run

@flow(name="orders_backfilled")
async def backfilled():
    since = datetime(2000, 1, 1, tzinfo=UTC)
    return await backfill.backfill(ORDERS, "orders/hourly", since, by=1, at_once=2, name=sys.argv[1])

print("begun", flush=True)
asyncio.run(backfilled())
"""


def notes():
    import dataframely as dy

    from flows.shared.data.export import Export

    schema = type("Notes", (dy.Schema,), {"order_id": dy.Int64(), "amount": dy.Decimal(18, 2)})
    query = "SELECT ORDER_ID, AMOUNT FROM ORDERS ORDER BY ORDER_ID"
    return Export(name="notes", rows=schema, query=query, prefix="export/notes/")


NOTES = notes()


def run_code(code, *arguments, until=None):
    """Run the code, or kill it so many seconds after it has begun; return how long it ran."""
    return killed_after(until, [sys.executable, "-c", code, *arguments])


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
    seconds = run_code(LOAD, "whole")
    held = world.query(ALL), quarantined(world).sort("_source_file")
    forget(world)
    return *held, seconds


def forget(world):
    """Empty the tables and the quarantine."""
    for table in ("ORDERS", "LOAD_HISTORY", "LOAD_WATERMARKS"):
        world.query(f"DELETE FROM {table}")  # noqa: S608
    for key in objects(world, "quarantine/"):
        world.s3.delete_object(Bucket=world.bucket, Key=key)


def test_a_load_that_is_killed_and_run_again_leaves_each_row_once(world, whole):
    rows, rejected, seconds = whole
    moments = random.Random(12)  # noqa: S311 (no secret)
    for number in range(KILLS):
        run_code(LOAD, f"killed-{number}", until=moments.uniform(0, seconds))
        run(run_id=f"again-{number}", percent=50)
        assert world.query(ALL) == rows
        assert quarantined(world).sort("_source_file").equals(rejected)
        assert world.query("SELECT COUNT(*), COUNT(DISTINCT FILE) FROM LOAD_HISTORY") == [(4, 4)]
        forget(world)


@pytest.mark.usefixtures("prefect_server")
def test_a_backfill_that_is_killed_and_run_again_leaves_each_row_once(world, whole, tmp_path):
    rows, rejected, _ = whole
    moments = random.Random(14)  # noqa: S311 (no secret)
    (tmp_path / "whole").mkdir()
    seconds = run_code(BACKFILL, "may", str(tmp_path / "whole"))
    for number in range(KILLS):
        forget(world)
        runs = tmp_path / str(number)
        runs.mkdir()
        run_code(BACKFILL, "may", str(runs), until=moments.uniform(0, seconds))
        run_code(BACKFILL, "may", str(runs))
        assert world.query(ALL) == rows
        assert quarantined(world).sort("_source_file").equals(rejected)
        assert world.query("SELECT COUNT(DISTINCT FILE) FROM LOAD_HISTORY") == [(4,)]
        # The watermark stays where it was, at the beginning.
        assert world.query("SELECT COUNT(*) FROM LOAD_WATERMARKS WHERE LOADED_UNTIL > '1970-01-01'") == [(0,)]


def test_an_export_that_is_killed_leaves_the_old_file_or_the_new_one(world):
    land(world, day1=frame(*(order(n) for n in range(1, 3000))))
    run()
    seconds = run_code(EXPORT, "whole")
    moments = random.Random(13)  # noqa: S311 (no secret)
    for number in range(KILLS):
        before = objects(world, "export/")
        world.query("UPDATE ORDERS SET AMOUNT = AMOUNT + 1")
        run_code(EXPORT, f"killed-{number}", until=moments.uniform(0, seconds))
        whole_files = [pl.read_parquet(body).height for body in objects(world, "export/").values()]
        assert whole_files == [2999] * len(before)
        from flows.shared.data import export

        export.export_file.fn(NOTES, "notes", f"again-{number}")
        assert set(world.read("export/notes/")["amount"]) == {world.query("SELECT MAX(AMOUNT) FROM ORDERS")[0][0]}
        assert "Uploads" not in world.s3.list_multipart_uploads(Bucket=world.bucket)
