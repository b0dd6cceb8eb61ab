"""A run that is killed leaves whole batches, oldest first, and the next one goes on with the rest."""

import os
import random
import sys

from killing import killed_after
from rules import fill, keys, left, objects_rule, put, rows_rule, run

KILLS = int(os.environ.get("KILLS", "2"))
HOURS = range(6, 481, 6)
KEPT_HOURS = list(range(6, 241, 6))
DAYS = [f"2024-05-{day:02}.csv" for day in range(12, 32)]
RUN = """
import sys, time
sys.path.insert(0, "tests/flows/retention")
import snowflake.connector
from rules import objects_rule, rows_rule, run
from flows.shared import snowflake as statements
from flows.shared.retention import prefixes

def slowly(call):  # So that most moments lie between two of them.
    def slow(*given):
        time.sleep(0.02)
        return call(*given)
    return slow

statements.execute, prefixes._delete, prefixes.DELETIONS = slowly(statements.execute), slowly(prefixes._delete), 1
print("begun", flush=True)
run(rows_rule(), sys.argv[1])
run(objects_rule())
"""


def fill_both(world):
    fill(world)
    put(world, *(f"export/reports/{name}" for name in DAYS))


def all_is_over(world):
    assert (left(world), keys(world)) == (KEPT_HOURS, DAYS[10:])


def test_killed_at_any_moment_whole_batches_are_gone_and_the_next_run_goes_on(world):
    command = [sys.executable, "-c", RUN]
    fill_both(world)
    seconds, moments = killed_after(None, [*command, "whole"]), random.Random(18)  # noqa: S311 (no secret)
    all_is_over(world)
    # What is left when the visits of so many days are gone; the first and the last day have two of them.
    borders = {tuple(range(6, last + 1, 6)) for last in (480, *range(468, 251, -24), 240)}
    for number in range(KILLS):
        fill_both(world)
        killed_after(moments.uniform(0, seconds), [*command, f"killed-{number}"])
        there = left(world)
        assert tuple(there) in borders, "a part of a batch is gone, or one out of order, or one too young"
        noted = "SELECT COALESCE(SUM(ROWS_DELETED), 0) FROM RETENTION_HISTORY WHERE FLOW_RUN_ID = %s"
        assert world.query(noted, [f"killed-{number}"]) == [(len(HOURS) - len(there),)]
        objects = keys(world)
        assert objects == DAYS[-len(objects) :], "one is gone out of order"
        assert len(objects) >= 10, "one that is younger than the cut-off is gone"
        run(rows_rule(), f"next-{number}")
        run(objects_rule())
        all_is_over(world)
