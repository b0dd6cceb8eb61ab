"""A flow that deletes by rules counts before and after, and deletes nothing if one rule does not fit."""

from datetime import datetime, timedelta

import httpx
import pytest
from prefect import flow
from rules import CUTOFF, NOW, batches, fill, keys, left, objects_rule, put, rows_rule

from flows.shared.retention import run as running
from flows.shared.retention.refused import RetentionRefusedError
from flows.shared.retention.run import retain

pytestmark = pytest.mark.usefixtures("prefect_server")
DAYS = [f"export/reports/2024-05-{day:02}.csv" for day in range(12, 32)]
RULES = {"now": []}


@flow(name="visits_retained")
def visits_retained(dry_run: bool = True, as_of: datetime | None = NOW):
    return retain(RULES["now"], dry_run=dry_run, as_of=as_of)


@pytest.fixture
def filled(world):
    fill(world)
    put(world, *DAYS)
    RULES["now"] = [rows_rule(), objects_rule(batch=3)]
    return world


def test_a_dry_run_tells_what_would_go_and_deletes_nothing(filled, caplog):
    with caplog.at_level("INFO"):
        result = visits_retained()
    assert "visits: 40 of 82 rows of VISITS are older than 2024-05-22 12:00:00 UTC and would be deleted" in caplog.text
    assert result.dry_run
    assert [(each.before, each.expired, each.deleted, each.after) for each in result.rules] == [
        (82, 40, 0, 82),
        (20, 10, 0, 20),
    ]
    assert (len(left(filled)), len(keys(filled))) == (80, 20)


def test_a_run_deletes_and_reports_what_was_there_before_and_after(filled, capfd, prefect_server, monkeypatch):
    delete = running.tables.delete

    def meanwhile(*given):
        total = delete(*given)
        filled.query("INSERT INTO VISITS VALUES (2000, '2024-06-01 11:00:00', TRUE), (2001, NULL, TRUE)")
        return total

    monkeypatch.setattr(running.tables, "delete", meanwhile)
    rows, objects = visits_retained(dry_run=False).rules
    assert (rows.before, rows.expired, rows.deleted, rows.arrived, rows.after) == (82, 40, 40, 2, 44)
    assert (rows.cutoff, rows.without_time, rows.unit, rows.place) == (CUTOFF, 2, "rows", "VISITS")
    assert (objects.before, objects.deleted, objects.arrived, objects.after) == (20, 10, 0, 10)
    assert filled.query("SELECT COUNT(*) FROM VISITS") == [(44,)]
    assert '"RowsBefore":82,"RowsExpired":40,"RowsDeleted":40,"RowsAfter":44,"ObjectsBef' in capfd.readouterr().out
    wanted = {"artifacts": {"key": {"any_": ["visits-retained-retention"]}}}
    [artifact, *_] = httpx.post(f"{prefect_server}/artifacts/filter", json=wanted).json()
    assert '"rule": "visits"' in artifact["data"]
    assert visits_retained(dry_run=False).rules[0].deleted == 0


@pytest.mark.parametrize(("at_most", "of"), [(0.4, "40 of 82"), (0.99, "31 of 31")])
def test_a_larger_share_than_declared_is_refused_and_nothing_deleted(filled, at_most, of):
    """Also if it would be everything."""
    if at_most == 0.99:
        filled.query("DELETE FROM VISITS WHERE SEEN_AT IS NULL OR SEEN_AT >= '2024-05-20 06:00:00'")
    before = left(filled)
    RULES["now"] = [objects_rule(), rows_rule(at_most=at_most), objects_rule(name="no", prefix="export/no/")]
    for dry_run in (True, False):
        with pytest.raises(RetentionRefusedError) as error:
            visits_retained(dry_run=dry_run)
        first, second, third = str(error.value).splitlines()
        assert first == (
            f"Retention visits: got {of} rows of VISITS that are older than 2024-05-22 12:00 UTC; expected at most "
            f"{at_most:.0%}; if all of them may go, run it once with a higher at_most."
        )
        assert second.startswith("Retention no: got no object below")
        assert third == "Nothing was deleted."
    assert (left(filled), len(keys(filled))) == (before, 20)


def test_two_rules_of_one_name_and_a_moment_to_come_are_refused_before_anything_is_counted(filled):
    with pytest.raises(RetentionRefusedError, match=r"as_of: got .* in the future"):
        visits_retained(dry_run=False, as_of=datetime.now(NOW.tzinfo) + timedelta(hours=1))
    RULES["now"] = [rows_rule(), rows_rule(column="ID")]
    with pytest.raises(RetentionRefusedError, match="got the name visits twice"):
        visits_retained(dry_run=False)
    assert len(left(filled)) == 80


def test_a_lost_connection_is_tried_again_and_counted_once(filled, monkeypatch):
    execute, commits = running.snowflake.execute, []

    def loses_an_answer(connection, sql, values=()):
        rows = execute(connection, sql, values)
        commits.extend([sql] if sql == "COMMIT" else [])
        if len(commits) == 3 and sql == "COMMIT":
            raise ConnectionResetError
        return rows

    monkeypatch.setattr(running.snowflake, "execute", loses_an_answer)
    rows, _ = visits_retained(dry_run=False).rules
    assert (rows.before, rows.deleted, rows.arrived, rows.after) == (82, 40, 0, 42)
    assert sum(deleted for _, deleted in batches(filled)) == 40
