"""A folder of SQL files on the embedded Snowflake: what it leaves, in what order, and what a failure says."""

import os
import random
import sys
import threading
from datetime import date, datetime, timedelta, timezone
from pathlib import Path

import pytest
from killing import killed_after
from patience import PATIENCE_SECONDS
from prefect import flow
from sql_folder import DAILY, SOURCE, run, write

from flows.shared.settings import SnowflakeSettings
from flows.shared.sql import run as running
from flows.shared.sql.files import SqlFilesError
from flows.shared.sql.run import OutsideIntervalError, SqlRunError, prepared, run_sql

KILLS = int(os.environ.get("KILLS", "2"))
MAY, JUNE = datetime(2024, 5, 1), datetime(2024, 6, 1)
# 20,000 rows on 28 days of May, one every two minutes.
MANY = """CREATE OR REPLACE TABLE SALES AS
SELECT DATEADD('minute', 2 * X, '2024-05-01'::TIMESTAMP_NTZ) AS SOLD_AT, X AS AMOUNT
FROM (SELECT ROW_NUMBER() OVER (ORDER BY 1) - 1 AS X FROM TABLE(GENERATOR(ROWCOUNT => 20000)))"""
TOTAL = "CREATE OR REPLACE TABLE TOTAL AS SELECT SUM(AMOUNT) AS AMOUNT, COUNT(*) AS DAYS FROM DAILY"
NEWEST = "CREATE OR REPLACE VIEW NEWEST AS SELECT MAX(DAY) AS DAY FROM DAILY"
RUN = """
import sys, time
sys.path.insert(0, "tests/flows/sql")
from datetime import datetime
from pathlib import Path
import snowflake.connector
from sql_folder import run
from flows.shared import snowflake as statements
execute = statements.execute

def slowly(*given):  # So that most moments lie between two statements.
    rows = execute(*given)
    time.sleep(0.3)
    return rows

statements.execute = slowly
print("begun", flush=True)
run(Path(sys.argv[1]), datetime(2024, 5, 1), datetime(2024, 6, 1))
"""


@flow(name="sales")
def sales(folder: Path, start: datetime | None = None, end: datetime | None = None, dry_run: bool = False):
    return run_sql(folder, start=start, end=end, dry_run=dry_run)


def daily(world):
    return world.query("SELECT DAY, AMOUNT FROM DAILY ORDER BY 1")


def test_tables_and_views_are_made_from_each_other(world, tmp_path):
    counts = run(write(tmp_path, sales=SOURCE, daily=DAILY, total=TOTAL, newest=NEWEST), MAY, JUNE)
    assert counts == [(0, 0), (0, 1), (0, 0), (0, 0)]
    assert daily(world) == [(date(2024, 5, 1), 1)]
    assert world.query("SELECT * FROM TOTAL") == [(1, 1)]
    assert world.query("SELECT * FROM NEWEST") == [(date(2024, 5, 1),)]


def test_rows_of_the_interval_are_replaced_and_all_others_stay(world, tmp_path):
    folder = write(tmp_path, sales=MANY, daily=DAILY)
    run(folder, MAY, JUNE)
    before = daily(world)
    assert len(before) == 28
    write(tmp_path, sales=MANY.replace("X AS AMOUNT", "X + 1 AS AMOUNT"))
    assert run(folder, datetime(2024, 5, 3), datetime(2024, 5, 5)) == [(0, 0), (2, 2)]
    changed = {new[0]: new[1] - old[1] for old, new in zip(before, daily(world), strict=True) if new != old}
    assert changed == {date(2024, 5, 3): 720, date(2024, 5, 4): 720}
    # The interval of another zone is the same moments in UTC.
    two_hours_east = timezone(timedelta(hours=2))
    assert run(folder, MAY.replace(hour=2, tzinfo=two_hours_east), datetime(2024, 5, 2)) == [(0, 0), (1, 1)]


def test_rows_outside_the_interval_are_rolled_back_and_refused(world, tmp_path):
    folder = write(tmp_path, sales=MANY, daily=DAILY)
    run(folder, MAY, JUNE)
    before = daily(world)
    write(tmp_path, daily=DAILY.replace("SOLD_AT < :end", "SOLD_AT < :end + INTERVAL '1 day'"))
    with pytest.raises(
        OutsideIntervalError, match=r"daily\.sql:4: got 3 rows inserted and 2 in the interval; expected"
    ):
        run(folder, datetime(2024, 5, 3), datetime(2024, 5, 5))
    assert daily(world) == before


@pytest.mark.parametrize(
    ("start", "end", "message"),
    [
        (None, None, r"daily\.sql:3: got no value for :start; .*`start`\.\n.*:3: got no value for :end;"),
        (MAY, None, r"daily\.sql:3: got no value for :end; expected the run's parameter `end`\.\n.*:4: got no"),
        (JUNE, MAY, "got 2024-06-01 00:00:00.000000 to 2024-05-01 00:00:00.000000; expected a start before the end"),
        (MAY, MAY, "expected a start before the end"),
    ],
)
def test_an_interval_that_is_none_is_refused_before_anything_runs(world, tmp_path, start, end, message):
    with pytest.raises(SqlFilesError, match=message):
        prepared(write(tmp_path, sales=SOURCE, daily=DAILY), SnowflakeSettings.load(), start, end)


