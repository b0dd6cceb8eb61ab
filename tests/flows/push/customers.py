"""The push of these tests, and a run of it without Prefect's engine."""

import json

import dataframely as dy

from flows.shared.push import run as running
from flows.shared.push.declaration import Push


class Customer(dy.Schema):
    customer_id = dy.Int64()
    name = dy.String()
    revenue = dy.Decimal(18, 2)
    score = dy.Float64(nullable=True)
    changed_at = dy.Datetime(time_zone="UTC")


def declare(**changes):
    """The declaration, with some of it changed."""
    declared = {
        "name": "customers", "rows": Customer, "query": "SELECT * FROM CUSTOMERS;", "key": ["customer_id"],
        "changed_at": "changed_at", "rejected": rejected, "rows_per_call": 10, "calls_per_second": 1000,
        "timeout_seconds": 0.5, "patience_seconds": 60,
    }  # fmt: skip
    return Push(**(declared | changes))


def rejected(answer):
    """Rows that the API names."""
    return {int(row): reason for row, reason in answer.json().get("rejected", {}).items()}


def fill(world, ids, minute=0):
    """Make or change customers; they are changed at the minute of an hour."""
    world.query(
        "CREATE TABLE IF NOT EXISTS CUSTOMERS (CUSTOMER_ID NUMBER(38, 0), NAME VARCHAR, REVENUE NUMBER(18, 2), "
        "SCORE FLOAT, CHANGED_AT TIMESTAMP_NTZ(6))"
    )
    listed = ", ".join(map(str, ids))
    world.query(f"DELETE FROM CUSTOMERS WHERE CUSTOMER_ID IN ({listed})")  # noqa: S608
    values = ", ".join(f"({n}, 'n{n} \"é', {n}.10, {n}, '2024-05-01 12:{minute:02}:00')" for n in ids)
    world.query(f"INSERT INTO CUSTOMERS SELECT * FROM (VALUES {values})")  # noqa: S608


def run(what, url, run_id="run", settle=0):
    """One run of the tasks; progress and number of dead letters."""
    outbox = running.take_changes.fn(what, run_id, settle)
    progress, letters = running.send_changes.fn(what, url, outbox, run_id)
    running.note_sent.fn(what, outbox, run_id, running.PushResult(rows_read=outbox.rows))
    return progress, letters


def ids(rows):
    return [row["customer_id"] for row in rows]


def letters(world):
    """The open dead letters, by customer."""
    found = world.s3.list_objects_v2(Bucket=world.bucket, Prefix="quarantine/push/customers/").get("Contents", [])
    bodies = [world.s3.get_object(Bucket=world.bucket, Key=each["Key"])["Body"].read() for each in found]
    documents = [json.loads(body) for body in bodies if body]
    return {json.loads(each["row"])["customer_id"]: each["reason"] for each in documents}
