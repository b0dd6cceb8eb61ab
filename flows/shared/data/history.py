"""LOAD_HISTORY: each file that a load took, when and with what outcome, written in the transaction of its rows."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from flows.shared import snowflake
from flows.shared.data.listing import StoredFile
from flows.shared.data.warehouse import INCOMING_FILES

if TYPE_CHECKING:
    from pathlib import Path

    from snowflake.connector import SnowflakeConnection

TABLE = "LOAD_HISTORY"
FILE_COLUMNS = {
    "FILE": "VARCHAR",
    "ETAG": "VARCHAR",
    "MODIFIED": "TIMESTAMP_NTZ(6)",  # UTC
    "SIZE_BYTES": "NUMBER(38,0)",
    "OUTCOME": "VARCHAR",  # loaded, or set aside
    "ROWS_READ": "NUMBER(38,0)",
    "ROWS_QUARANTINED": "NUMBER(38,0)",
    "REASON": "VARCHAR",
}
COLUMNS = {
    "NAME": "VARCHAR",
    "LOAD_ID": "VARCHAR",
    "FLOW_RUN_ID": "VARCHAR",
    "LOADED_AT": "TIMESTAMP_NTZ(6)",
    "LOADED_FROM": "TIMESTAMP_NTZ(6)",  # the watermark before; null where the load left it alone
    **FILE_COLUMNS,
    "DETAILS": "VARCHAR",  # the whole load's counts as JSON
}
LOADED, SET_ASIDE = "loaded", "set aside"


@dataclass
class Taken:
    """What became of one file: its rows and how many of them were rejected, or why the whole file was."""

    file: StoredFile
    rows_read: int = 0
    rows_quarantined: int = 0
    reason: str = ""


def ensure(connection: SnowflakeConnection) -> None:
    """Make the table unless it is there. Not inside a transaction: it is DDL."""
    snowflake.create_table(connection, TABLE, COLUMNS)


def stage(connection: SnowflakeConnection, taken: list[Taken], folder: Path) -> None:
    """Put the files of this load into the session's own table INCOMING_FILES."""
    import polars as pl

    snowflake.create_table(connection, INCOMING_FILES, FILE_COLUMNS, kind="TEMPORARY")
    rows = [
        {
            "FILE": each.file.key,
            "ETAG": each.file.etag,
            "MODIFIED": each.file.last_modified.replace(tzinfo=None),
            "SIZE_BYTES": each.file.size_bytes,
            "OUTCOME": SET_ASIDE if each.reason else LOADED,
            "ROWS_READ": each.rows_read,
            "ROWS_QUARANTINED": each.rows_quarantined,
            "REASON": each.reason or None,
        }
        for each in taken
    ]
    types: dict[str, Any] = {"REASON": pl.String, "MODIFIED": pl.Datetime("us")}
    path = folder / "files.parquet"
    pl.DataFrame(rows, schema_overrides=types).write_parquet(path)
    snowflake.put_parquet(connection, path, INCOMING_FILES)
    snowflake.copy_parquet(connection, INCOMING_FILES)
    path.unlink()


def write(
    connection: SnowflakeConnection,
    name: str,
    load_id: str,
    run_id: str,
    loaded_from: datetime | None,
    details: dict[str, Any],
) -> None:
    """Add the staged files inside the caller's transaction. `loaded_from`: the watermark that the load moves."""
    names = ", ".join(FILE_COLUMNS)
    snowflake.execute(
        connection,
        f"INSERT INTO {TABLE} ({', '.join(COLUMNS)}) "  # noqa: S608 (names are constants of the code)
        f"SELECT %s, %s, %s, SYSDATE(), %s::TIMESTAMP_NTZ, {names}, %s FROM {INCOMING_FILES}",
        (name, load_id, run_id, loaded_from and f"{loaded_from:%Y-%m-%d %H:%M:%S.%f}", json.dumps(details)),
    )


def details_of(connection: SnowflakeConnection, name: str, load_id: str) -> dict[str, Any] | None:
    """Return the counts of a load that has committed, or None."""
    rows = snowflake.execute(
        connection,
        f"SELECT DETAILS FROM {TABLE} WHERE NAME = %s AND LOAD_ID = %s LIMIT 1",  # noqa: S608 (a constant)
        (name, load_id),
    )
    return json.loads(rows[0][0]) if rows else None


def known(connection: SnowflakeConnection, name: str) -> tuple[set[tuple[str, str]], datetime | None]:
    """Return (file, ETag) of every file that a load took, and from which LastModified on (UTC) all of them are here.

    None if no load has written a history yet. Loads before there was a history left no files here.
    """
    rows = snowflake.execute(
        connection,
        f"SELECT FILE, ETAG, MIN(LOADED_FROM) FROM {TABLE} WHERE NAME = %s GROUP BY FILE, ETAG",  # noqa: S608
        (name,),
    )
    begins = [begin.replace(tzinfo=UTC) for *_, begin in rows if begin]
    return {(file, etag) for file, etag, _ in rows}, min(begins, default=None)
