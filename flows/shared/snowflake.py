"""Snowflake through its own connector: connect with a key pair, load by PUT and COPY, merge."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from flows.shared import own_copy
from flows.shared.private_key import private_key_der

if TYPE_CHECKING:
    from pathlib import Path

    from snowflake.connector import SnowflakeConnection

    from flows.shared.settings import SnowflakeSettings

LOGIN_TIMEOUT_SECONDS = 60
# The connector also cancels a statement that takes longer than its network timeout, so it is above the lock timeout.
NETWORK_TIMEOUT_SECONDS = 1800
# The embedded Snowflake answers what it does not know with HTTP 500, which the connector repeats until this is over.
EMBEDDED_NETWORK_TIMEOUT_SECONDS = 30
# Snowflake itself ends a killed run's transaction after 5 idle minutes if it blocks another one.
LOCK_TIMEOUT_SECONDS = 900


@contextmanager
def connect(settings: SnowflakeSettings, flow: str, run_id: str) -> Iterator[SnowflakeConnection]:
    """A session in the settings' database and schema; its queries carry flow and run id as query tag.

    An open transaction is rolled back and the session closed when the block is left, however it is left. Raises
    PrivateKeyError, and the connector's errors.
    """
    import snowflake.connector

    embedded = settings.protocol == "http"
    address = {"host": settings.host, "port": settings.port, "protocol": settings.protocol}
    passphrase = settings.private_key_passphrase
    connection = snowflake.connector.connect(
        account=settings.account,
        user=settings.user,
        private_key=private_key_der(
            settings.private_key.get_secret_value(), passphrase.get_secret_value() if passphrase else None
        ),
        database=settings.database,
        schema=settings.schema_name,
        warehouse=settings.warehouse,
        role=settings.role,
        application="data_flows",
        login_timeout=LOGIN_TIMEOUT_SECONDS,
        # A NUMBER with a scale comes as a float otherwise.
        arrow_number_to_decimal=True,
        network_timeout=EMBEDDED_NETWORK_TIMEOUT_SECONDS if embedded else NETWORK_TIMEOUT_SECONDS,
        session_parameters={
            "QUERY_TAG": json.dumps({"flow": flow, "flow_run_id": run_id}),
            "TIMEZONE": "UTC",
            "LOCK_TIMEOUT": LOCK_TIMEOUT_SECONDS,
        },
        # The connector takes what is given, None too.
        **{name: value for name, value in address.items() if value is not None},
    )
    try:
        if own_copy.who():  # Nobody made it for them.
            create_schema(connection, settings.schema_name, current=settings.schema_name)
        yield connection
    except BaseException:
        # The error that led here counts, not that the rollback of a broken session fails too.
        with suppress(Exception):
            execute(connection, "ROLLBACK")
        raise
    finally:
        connection.close()


def execute(connection: SnowflakeConnection, sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
    """Run one statement, with `%s` for each value, and return its rows."""
    with connection.cursor() as cursor:
        cursor.execute(sql, tuple(values) or None)
        return cursor.fetchall()


@contextmanager
def transaction(connection: SnowflakeConnection) -> Iterator[None]:
    """Commit what the block does, or roll all of it back. No DDL inside: in Snowflake it commits what came before."""
    execute(connection, "BEGIN TRANSACTION")
    try:
        yield
    except BaseException:
        with suppress(Exception):
            execute(connection, "ROLLBACK")
        raise
    execute(connection, "COMMIT")


def create_schema(connection: SnowflakeConnection, name: str, current: str) -> None:
    """Create a schema if there is none of that name, which takes no right if there is; `current` is the session's."""
    known = "SELECT COUNT(*) FROM INFORMATION_SCHEMA.SCHEMATA WHERE SCHEMA_NAME = %s"
    if execute(connection, known, (name,)) == [(0,)]:
        execute(connection, f"CREATE SCHEMA IF NOT EXISTS {name}")
        # A schema that was just made is the session's own from then on.
        execute(connection, f'USE SCHEMA "{current}"')


def create_table(connection: SnowflakeConnection, table: str, columns: Mapping[str, str], kind: str = "") -> None:
    """Create a table if there is none of that name. `columns`: name to SQL type; `kind`: "TEMPORARY" or nothing."""
    body = ", ".join(f"{name} {sql_type}" for name, sql_type in columns.items())
    execute(connection, f"CREATE {kind} TABLE IF NOT EXISTS {table} ({body})")


def put_parquet(connection: SnowflakeConnection, path: Path, table: str) -> None:
    """Upload a local Parquet file to the table's own stage, replacing one of that name. Not part of a transaction."""
    # Parquet is compressed already.
    execute(connection, f"PUT 'file://{path}' @%{table} AUTO_COMPRESS = FALSE OVERWRITE = TRUE")


def copy_parquet(connection: SnowflakeConnection, table: str) -> int:
    """Load all Parquet files of the table's own stage, columns by name, and return the number of rows loaded."""
    # Without USE_LOGICAL_TYPE Snowflake reads Parquet timestamps as numbers of unknown unit.
    results = execute(
        connection,
        f"COPY INTO {table} FROM @%{table} FILE_FORMAT = (TYPE = PARQUET USE_LOGICAL_TYPE = TRUE) "
        "MATCH_BY_COLUMN_NAME = CASE_INSENSITIVE ON_ERROR = ABORT_STATEMENT",
    )
    return sum(int(result[3]) for result in results)


def merge_sql(
    target: str,
    source: str,
    key: Sequence[str],
    compared: Sequence[str],
    carried: Sequence[str],
    newest: Sequence[str],
    not_older: tuple[str, str] | None = None,
) -> str:
    """A MERGE of `source` into `target` by `key` that writes only rows that are new or differ in a `compared` column.

    `carried` columns are written along and not compared. Of several source rows with one key the first in the order
    `newest` counts, so that the result does not depend on chance. `not_older`: a row is not replaced by one that has
    less in the first of these columns, nor by one with the same there and less in the second.
    """
    written = [*compared, *carried]
    columns = ", ".join([*key, *written])
    incoming = ", ".join(f"incoming.{c}" for c in [*key, *written])
    # A data set may be nothing but its key.
    differs = " OR ".join(f"kept.{c} IS DISTINCT FROM incoming.{c}" for c in compared) or "FALSE"
    if not_older:
        first, second = not_older
        equal = f"kept.{first} = incoming.{first} AND kept.{second} <= incoming.{second}"
        differs = f"({differs}) AND (kept.{first} IS NULL OR kept.{first} < incoming.{first} OR {equal})"
    return f"""
MERGE INTO {target} AS kept USING (
    SELECT {columns} FROM {source}
    QUALIFY ROW_NUMBER() OVER (PARTITION BY {", ".join(key)} ORDER BY {", ".join(newest)}) = 1
) AS incoming
ON {" AND ".join(f"kept.{c} = incoming.{c}" for c in key)}
WHEN MATCHED AND ({differs})
THEN UPDATE SET {", ".join(f"{c} = incoming.{c}" for c in written)}
WHEN NOT MATCHED THEN INSERT ({columns}) VALUES ({incoming})"""  # noqa: S608 (names are constants of the code)


def merge(connection: SnowflakeConnection, sql: str) -> tuple[int, int]:
    """Run a `merge_sql` and return the numbers of rows inserted and updated."""
    [(inserted, updated)] = execute(connection, sql)
    return int(inserted), int(updated)
