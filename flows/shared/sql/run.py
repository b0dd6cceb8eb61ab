"""Runs a folder of SQL files in order, side by side where it can, each file in one transaction.

Safe to run again, whenever it was stopped: a table or view is replaced whole, and the rows of an interval are deleted
and inserted in one transaction. Whatever is wrong with the files is told before the first statement runs.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any

from prefect import get_run_logger, task
from prefect.cache_policies import NO_CACHE
from prefect.runtime import flow_run
from pydantic import BaseModel

from flows.shared import metrics, snowflake
from flows.shared.errors import NETWORK_RETRIES, DataFlowsError
from flows.shared.moments import Moment, utc_text
from flows.shared.settings import SnowflakeSettings

if TYPE_CHECKING:
    from prefect.futures import PrefectFuture

    from flows.shared.sql.files import SqlFile
    from flows.shared.sql.statements import Statement


class SqlRunError(DataFlowsError):
    """Files failed; the message names each with its reason, and those that did not run because of them."""


class OutsideIntervalError(DataFlowsError):
    """An INSERT gives rows outside the interval, which another run would insert again; it was rolled back."""


class SqlResult(BaseModel, frozen=True):
    """What one run did: the files in their order, and the rows that interval files deleted and inserted."""

    files: list[str] = []
    rows_deleted: int = 0
    rows_inserted: int = 0


def run_sql(folder: Path, *, start: Moment = None, end: Moment = None, dry_run: bool = False) -> SqlResult:
    """Run the folder's SQL files. To be called in the body of a flow.

    `start`, `end`: the half-open interval whose rows interval files replace; moments without a zone are UTC. `dry_run`:
    only log the order. Raises SqlFilesError before anything runs; SqlRunError when every file has run that could.
    """
    from flows.shared.sql.order import in_words

    started, log = monotonic(), get_run_logger()
    steps, values = prepared(folder, SnowflakeSettings.load(), start, end)
    log.info("%s\n%s", "Order, of which nothing is run" if dry_run else "Order", in_words(steps))
    result = SqlResult(files=[file.path for step in steps for file in step])
    if dry_run:
        return result
    flow, run_id = str(flow_run.flow_name), str(flow_run.id)
    futures: dict[str, PrefectFuture[tuple[int, int]]] = {}
    for file in (file for step in steps for file in step):
        # Those that make what it reads are ahead of it.
        before = [futures[table] for table in file.reads if table in futures]
        named = run_file.with_options(task_run_name=Path(file.path).stem)
        futures[file.table] = named.submit(file, values, flow, run_id, wait_for=before, return_state=False)
    counts = _counts(futures, {file.table: file for step in steps for file in step})
    result = result.model_copy(update={"rows_deleted": counts[0], "rows_inserted": counts[1]})
    figures = {"files": len(result.files), "rows_deleted": counts[0], "rows_inserted": counts[1]}
    metrics.report(flow, run_id, {**figures, "seconds": round(monotonic() - started, 3)})
    return result


def prepared(
    folder: Path, settings: SnowflakeSettings, start: Moment, end: Moment
) -> tuple[list[list[SqlFile]], dict[str, str]]:
    """The files in steps, and the values of their parameters. Raises SqlFilesError."""
    from flows.shared.sql.files import SqlFilesError, read_folder
    from flows.shared.sql.order import ordered

    steps = ordered(read_folder(folder, settings.database, settings.schema_name))
    values = {name: utc_text(value) for name, value in (("start", start), ("end", end)) if value}
    unbound = [
        f"{file.path}:{statement.line}: got no value for :{name}; expected the run's parameter `{name}`."
        for step in steps
        for file in step
        for statement in file.statements
        for name in dict.fromkeys(statement.parameters)
        if name not in values
    ]
    if unbound:
        raise SqlFilesError("\n".join(unbound))
    if len(values) == 2 and not values["start"] < values["end"]:
        raise SqlFilesError(f"Interval: got {values['start']} to {values['end']}; expected a start before the end.")
    return steps, values


@task(**NETWORK_RETRIES, tags=["data-flows.warehouse"], cache_policy=NO_CACHE)
def run_file(file: SqlFile, values: Mapping[str, str], flow: str, run_id: str) -> tuple[int, int]:
    """Run one file; return how many rows of the interval were deleted and inserted."""
    with snowflake.connect(SnowflakeSettings.load(), flow, run_id) as connection:

        def run(statement: Statement) -> Any:
            values_of_it = [values[name] for name in statement.parameters]
            try:
                return snowflake.execute(connection, statement.template, values_of_it)
            except Exception as error:
                error.add_note(f"{file.path}:{statement.line}")
                raise

        if file.counted is None:
            run(file.statements[0])
            return 0, 0
        *before, delete, insert = file.statements
        for statement in before:  # DDL, which commits.
            run(statement)
        with snowflake.transaction(connection):
            [(deleted, *_)], [(inserted, *_)] = run(delete), run(insert)
            [(inside,)] = run(file.counted)
            if inside != inserted:
                raise OutsideIntervalError(
                    f"{file.path}:{insert.line}: got {inserted} rows inserted and {inside} in the interval; expected "
                    "the same: let the SELECT give rows of the interval only. It was rolled back."
                )
        return int(deleted), int(inserted)


def _counts(futures: Mapping[str, PrefectFuture[tuple[int, int]]], files: Mapping[str, SqlFile]) -> tuple[int, int]:
    """Rows deleted and inserted by all files together. Raises SqlRunError."""
    deleted = inserted = 0
    failed: list[str] = []
    left: list[str] = []
    first: BaseException | None = None
    for table, future in futures.items():
        future.wait()
        got: Any = future.state.result(raise_on_failure=False) if future.state.is_final() else None
        if future.state.is_completed():
            deleted, inserted = deleted + got[0], inserted + got[1]
        elif isinstance(got, BaseException) and future.state.name != "NotReady":
            first = first or got
            where = getattr(got, "__notes__", [files[table].path])[-1]
            failed.append(str(got) if isinstance(got, DataFlowsError) else f"{where}: {got}")
        else:
            left.append(files[table].path)
    if failed or left:
        rest = f"\nNot run, because of what they read: {', '.join(left)}." if left else ""
        raise SqlRunError("\n".join(failed) + rest) from first
    return deleted, inserted
