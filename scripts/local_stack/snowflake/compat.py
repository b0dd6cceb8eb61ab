"""Corrects where fakesnow 0.12 answers differently from Snowflake, as far as a load notices it.

MERGE inside a transaction; COPY by column name into a temporary table; Snowflake's table locks in the simplest form:
one writer at a time, and the transaction of a session that idles in it is rolled back when it blocks another.
"""

import re
import threading
import time
import weakref
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import fakesnow.copy_into
import fakesnow.cursor
import snowflake.connector.errors
from fakesnow.conn import FakeSnowflakeConnection
from sqlglot import exp

from scripts.local_stack.patches import Original, replace

Cursor = fakesnow.cursor.FakeSnowflakeCursor


class WriteLock:
    """Who may UPDATE, DELETE or MERGE: one session, until its transaction ends."""

    def __init__(self, dead_after_seconds: float) -> None:
        self.dead_after_seconds = dead_after_seconds
        self.free = threading.Condition()
        self.holder: Callable[[], FakeSnowflakeConnection | None] = lambda: None
        self.busy = False
        self.used_at = 0.0
        self.in_transaction: weakref.WeakSet[FakeSnowflakeConnection] = weakref.WeakSet()
        self.aborted: weakref.WeakSet[FakeSnowflakeConnection] = weakref.WeakSet()

    def acquire(self, session: FakeSnowflakeConnection) -> None:
        """Wait for the lock; end the transaction of a holder that has been idle too long."""
        with self.free:
            while (holder := self.holder()) is not None and holder is not session:
                if not self.busy and time.monotonic() - self.used_at > self.dead_after_seconds:
                    holder._duck_conn.rollback()
                    self.aborted.add(holder)
                    break
                self.free.wait(0.05)
            self.holder, self.busy = weakref.ref(session), True

    def finish_statement(self, session: FakeSnowflakeConnection) -> None:
        """A statement of the session is over. Outside a transaction, the session gives the lock back."""
        with self.free:
            if self.holder() is session:
                self.busy, self.used_at = False, time.monotonic()
                if session not in self.in_transaction:
                    self.holder = lambda: None
                    self.free.notify_all()


def add_locks(lock: WriteLock) -> None:
    """Let writing statements of all sessions take turns, and so those that create: fakesnow notes what they create."""
    defining = threading.Lock()

    def execute_with_lock(execute: Original, cursor: Cursor, command: str, *args: Any, **kwargs: Any) -> Any:
        session, word = cursor._conn, re.split(r"\W", command.lstrip(), maxsplit=1)[0].upper()
        if session in lock.aborted:
            if word not in ("ROLLBACK", "BEGIN"):
                raise snowflake.connector.errors.ProgrammingError(
                    msg="Transaction was aborted: its session was idle while it blocked another.", errno=90232
                )
            lock.aborted.discard(session)
            lock.in_transaction.discard(session)
        if word in ("UPDATE", "DELETE", "MERGE"):
            lock.acquire(session)
        try:
            with defining if word in ("CREATE", "ALTER", "DROP") else nullcontext():
                result = execute(cursor, command, *args, **kwargs)
            if word == "BEGIN":
                lock.in_transaction.add(session)
            elif word in ("COMMIT", "ROLLBACK"):
                lock.in_transaction.discard(session)
            return result
        finally:
            lock.finish_statement(session)

    replace(Cursor, "execute", execute_with_lock)


def _execute_merge_helper(execute: Original, cursor: Cursor, statement: exp.Expr, params: Any = None) -> None:
    """Create a MERGE's helper table directly: fakesnow also writes to a second database, which no transaction may."""
    table = statement.find(exp.Table) if isinstance(statement, exp.Create) else None
    if table and table.name.lower() == "merge_candidates":
        cursor._duck_conn.execute(statement.sql(dialect="duckdb"), params)
    else:
        execute(cursor, statement, params)


def _describe_temporary_table(describe: Original, table: exp.Table, duck_conn: Any, *where: Any) -> Any:
    """Describe a temporary table by its bare name: DuckDB keeps it outside the database and schema of the session."""
    sql = "SELECT column_name, data_type FROM duckdb_columns() WHERE table_name = ? AND database_name = 'temp'"
    return duck_conn.execute(sql, [table.name]).fetchall() or describe(table, duck_conn, *where)


def install(dead_after_seconds: float = 5.0) -> None:
    """Patch fakesnow in this process. An idle transaction that blocks ends after so long; Snowflake waits 300 s."""
    replace(Cursor, "_execute", _execute_merge_helper)
    replace(fakesnow.copy_into, "_describe_table", _describe_temporary_table)
    add_locks(WriteLock(dead_after_seconds))
