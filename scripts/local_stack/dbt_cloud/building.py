"""Builds nodes on the embedded Snowflake one after the other, and says how each went as dbt writes it."""

import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import snowflake.connector

from scripts.local_stack.dbt_cloud.projects import Node
from scripts.shared.local_settings import HOST

SCHEMA_VERSION = "https://schemas.getdbt.com/dbt/run-results/v6.json"
GOOD = {"success", "pass"}
Result = dict[str, Any]


@dataclass(frozen=True)
class Warehouse:
    """Where models are built."""

    port: int
    account: str
    database: str
    schema: str

    @contextmanager
    def session(self) -> Iterator[Any]:
        """A session of the connector."""
        with snowflake.connector.connect(
            account=self.account,
            user="DBT_CLOUD",
            password="not-checked",  # noqa: S106 - the embedded Snowflake asks for one and looks at none.
            host=HOST,
            port=self.port,
            protocol="http",
            database=self.database,
            schema=self.schema,
            network_timeout=30,
        ) as connection:
            yield connection


def build(
    nodes: Sequence[Node], warehouse: Warehouse, chosen: Collection[str] | None, is_cancelled: Callable[[], bool]
) -> list[Result]:
    """Build the chosen nodes (all, if None), and skip those that need one that did not end well.

    When cancelled it stops before the next node.
    """
    results: dict[str, Result] = {}
    with warehouse.session() as connection, connection.cursor() as cursor:
        cursor.execute(f"CREATE SCHEMA IF NOT EXISTS {warehouse.database}.{warehouse.schema}")
        for node in (each for each in nodes if chosen is None or each.unique_id in chosen):
            if is_cancelled():
                break
            began = time.monotonic()
            started = datetime.now(UTC)
            if any(need in results and results[need]["status"] not in GOOD for need in node.needs):
                answer: Result = {"status": "skipped", "message": None, "failures": None, "adapter_response": {}}
            else:
                answer = _execute(node, cursor)
            results[node.unique_id] = _result(node, answer, started, time.monotonic() - began)
    return list(results.values())


def run_results(results: list[Result], command: str, seconds: float, invocation: str) -> dict[str, Any]:
    """The file run_results.json of a dbt command."""
    return {
        "metadata": {
            "dbt_schema_version": SCHEMA_VERSION,
            "dbt_version": "embedded",
            "generated_at": datetime.now(UTC).isoformat(),
            "invocation_id": invocation,
            "env": {},
        },
        "results": results,
        "elapsed_time": seconds,
        "args": {"which": command},
    }


def _execute(node: Node, cursor: Any) -> Result:
    try:
        if node.is_test:
            rows = len(cursor.execute(node.sql).fetchall())
            told = f"Got {rows} result{'' if rows == 1 else 's'}, configured to fail if != 0"
            return {
                "status": "fail" if rows else "pass",
                "message": told if rows else None,
                "failures": rows,
                "adapter_response": {},
            }
        _drop_other_kind(node, cursor)
        cursor.execute(f"CREATE OR REPLACE {node.materialized.upper()} {node.relation} AS (\n{node.sql}\n)")
    except snowflake.connector.errors.Error as error:
        kind = "test" if node.is_test else "model"
        message = f"Database Error in {kind} {node.name} ({node.path})\n  {error.msg}"
        return {"status": "error", "message": message, "failures": None, "adapter_response": {}}
    return {
        "status": "success",
        "message": "SUCCESS 1",
        "failures": None,
        "adapter_response": {"_message": "SUCCESS 1", "code": "SUCCESS", "rows_affected": 1},
    }


def _drop_other_kind(node: Node, cursor: Any) -> None:
    """Drop a view where a table is to be, or a table where a view is, as dbt does."""
    other = "TABLE" if node.materialized == "view" else "VIEW"
    _, *place = node.relation.upper().split(".")
    known = f"SELECT COUNT(*) FROM INFORMATION_SCHEMA.{other}S WHERE TABLE_SCHEMA = %s AND TABLE_NAME = %s"  # noqa: S608
    cursor.execute(known if other == "VIEW" else f"{known} AND TABLE_TYPE = 'BASE TABLE'", tuple(place))
    if cursor.fetchone() != (0,):
        cursor.execute(f"DROP {other} {node.relation}")


def _result(node: Node, answer: Result, started: datetime, seconds: float) -> Result:
    ended = datetime.now(UTC).isoformat()
    times = [{"name": "execute", "started_at": started.isoformat(), "completed_at": ended}]
    is_built = answer["status"] != "skipped"
    return {
        **answer,
        "unique_id": node.unique_id,
        "thread_id": "Thread-1",
        "execution_time": seconds,
        "timing": times if is_built else [],
        "compiled": is_built,
        "compiled_code": node.sql if is_built else None,
        "relation_name": None if node.is_test else node.relation,
    }
