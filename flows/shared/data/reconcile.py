"""Finds landed files that no load took, though the watermark has passed them: those whose upload ended late."""

from __future__ import annotations

from time import monotonic

from prefect import get_run_logger, task
from prefect.runtime import flow_run
from pydantic import BaseModel

from flows.shared import metrics, s3, snowflake, watermark
from flows.shared.data import history
from flows.shared.data.landing import Landing
from flows.shared.data.listing import list_landing
from flows.shared.data.load import TASK, LoadResult, load
from flows.shared.errors import DataFlowsError
from flows.shared.settings import SnowflakeSettings, StoreSettings

MOST_NAMED = 20


class LateFilesError(DataFlowsError):
    """Files came late and are not loaded; the message names them and how to load them."""


class ReconcileResult(BaseModel, frozen=True):
    """`files_late` no load took. Files older than the load history are not judged: `files_before_history` of them."""

    files_landed: int
    files_before_history: int
    files_late: list[str]
    loaded: LoadResult | None = None


def reconcile(landing: Landing, *, load_late: bool = False) -> ReconcileResult:
    """Compare what landed with the load history. To be called in the body of a flow.

    With `load_late` the files that came late are loaded. Else LateFilesError names them, so that somebody is told.
    """
    started, run_id = monotonic(), str(flow_run.id)
    result = find_late(landing, run_id)
    if result.files_late and load_late:
        result = result.model_copy(update={"loaded": load(landing, files=result.files_late)})
    figures = {"files_landed": result.files_landed, "files_late": len(result.files_late)}
    metrics.report(flow_run.flow_name or landing.name, run_id, {**figures, "seconds": round(monotonic() - started, 3)})
    if result.files_late and not load_late:
        named = ", ".join(result.files_late[:MOST_NAMED])
        more = len(result.files_late) - MOST_NAMED
        raise LateFilesError(
            f"Data set {landing.name}: got {len(result.files_late)} files that came late and were never loaded: {named}"
            f"{f' and {more} more' if more > 0 else ''}; expected none; run this flow with load_late=true to load them."
        )
    get_run_logger().info("%s of %s files came late", len(result.files_late), result.files_landed)
    return result


@task(**TASK)
def find_late(landing: Landing, run_id: str) -> ReconcileResult:
    """List what landed, and leave out what a load took and what the next one will."""
    with snowflake.connect(SnowflakeSettings.load(), landing.name, run_id) as connection:
        watermark.ensure(connection, landing.name)
        history.ensure(connection)
        # The watermark first: a load that ends in between adds to the history.
        until = watermark.read(connection, landing.name).value
        taken, begin = history.known(connection, landing.name)
    files = list_landing(s3.client(), StoreSettings.load().results_bucket, landing).files
    passed = [file for file in files if file.last_modified < until and (file.key, file.etag) not in taken]
    late = [file.key for file in passed if begin is not None and file.last_modified >= begin]
    return ReconcileResult(files_landed=len(files), files_before_history=len(passed) - len(late), files_late=late)
