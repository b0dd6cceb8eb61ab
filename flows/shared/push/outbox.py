"""The outbox: the rows of one interval of changes as they are sent, kept on S3 until all of them are.

It is written before anything is sent, so calls made again after an interruption hold the same rows under the same keys,
whatever has changed in the warehouse since. Two watermarks stand in LOAD_WATERMARKS: `<name>.taken` says up to where
rows are in an outbox, `<name>.sent` up to where they are sent. Where they differ, an outbox is not sent to its end.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import tempfile
from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from flows.shared import s3, snowflake, watermark
from flows.shared.data.export import write_export
from flows.shared.moments import utc, utc_text
from flows.shared.push.declaration import Push, Row

if TYPE_CHECKING:
    from snowflake.connector import SnowflakeConnection

PREFIX = "results/push/"


class Outbox(BaseModel, frozen=True):
    """Rows whose change is in [last, upper), below `key` of the results bucket; no key if there are none.

    The limits are those of the run that wrote it: calls must not change with the code.
    """

    last: datetime
    upper: datetime
    key: str = ""
    rows: int = 0
    rows_per_call: int
    bytes_per_call: int


class Progress(BaseModel):
    """How many rows of an outbox are sent, in how many calls, and how many of them were rejected."""

    rows_done: int = 0
    calls: int = 0
    rows_rejected: int = 0


def open_outbox(
    connection: SnowflakeConnection, client: Any, bucket: str, what: Push, run_id: str, settle: float
) -> Outbox:
    """The outbox that is not sent to its end, or a new one with what has changed since.

    Rows younger than `settle` seconds wait: one may still be committed with an earlier time. Raises
    WatermarkMovedError if another run took the same rows.
    """
    taken_name, sent_name = f"{what.name}.taken", f"{what.name}.sent"
    for name in (taken_name, sent_name):
        watermark.ensure(connection, name)
    taken, sent = watermark.read(connection, taken_name), watermark.read(connection, sent_name)
    if sent.value < taken.value:
        return Outbox(**taken.details)
    [(now,)] = snowflake.execute(connection, "SELECT SYSDATE()")
    upper = max(taken.value, utc(now) - timedelta(seconds=settle))
    outbox = Outbox(last=taken.value, upper=upper, rows_per_call=what.rows_per_call, bytes_per_call=what.bytes_per_call)
    if upper == taken.value:
        return outbox
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "outbox.jsonl.gz")
        rows = write_export(connection, what.export(changes(what, taken.value, upper)), path)
        if rows:
            key = f"{PREFIX}{what.name}/{run_id}-{upper:%Y%m%dT%H%M%S%f}.jsonl.gz"
            s3.upload_file(client, bucket, key, path)
            outbox = outbox.model_copy(update={"key": key, "rows": rows})
    with snowflake.transaction(connection):
        watermark.advance(connection, taken_name, taken.value, upper, run_id, outbox.model_dump(mode="json"))
    return outbox


def close_outbox(connection: SnowflakeConnection, what: Push, outbox: Outbox, run_id: str, details: Any) -> None:
    """Note that the outbox is sent to its end, unless it is noted already."""
    name = f"{what.name}.sent"
    if watermark.read(connection, name).value < outbox.upper:
        with snowflake.transaction(connection):
            watermark.advance(connection, name, outbox.last, outbox.upper, run_id, details)


def changes(what: Push, last: datetime, upper: datetime) -> str:
    """The rows of the query that changed in [last, upper), oldest first. One without a time is read, to be refused."""
    column = what.changed_at.upper()
    order = ", ".join([column, *(name.upper() for name in what.key)])
    low, high = (f"'{utc_text(moment)}'::TIMESTAMP_NTZ" for moment in (last, upper))
    return (
        f"SELECT * FROM ({what.query.strip().rstrip(';')}\n) "  # noqa: S608 (constants of the code, and times)
        f"WHERE ({column} >= {low} AND {column} < {high}) OR {column} IS NULL ORDER BY {order}"
    )


def calls(client: Any, bucket: str, outbox: Outbox, done: int) -> Iterator[list[str]]:
    """The rows of each call, as lines of JSON, after the first `done` rows."""
    lines: list[str] = []
    size = 0
    with gzip.open(
        client.get_object(Bucket=bucket, Key=outbox.key)["Body"], "rt", encoding="utf-8", newline="\n"
    ) as file:
        for number, line in enumerate(file):
            if number < done:
                continue
            row = line.rstrip("\n")
            if lines and (len(lines) == outbox.rows_per_call or size + len(row.encode()) > outbox.bytes_per_call):
                yield lines
                lines, size = [], 0
            lines.append(row)
            size += len(row.encode())
    if lines:
        yield lines


def idempotency_key(name: str, lines: list[str]) -> str:
    """The same for the same rows, whenever they are sent; as long as a UUID's digits."""
    return hashlib.sha256("\n".join([name, *lines]).encode()).hexdigest()[:32]


def row_of(line: str, what: Push) -> Row:
    """The row with its values: those of decimal columns exactly."""
    row, exact = json.loads(line), json.loads(line, parse_float=Decimal)
    for column in what.columns:
        if column.kind == "decimal" and row[column.name] is not None:
            row[column.name] = Decimal(exact[column.name])
        elif column.kind == "float" and row[column.name] is not None:
            row[column.name] = float(row[column.name])
    return dict(row)


def read_progress(client: Any, bucket: str, outbox: Outbox) -> Progress:
    """How far the outbox is sent."""
    key = f"{outbox.key}.sent"
    # By a listing: of an object that is not there, GET would want the right to list the whole bucket.
    if not client.list_objects_v2(Bucket=bucket, Prefix=key).get("Contents"):
        return Progress()
    return Progress.model_validate_json(client.get_object(Bucket=bucket, Key=key)["Body"].read())


def write_progress(client: Any, bucket: str, outbox: Outbox, progress: Progress) -> None:
    """Note how far it is sent, after each call."""
    client.put_object(Bucket=bucket, Key=f"{outbox.key}.sent", Body=progress.model_dump_json().encode())