def test_names_without_a_schema_are_of_the_sessions(world, tmp_path):
    steps, _ = prepared(write(tmp_path, sales=SOURCE), SnowflakeSettings.load(), None, None)
    assert [file.table for file in steps[0]] == [f"{world.database}.LOADED.SALES"]


@pytest.mark.usefixtures("prefect_server")
def test_a_dry_run_tells_the_order_and_runs_nothing(world, tmp_path, caplog, monkeypatch):
    monkeypatch.setattr(running.snowflake, "connect", None)
    with caplog.at_level("INFO"):
        result = sales(write(tmp_path, sales=SOURCE, daily=DAILY), MAY, JUNE, dry_run=True)
    assert [Path(file).name for file in result.files] == ["sales.sql", "daily.sql"]
    assert (
        f"2. {tmp_path}/daily.sql makes {world.database}.LOADED.DAILY from {world.database}.LOADED.SALES" in caplog.text
    )


@pytest.mark.usefixtures("prefect_server")
def test_a_flow_runs_them_and_reports(world, tmp_path, capfd):
    result = sales(write(tmp_path, sales=MANY, daily=DAILY, total=TOTAL, newest=NEWEST), MAY, JUNE)
    assert (len(result.files), result.rows_deleted, result.rows_inserted) == (4, 0, 28)
    assert sales(tmp_path, MAY, JUNE).rows_deleted == 28
    assert world.query("SELECT DAYS FROM TOTAL") == [(28,)]
    assert capfd.readouterr().out.count('"Files":4,"RowsDeleted":') == 2


@pytest.mark.usefixtures("prefect_server")
def test_what_reads_a_file_that_failed_is_not_run_and_the_rest_is(world, tmp_path):
    other = "CREATE OR REPLACE TABLE OTHER AS SELECT 1 AS X"
    folder = write(tmp_path, sales=SOURCE, daily=DAILY.replace("SUM(AMOUNT)", "SUM(MISSING)"), total=TOTAL, other=other)
    with pytest.raises(SqlRunError) as error:
        sales(folder, MAY, JUNE)
    assert str(error.value).startswith(f"{tmp_path}/daily.sql:4: ")
    assert "MISSING" in str(error.value)
    assert str(error.value).endswith(f"\nNot run, because of what they read: {tmp_path}/total.sql.")
    assert world.query("SELECT * FROM OTHER") == [(1,)]
    assert daily(world) == []


@pytest.mark.usefixtures("prefect_server")
def test_files_that_need_nothing_of_each_other_run_at_once(world, tmp_path, monkeypatch):
    together, execute = threading.Barrier(2, timeout=PATIENCE_SECONDS), running.snowflake.execute

    def waits_for_the_other(connection, sql, values=()):
        together.wait()
        return execute(connection, sql, values)

    monkeypatch.setattr(running.snowflake, "execute", waits_for_the_other)
    two = {name: f"CREATE OR REPLACE TABLE {name} AS SELECT 1 AS X" for name in ("one", "two")}
    assert len(sales(write(tmp_path, **two)).files) == 2


@pytest.mark.usefixtures("prefect_server")
def test_a_lost_connection_is_tried_again(world, tmp_path, monkeypatch):
    execute, calls = running.snowflake.execute, []

    def fails_once(connection, sql, values=()):
        if sql.startswith("INSERT"):
            calls.append(sql)
            if len(calls) == 1:
                raise ConnectionResetError
        return execute(connection, sql, values)

    monkeypatch.setattr(running.snowflake, "execute", fails_once)
    assert sales(write(tmp_path, sales=SOURCE, daily=DAILY), MAY, JUNE).rows_inserted == 1
    assert len(calls) == 2


def test_killed_at_any_moment_and_run_again_each_row_is_there_once(world, tmp_path):
    folder = write(tmp_path, sales=MANY, daily=DAILY, total=TOTAL, newest=NEWEST)
    command = [sys.executable, "-c", RUN, str(folder)]
    seconds = killed_after(None, command)
    whole, moments = daily(world), random.Random(16)  # noqa: S311 (no secret)
    assert len(whole) == 28
    for _ in range(KILLS):
        # Half of it is there, and some of that is wrong.
        world.query("DELETE FROM DAILY WHERE DAY > '2024-05-20'")
        world.query("UPDATE DAILY SET AMOUNT = 0 WHERE DAY > '2024-05-10'")
        killed_after(moments.uniform(0, seconds), command)
        left = daily(world)
        assert left == whole or ([row for row in whole if row[0] < date(2024, 5, 11)] == left[:10] and len(left) == 20)
        run(folder, MAY, JUNE)
        assert daily(world) == whole
        assert world.query("SELECT AMOUNT, DAYS FROM TOTAL") == [(sum(range(20000)), 28)]
