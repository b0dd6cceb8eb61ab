"""The rules of these tests, what they find, and a run of them without Prefect's engine."""

from datetime import UTC, datetime, timedelta

from flows.shared.retention import run as running
from flows.shared.retention.declaration import PrefixRule, TableRule

NOW = datetime(2024, 6, 1, 12, tzinfo=UTC)
CUTOFF = datetime(2024, 5, 22, 12, tzinfo=UTC)  # Ten days before.


def rows_rule(**changes):
    """Visits are kept ten days."""
    declared = {"name": "visits", "table": "VISITS", "column": "SEEN_AT", "keep": timedelta(days=10), "at_most": 0.9}
    return TableRule(**(declared | changes))


def objects_rule(**changes):
    """Reports are kept ten days, by the date in their key."""
    declared = {
        "name": "reports", "prefix": "export/reports/", "keep": timedelta(days=10), "date_in_key": "%Y-%m-%d",
        "at_most": 0.9,
    }  # fmt: skip
    return PrefixRule(**(declared | changes))


def fill(world, kind="TIMESTAMP_NTZ(6)"):
    """Eighty visits, 6, 12, … hours before NOW; two visits have no time."""
    world.query(f"CREATE OR REPLACE TABLE VISITS (ID NUMBER(38, 0), SEEN_AT {kind}, BOT BOOLEAN)")
    world.query(
        "INSERT INTO VISITS "
        "SELECT X, DATEADD('hour', -6 * (X + 1), '2024-06-01 12:00:00'::TIMESTAMP_NTZ), MOD(X, 4) = 0 "
        "FROM (SELECT ROW_NUMBER() OVER (ORDER BY 1) - 1 AS X FROM TABLE(GENERATOR(ROWCOUNT => 80)))"
    )
    world.query("INSERT INTO VISITS VALUES (1000, NULL, TRUE), (1001, NULL, FALSE)")


def put(world, *keys, body=b"x"):
    for key in keys:
        world.s3.put_object(Bucket=world.bucket, Key=key, Body=body)


def keys(world, prefix="export/reports/"):
    found = world.s3.list_objects_v2(Bucket=world.bucket, Prefix=prefix).get("Contents", [])
    return [each["Key"].removeprefix(prefix) for each in found]


def left(world):
    """What is left, without those that have no time, as hours before NOW."""
    rows = world.query("SELECT ID FROM VISITS WHERE SEEN_AT IS NOT NULL ORDER BY ID")
    return [6 * (number + 1) for (number,) in rows]


def batches(world):
    """Of each batch in the order of deletion, until when it went, and how many rows were deleted."""
    return world.query("SELECT UNTIL, ROWS_DELETED FROM RETENTION_HISTORY ORDER BY DELETED_AT, UNTIL")


def count(rule, run_id="run", dry_run=False, cutoff=CUTOFF):
    if isinstance(rule, PrefixRule):
        return running.list_objects.fn(rule, cutoff)
    return running.count_rows.fn(rule, cutoff, "visits_retained", run_id, dry_run=dry_run)


def run(rule, run_id="run", cutoff=CUTOFF):
    """One run of the tasks; counts before, and how many were deleted."""
    found = count(rule, run_id, cutoff=cutoff)
    if isinstance(rule, PrefixRule):
        return found, running.delete_objects.fn(rule, found.over)
    return found, running.delete_rows.fn(rule, cutoff, found, "visits_retained", run_id)
