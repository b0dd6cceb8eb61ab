"""Watermarks: how far a source has been loaded, kept in the warehouse beside the data and moved in its transaction.

A load takes the half-open interval [last, upper): `upper` is fixed before the source is looked at, and the next load
begins exactly there, so nothing falls between two loads and nothing is in both.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from flows.shared.errors import DataFlowsError
from flows.shared.moments import utc_text
from flows.shared.snowflake import create_table, execute

if TYPE_CHECKING:
    from snowflake.connector import SnowflakeConnection

TABLE = "LOAD_WATERMARKS"
COLUMNS = {
    "NAME": "VARCHAR NOT NULL",
    "LOADED_UNTIL": "TIMESTAMP_NTZ(6) NOT NULL",  # UTC
    "FLOW_RUN_ID": "VARCHAR",
    "DETAILS": "VARCHAR",
    "MOVED_AT": "TIMESTAMP_NTZ(6)",
}
START = datetime(1970, 1, 1, tzinfo=UTC)


class WatermarkMovedError(DataFlowsError):
    """Another run loaded the same interval first; this one must not commit."""


@dataclass(frozen=True)
class Watermark:
    """Loaded up to `value` (UTC, exclusive), by which flow run, and the counts of that run."""

    value: datetime = START
    run_id: str | None = None
    details: dict[str, Any] = field(default_factory=dict)


def ensure(connection: SnowflakeConnection, name: str) -> None:
    """Make the table and the row of `name`, at START, unless they are there. Not inside a transaction: it is DDL."""
    create_table(connection, TABLE, COLUMNS)
    # Two first runs at once may both insert; `read` and `advance` work the same with one row or two.
    execute(
        connection,
        f"INSERT INTO {TABLE} (NAME, LOADED_UNTIL) SELECT %s, %s::TIMESTAMP_NTZ "  # noqa: S608 (a constant)
        f"WHERE NOT EXISTS (SELECT 1 FROM {TABLE} WHERE NAME = %s)",
        (name, utc_text(START), name),
    )


def read(connection: SnowflakeConnection, name: str) -> Watermark:
    """Return how far `name` is loaded; START if `ensure` has just made it."""
    rows = execute(
        connection,
        f"SELECT LOADED_UNTIL, FLOW_RUN_ID, DETAILS FROM {TABLE} WHERE NAME = %s "  # noqa: S608 (a constant)
        "ORDER BY LOADED_UNTIL DESC LIMIT 1",
        (name,),
    )
    if not rows:
        return Watermark()
    value, run_id, details = rows[0]
    return Watermark(value.replace(tzinfo=UTC), run_id, json.loads(details or "{}"))


def advance(
    connection: SnowflakeConnection, name: str, last: datetime, upper: datetime, run_id: str, details: dict[str, Any]
) -> None:
    """Move `name` from `last` to `upper` inside the caller's transaction.

    Raises WatermarkMovedError if it no longer stands at `last`: of two runs that began at the same watermark the
    second one waits here for the first one's lock, then finds it moved, and its caller rolls back.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE {TABLE} SET LOADED_UNTIL = %s::TIMESTAMP_NTZ, FLOW_RUN_ID = %s, DETAILS = %s, "  # noqa: S608
            "MOVED_AT = SYSDATE() WHERE NAME = %s AND LOADED_UNTIL = %s::TIMESTAMP_NTZ",
            (utc_text(upper), run_id, json.dumps(details), name, utc_text(last)),
        )
        moved = cursor.rowcount
    if not moved:
        raise WatermarkMovedError(
            f"Watermark {name}: got another run's value; expected {last.isoformat()}, where this run began. "
            "The other run loaded these files; nothing was written by this one and nothing needs to be done."
        )
