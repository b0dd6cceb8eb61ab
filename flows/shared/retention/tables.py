"""Rows of a table whose time is over: counted, and deleted a batch a transaction, oldest first.

RETENTION_HISTORY has a row for each batch, written in its transaction. So what a run has deleted is known exactly,
however often it was interrupted.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from pydantic import BaseModel

from flows.shared import snowflake
from flows.shared.data.columns import quoted
from flows.shared.moments import utc_text
from flows.shared.retention.declaration import HISTORY, TableRule
from flows.shared.retention.refused import RetentionRefusedError, too_many

if TYPE_CHECKING:
    from snowflake.connector import SnowflakeConnection

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
HISTORY_COLUMNS = {
    "NAME": "VARCHAR",  # the rule's
    "FLOW_RUN_ID": "VARCHAR",
    "TABLE_NAME": "VARCHAR",
    "CUTOFF": "TIMESTAMP_NTZ(6)",  # UTC
    "UNTIL": "TIMESTAMP_NTZ(6)",  # rows of the batch are older
    "ROWS_DELETED": "NUMBER(38,0)",
    "DELETED_AT": "TIMESTAMP_NTZ(6)",
}
# A moment (UTC) as a value that a column of the type is compared with. A date is over when its day is.
BOUNDS = {
    "DATE": "%s::TIMESTAMP_NTZ::DATE",
    "TIMESTAMP_NTZ": "%s::TIMESTAMP_NTZ",
    "TIMESTAMP_LTZ": "%s::TIMESTAMP_TZ",
    "TIMESTAMP_TZ": "%s::TIMESTAMP_TZ",
}


class Rows(BaseModel, frozen=True):
    """A table's rows at one moment: all, those whose time is over, those without a time.

    `already` were deleted by this run before; `before` and `expired` count them. `kind`: the column's type. `untils`:
    where batches end (UTC), oldest first.
    """

    kind: str
    before: int
    expired: int
    without_time: int
    already: int
    untils: list[datetime]


def count(connection: SnowflakeConnection, rule: TableRule, cutoff: datetime, run_id: str, *, dry_run: bool) -> Rows:
    """Count by one statement, so at one moment. Raises RetentionRefusedError if there is no such table or column."""
    kind = _kind(connection, rule)
    already = 0
    if not dry_run:
        snowflake.create_table(connection, HISTORY, HISTORY_COLUMNS)
        already = deleted_by(connection, rule, run_id)
    column, seconds = quoted(rule.column), int(rule.batch.total_seconds())
    found = snowflake.execute(
        connection,
        f"SELECT FLOOR(DATEDIFF('second', '1970-01-01'::DATE, {column}) / {seconds}) AS BATCH, "  # noqa: S608 (names of the declaration)
        f"COUNT(*), COUNT_IF({_is_over(rule, kind)}) FROM {rule.full_table} GROUP BY 1 ORDER BY 1",
        _values(rule, kind, cutoff),
    )
    ends = [EPOCH + (int(batch) + 1) * rule.batch for batch, _, expired in found if batch is not None and expired]
    return Rows(
        kind=kind,
        before=already + sum(int(rows) for _, rows, _ in found),
        expired=already + sum(int(expired) for *_, expired in found),
        without_time=sum(int(rows) for batch, rows, _ in found if batch is None),
        already=already,
        # The last one is the cut-off, wherever its batch would end.
        untils=[*(min(end, cutoff) for end in ends[:-1]), *([cutoff] if ends else [])],
    )


def delete(connection: SnowflakeConnection, rule: TableRule, cutoff: datetime, rows: Rows, run_id: str) -> int:
    """Delete batch after batch; return how many rows this run has deleted, in earlier attempts too.

    Raises RetentionRefusedError before a batch by which more than the rule's share of the rows would be deleted, as
    when many old ones arrive after they were counted; batches before it stay deleted.
    """
    total = deleted_by(connection, rule, run_id)
    for until in rows.untils:
        with snowflake.transaction(connection):
            [(deleted, *_)] = snowflake.execute(
                connection,
                f"DELETE FROM {rule.full_table} WHERE {_is_over(rule, rows.kind)}",  # noqa: S608 (names of the declaration)
                _values(rule, rows.kind, until),
            )
            if total + deleted > rule.at_most * rows.before:
                raise RetentionRefusedError(too_many(rule, "rows", total + deleted, rows.before, cutoff))
            snowflake.execute(
                connection,
                f"INSERT INTO {HISTORY} ({', '.join(HISTORY_COLUMNS)}) "
                "SELECT %s, %s, %s, %s::TIMESTAMP_NTZ, %s::TIMESTAMP_NTZ, %s, SYSDATE()",
                (rule.name, run_id, rule.full_table, utc_text(cutoff), utc_text(until), deleted),
            )
        total += deleted
    return total


def deleted_by(connection: SnowflakeConnection, rule: TableRule, run_id: str) -> int:
    """How many rows the run has deleted by the rule."""
    sql = f"SELECT COALESCE(SUM(ROWS_DELETED), 0) FROM {HISTORY} WHERE NAME = %s AND FLOW_RUN_ID = %s"  # noqa: S608
    [(total,)] = snowflake.execute(connection, sql, (rule.name, run_id))
    return int(total)


def count_all(connection: SnowflakeConnection, rule: TableRule) -> int:
    """How many rows the table has."""
    [(rows,)] = snowflake.execute(connection, f"SELECT COUNT(*) FROM {rule.full_table}")  # noqa: S608
    return int(rows)


def _is_over(rule: TableRule, kind: str) -> str:
    besides = f" AND ({rule.where}\n)" if rule.where else ""
    return f"{quoted(rule.column)} < {BOUNDS[kind]}{besides}"


def _values(rule: TableRule, kind: str, moment: datetime) -> list[object]:
    zone = " +00:00" if BOUNDS[kind].endswith("_TZ") else ""
    return [utc_text(moment) + zone, *rule.values]


def _kind(connection: SnowflakeConnection, rule: TableRule) -> str:
    """The column's type."""
    schema, _, table = rule.full_table.rpartition(".")
    if not schema:
        [(schema,)] = snowflake.execute(connection, "SELECT CURRENT_SCHEMA()")
    there = "SELECT TABLE_TYPE FROM INFORMATION_SCHEMA.TABLES WHERE TABLE_SCHEMA = %s AND TABLE_NAME = %s"
    kinds = snowflake.execute(connection, there, (schema, table))
    if kinds != [("BASE TABLE",)]:
        got = "a view" if kinds else "no such table"
        raise RetentionRefusedError(f"Retention {rule.name}: got {got} as {schema}.{table}; expected a table.")
    has = "SELECT COLUMN_NAME, DATA_TYPE FROM INFORMATION_SCHEMA.COLUMNS WHERE TABLE_SCHEMA = %s AND TABLE_NAME = %s"
    columns = dict(snowflake.execute(connection, has, (schema, table)))
    kind = columns.get(rule.column)
    if kind not in BOUNDS:
        got = f"{kind} as" if kind else "no column"
        usable = ", ".join(name for name, type_ in columns.items() if type_ in BOUNDS) or "none, so another table"
        raise RetentionRefusedError(
            f"Retention {rule.name}: got {got} {rule.column} of {schema}.{table}; expected a DATE or TIMESTAMP, of "
            f"which it has: {usable}."
        )
    return str(kind)
