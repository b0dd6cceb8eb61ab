"""Rows whose time is over go in whole batches, oldest first, and no other row does."""

from datetime import datetime, timedelta

import pytest
from rules import CUTOFF, batches, count, fill, left, rows_rule, run

from flows.shared.retention import run as running
from flows.shared.retention import tables
from flows.shared.retention.refused import RetentionRefusedError

# Rows are 6, 12, … hours old. A row exactly ten days old stays.
KEPT = list(range(6, 241, 6))


@pytest.mark.parametrize(
    ("kind", "kept"),
    [
        ("TIMESTAMP_NTZ(6)", KEPT),
        ("TIMESTAMP_NTZ", KEPT),
        ("TIMESTAMP_TZ", KEPT),
        ("TIMESTAMP_LTZ", KEPT),
        # The day in which the cut-off lies is not over.
        ("DATE", list(range(6, 253, 6))),
    ],
)
def test_rows_that_are_over_are_deleted_whatever_type_their_time_has(world, kind, kept):
    fill(world, kind)
    found, deleted = run(rows_rule())
    assert left(world) == kept
    assert (found.before, found.expired, deleted, found.without_time) == (82, 80 - len(kept), 80 - len(kept), 2)
    assert world.query("SELECT COUNT(*) FROM VISITS WHERE SEEN_AT IS NULL") == [(2,)]


def test_they_go_in_batches_of_the_declared_time_oldest_first(world):
    fill(world)
    assert run(rows_rule(batch=timedelta(days=3)))[1] == 40
    history = batches(world)
    # Borders count from 1970, so that those of the next run are the same; the last one is the cut-off.
    assert history == [
        (datetime(2024, 5, 14), 6), (datetime(2024, 5, 17), 12), (datetime(2024, 5, 20), 12),
        (CUTOFF.replace(tzinfo=None), 10),
    ]  # fmt: skip
    assert run(rows_rule(), "next")[1] == 0


def test_a_time_far_back_costs_no_empty_batches(world):
    fill(world)
    world.query("INSERT INTO VISITS VALUES (2000, '1969-07-20 20:17:00', TRUE)")
    found, _ = run(rows_rule(batch=timedelta(hours=1)))
    assert len(found.untils) == 41
    assert left(world) == KEPT


def test_a_dry_run_counts_and_makes_nothing(world):
    fill(world)
    found = count(rows_rule(), dry_run=True)
    assert (found.before, found.expired, len(found.untils)) == (82, 40, 11)
    assert len(left(world)) == 80
    assert world.query("SELECT COUNT(*) FROM INFORMATION_SCHEMA.TABLES WHERE TABLE_NAME = 'RETENTION_HISTORY'") == [
        (0,)
    ]


def test_only_rows_that_meet_the_condition_go(world):
    fill(world)
    # The row 1 is young, and no bot.
    found, deleted = run(rows_rule(where="BOT = %s OR ID = %s -- and no other", values=[True, 1]))
    assert (found.before, found.expired, deleted) == (82, 10, 10)
    bots = {6 * (number + 1) for number in range(40, 80, 4)}
    assert left(world) == [hours for hours in range(6, 481, 6) if hours not in bots]


def test_a_schema_of_its_own_is_looked_into(world):
    fill(world)
    world.query("CREATE SCHEMA RAW")
    world.query("CREATE TABLE RAW.VISITS AS SELECT * FROM LOADED.VISITS")
    assert run(rows_rule(schema="RAW"))[1] == 40
    assert len(left(world)) == 80


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"table": "MISSING"}, "Retention visits: got no such table as LOADED.MISSING; expected a table."),
        ({"schema": "MISSING"}, "got no such table as MISSING.VISITS"),
        ({"table": "SEEN"}, "got (a view|no such table) as LOADED.SEEN"),
        ({"column": "MISSING"}, "got no column MISSING of LOADED.VISITS; .* of which it has: SEEN_AT"),
        ({"column": "ID"}, "got NUMBER as ID of LOADED.VISITS"),
    ],
)  # fmt: skip
def test_a_table_or_column_that_is_not_there_is_refused(world, changes, message):
    fill(world)
    world.query("CREATE VIEW SEEN AS SELECT * FROM VISITS")
    with pytest.raises(RetentionRefusedError, match=message):
        count(rows_rule(**changes))


def test_old_rows_that_arrive_after_the_count_do_not_pass_the_share(world):
    fill(world)
    rule = rows_rule(at_most=0.5)
    found = count(rule)
    world.query("INSERT INTO VISITS SELECT ID + 100, SEEN_AT, BOT FROM VISITS WHERE SEEN_AT = '2024-05-20 12:00:00'")
    world.query("INSERT INTO VISITS SELECT 500, '2024-05-20 12:00:00', BOT FROM VISITS")
    with pytest.raises(RetentionRefusedError, match=r"got 1\d\d of 82 rows"):
        running.delete_rows.fn(rule, CUTOFF, found, "f", "run")
    # Whole batches before that one are gone, and no row of it.
    gone = sum(rows for _, rows in batches(world))
    assert 0 < gone < 40
    assert world.query("SELECT COUNT(*) FROM VISITS WHERE SEEN_AT = '2024-05-20 12:00:00'") == [(85,)]


def test_a_batch_whose_answer_was_lost_is_counted_once(world, monkeypatch):
    fill(world)
    rule, execute, commits = rows_rule(), tables.snowflake.execute, []

    def loses_an_answer(connection, sql, values=()):
        rows = execute(connection, sql, values)
        if sql == "COMMIT":
            commits.append(sql)
            if len(commits) == 3:
                raise ConnectionResetError
        return rows

    found = count(rule)
    monkeypatch.setattr(tables.snowflake, "execute", loses_an_answer)
    with pytest.raises(ConnectionResetError):
        running.delete_rows.fn(rule, CUTOFF, found, "f", "run")
    assert running.delete_rows.fn(rule, CUTOFF, found, "f", "run") == 40
    # A run that is started again counts what it had before.
    again = count(rule)
    assert (again.before, again.expired, again.already) == (82, 40, 40)
    assert left(world) == KEPT
