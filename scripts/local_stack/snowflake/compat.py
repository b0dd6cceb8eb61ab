"""What fakesnow 0.12 answers otherwise than Snowflake, corrected: only what a load meets.

MERGE inside a transaction; COPY by column name into a temporary table; Snowflake's table locks in the simplest form:
one writer at a time, and the transaction of a session that idles in it is rolled back when it blocks another.
"""

import re
import threading
import time
import weakref

import fakesnow.copy_into
import fakesnow.cursor
import snowflake.connector.errors
from sqlglot import exp


class WriteLock:
    """Who may UPDATE, DELETE or MERGE: one session, until its transaction ends."""

    def __init__(self, dead_after_seconds: float) -> None:
        self.dead_after_seconds = dead_after_seconds
        self.free = threading.Condition()
        self.holder = lambda: None
        self.busy = False
        self.used_at = 0.0

    def acquire(self, session: object) -> None:
        """Wait for the lock; end the transaction of a holder that has been idle too long."""
        with self.free:
            while (holder := self.holder()) not in (None, session):
                if not self.busy and time.monotonic() - self.used_at > self.dead_after_seconds:
                    holder._duck_conn.rollback()
                    holder.aborted = True
                    break
                self.free.wait(0.05)
            self.holder, self.busy = weakref.ref(session), True

    def done(self, session: object, ended: bool) -> None:
        """A statement of the session is over; with `ended` so is its transaction."""
        with self.free:
            if self.holder() is session:
                self.busy, self.used_at = False, time.monotonic()
                if ended:
                    self.holder = lambda: None
                    self.free.notify_all()


def add_locks(lock: WriteLock) -> None:
    """Let writing statements of all sessions take turns."""
    execute = fakesnow.cursor.FakeSnowflakeCursor.execute

    def locking(self: fakesnow.cursor.FakeSnowflakeCursor, command: str, *args: object, **kwargs: object) -> object:
        session, word = self._conn, re.match(r"\s*(\w*)", command)[1].upper()
        if getattr(session, "aborted", False):
            session.aborted = session.in_transaction = word not in ("ROLLBACK", "BEGIN")
            if session.aborted:
                raise snowflake.connector.errors.ProgrammingError(
                    msg="Transaction was aborted: its session was idle while it blocked another.", errno=90232
                )
        if word in ("UPDATE", "DELETE", "MERGE"):
            lock.acquire(session)
        try:
            result = execute(self, command, *args, **kwargs)
            if word in ("BEGIN", "COMMIT", "ROLLBACK"):
                session.in_transaction = word == "BEGIN"
            return result
        finally:
            lock.done(session, ended=not getattr(session, "in_transaction", False))

    fakesnow.cursor.FakeSnowflakeCursor.execute = locking


def let_merge_run_in_a_transaction() -> None:
    """Make a MERGE's helper table without notes in fakesnow's databases: DuckDB writes only one in a transaction."""
    run = fakesnow.cursor.FakeSnowflakeCursor._execute

    def plain(self: fakesnow.cursor.FakeSnowflakeCursor, statement: exp.Expression, params: object = None) -> None:
        if isinstance(statement, exp.Create) and statement.find(exp.Table).name.lower() == "merge_candidates":
            self._duck_conn.execute(statement.sql(dialect="duckdb"), params)
        else:
            run(self, statement, params)

    fakesnow.cursor.FakeSnowflakeCursor._execute = plain


def let_copy_see_temporary_tables() -> None:
    """Describe a temporary table by its bare name: DuckDB keeps it outside the database and schema of the session."""
    describe = fakesnow.copy_into._describe_table

    def by_name(table: exp.Table, duck_conn: object, *where: object) -> list[tuple[str, str]]:
        sql = "SELECT column_name, data_type FROM duckdb_columns() WHERE table_name = ? AND database_name = 'temp'"
        return duck_conn.execute(sql, [table.name]).fetchall() or describe(table, duck_conn, *where)

    fakesnow.copy_into._describe_table = by_name


def install(dead_after_seconds: float = 5.0) -> None:
    """Patch fakesnow in this process. An idle transaction that blocks ends after so long; Snowflake waits 300 s."""
    let_merge_run_in_a_transaction()
    let_copy_see_temporary_tables()
    add_locks(WriteLock(dead_after_seconds))
