"""A data set's table: made and widened before a load, filled in one transaction."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from flows.shared import own_copy, snowflake
from flows.shared.data.columns import quoted
from flows.shared.data.landing import PROVENANCE, SOURCE_ROW, Landing
from flows.shared.data.refused import DeclarationError

if TYPE_CHECKING:
    from snowflake.connector import SnowflakeConnection

TEXT_BYTES = 16 * 1024**2  # A VARCHAR without a length.
INCOMING = "INCOMING_ROWS"
INCOMING_FILES = "INCOMING_FILES"
# The latest file wins, in it the last row.
NEWEST = [f"{quoted('SOURCE_MODIFIED')} DESC", f"{quoted('SOURCE_FILE')} DESC", f"{quoted(SOURCE_ROW)} DESC"]


def prepare(connection: SnowflakeConnection, landing: Landing) -> list[str]:
    """Make the table, or add the columns that it lacks; return their names.

    DDL commits whatever is open, so this comes before the transaction. Columns that the declaration no longer has
    stay, and are null in new rows. Raises DeclarationError, with the statement that would mend it, if a column's type
    in the table cannot hold the declared one; then nothing was changed.
    """
    declared = {column.name.upper(): column.sql_type for column in landing.columns} | PROVENANCE
    [(current,)] = snowflake.execute(connection, "SELECT CURRENT_SCHEMA()")
    schema = own_copy.schema(landing.schema) or current
    snowflake.create_schema(connection, schema, current)
    table = f"{schema}.{landing.table}"
    there = _columns_there(connection, schema, landing.table)
    if not there:
        snowflake.create_table(connection, table, {quoted(name): kind for name, kind in declared.items()})
        return []
    wrong = [
        f"{name} is {there[name]} in the table; expected {kind}; to change it run "
        f"`ALTER TABLE {table} ALTER COLUMN {quoted(name)} SET DATA TYPE {kind}`, or, where Snowflake refuses that, "
        "add a column of another name"
        for name, kind in declared.items()
        if name in there and not _holds(there[name], kind)
    ]
    if wrong:
        raise DeclarationError(f"Data set {landing.name}: {'; '.join(wrong)}. Nothing was loaded.")
    added = [name for name in declared if name not in there]
    for name in added:
        snowflake.execute(connection, f"ALTER TABLE {table} ADD COLUMN {quoted(name)} {declared[name]}")
    return [name.lower() for name in added]


def create_incoming(connection: SnowflakeConnection, landing: Landing) -> None:
    """Make the session's own table for the rows of this load. JSON is text there until it is merged."""
    kinds = {column.sql_name: column.sql_type.replace("VARIANT", "VARCHAR") for column in landing.columns}
    kinds |= {quoted(name): kind for name, kind in PROVENANCE.items()} | {quoted(SOURCE_ROW): "NUMBER(38,0)"}
    snowflake.create_table(connection, INCOMING, kinds, kind="TEMPORARY")


def copy_incoming(connection: SnowflakeConnection, staged: int) -> int:
    """Load the staged rows into INCOMING, less those of files that were set aside; return how many are left.

    Raises RuntimeError if Snowflake read another number of rows than the `staged` ones.
    """
    if staged and (copied := snowflake.copy_parquet(connection, INCOMING)) != staged:
        raise RuntimeError(f"COPY INTO {INCOMING}: got {copied} rows; expected the {staged} that were put.")
    refused = f"SELECT FILE FROM {INCOMING_FILES} WHERE OUTCOME = 'set aside'"  # noqa: S608 (a constant)
    snowflake.execute(connection, f'DELETE FROM {INCOMING} WHERE "SOURCE_FILE" IN ({refused})')  # noqa: S608
    [(left,)] = snowflake.execute(connection, f"SELECT COUNT(*) FROM {INCOMING}")  # noqa: S608
    return int(left)


def merge(connection: SnowflakeConnection, landing: Landing) -> tuple[int, int]:
    """Merge INCOMING by the key inside the caller's transaction; return the numbers of rows inserted and updated.

    A row of an older file never replaces one of a newer file.
    """
    compared = [column.sql_name for column in landing.columns if column.name not in landing.key]
    carried = [quoted(name) for name in PROVENANCE]
    json = {column.sql_name for column in landing.columns if column.kind == "json"}
    source = INCOMING
    if json:
        every = [*landing.sql_key, *compared, *carried, quoted(SOURCE_ROW)]
        source = f"(SELECT {', '.join(f'PARSE_JSON({c}) AS {c}' if c in json else c for c in every)} FROM {INCOMING})"  # noqa: S608
    latest = quoted("SOURCE_MODIFIED"), quoted("SOURCE_FILE")
    sql = snowflake.merge_sql(landing.full_table, source, landing.sql_key, compared, carried, NEWEST, not_older=latest)
    return snowflake.merge(connection, sql)


def delete_vanished(connection: SnowflakeConnection, landing: Landing) -> int:
    """Delete rows of the load's files that are not among their rows any more; return how many. After `merge`.

    INCOMING_FILES names the files. A row is that of the file from which it was last written.
    """
    key = " AND ".join(f"incoming.{name} = kept.{name}" for name in landing.sql_key)
    with connection.cursor() as cursor:
        cursor.execute(
            f"DELETE FROM {landing.full_table} AS kept "  # noqa: S608 (names are constants of the code)
            f"WHERE kept.\"SOURCE_FILE\" IN (SELECT FILE FROM {INCOMING_FILES} WHERE OUTCOME = 'loaded') "
            f"AND NOT EXISTS (SELECT 1 FROM {INCOMING} AS incoming WHERE {key})"
        )
        return cursor.rowcount or 0


def _columns_there(connection: SnowflakeConnection, schema: str, table: str) -> dict[str, str]:
    """Column to type of the table, as SQL says it; empty if there is no such table."""
    known = "SELECT COUNT(*) FROM INFORMATION_SCHEMA.TABLES WHERE TABLE_SCHEMA = %s AND TABLE_NAME = %s"
    if snowflake.execute(connection, known, (schema, table)) == [(0,)]:
        return {}
    return {name: kind for name, kind, *_ in snowflake.execute(connection, f"DESCRIBE TABLE {schema}.{table}")}


def _holds(there: str, declared: str) -> bool:
    """Whether a column of the type `there` keeps every value of the declared type."""
    (kind, *sizes), (wanted, *needed) = _parts(there), _parts(declared)
    if kind != wanted:
        return False
    if kind == "NUMBER":
        return int(sizes[1]) >= int(needed[1]) and int(sizes[0]) - int(sizes[1]) >= int(needed[0]) - int(needed[1])
    if kind == "VARCHAR":
        return int(sizes[0]) >= TEXT_BYTES
    return kind != "TIMESTAMP_NTZ" or int(sizes[0]) >= int(needed[0])


def _parts(sql_type: str) -> list[str]:
    return re.findall(r"\w+", sql_type)
