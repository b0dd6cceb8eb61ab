"""Sends the rows that changed since the last run to an HTTP API.

Safe to run again, whenever it was stopped: rows are kept in an outbox before they are sent, each call has a key that is
the same for the same rows, and a run goes on where the last one stopped. An API that knows the keys takes each call
once.
"""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING, Any

from prefect import get_run_logger, task
from prefect.cache_policies import NO_CACHE
from prefect.runtime import flow_run
from pydantic import BaseModel

from flows.shared import metrics, s3, snowflake
from flows.shared.errors import NETWORK_RETRIES, DataFlowsError
from flows.shared.push import outbox as outboxes
from flows.shared.push.declaration import Push
from flows.shared.push.outbox import Outbox, Progress
from flows.shared.settings import SnowflakeSettings, StoreSettings

if TYPE_CHECKING:
    from flows.shared.push.api import Api
    from flows.shared.push.dead_letters import DeadLetters

WAREHOUSE: dict[str, Any] = {**NETWORK_RETRIES, "tags": ["data-flows.warehouse"], "cache_policy": NO_CACHE}


class TooManyRejectedError(DataFlowsError):
    """The API refuses more rows than the declaration allows; the run stops before the next call."""


class PushResult(BaseModel, frozen=True):
    """What one run sent. Rows read = sent + rejected; rejected ones are dead letters.

    `rows_sent_again`: dead letters that were taken now. `dead_letters`: how many there are. Counts are those of the
    outbox, also of an earlier run that was stopped.
    """

    rows_read: int = 0
    rows_sent: int = 0
    rows_rejected: int = 0
    rows_sent_again: int = 0
    calls: int = 0
    dead_letters: int = 0


def push(what: Push, url: str, *, send_again: bool = False, settle_seconds: float = 60) -> PushResult:
    """Send the rows that changed since the last run. To be called in the body of a flow.

    `send_again`: first send the dead letters once more. Rows younger than `settle_seconds` wait for the next run.
    Raises ApiRefusedError, ApiUnreachableError, TooManyRejectedError, ExportValueError, and errors of connector and
    boto3; the next run goes on where this one stopped.
    """
    started, run_id = monotonic(), str(flow_run.id)
    again = send_dead_letters(what, url, run_id) if send_again else 0
    outbox = take_changes(what, run_id, settle_seconds)
    progress, letters = send_changes(what, url, outbox, run_id)
    result = PushResult(
        rows_read=outbox.rows,
        rows_sent=outbox.rows - progress.rows_rejected,
        rows_rejected=progress.rows_rejected,
        rows_sent_again=again,
        calls=progress.calls,
        dead_letters=letters,
    )
    note_sent(what, outbox, run_id, result)
    metrics.report(str(flow_run.flow_name), run_id, {**result.model_dump(), "seconds": round(monotonic() - started, 3)})
    if letters:
        get_run_logger().warning("%s rows are in %s; send them with send_again", letters, _letters_place(what))
    return result


@task(**WAREHOUSE)
def take_changes(what: Push, run_id: str, settle_seconds: float) -> Outbox:
    """Write what changed into an outbox, or find the one that is not sent to its end."""
    with snowflake.connect(SnowflakeSettings.load(), what.name, run_id) as connection:
        bucket = StoreSettings.load().results_bucket
        return outboxes.open_outbox(connection, s3.client(), bucket, what, run_id, settle_seconds)


@task(**NETWORK_RETRIES, cache_policy=NO_CACHE)
def send_changes(what: Push, url: str, outbox: Outbox, run_id: str) -> tuple[Progress, int]:
    """Send the outbox from where it stopped; return its progress and how many dead letters there are."""
    from flows.shared.push.api import Api
    from flows.shared.push.dead_letters import DeadLetters

    client, bucket = s3.client(), StoreSettings.load().results_bucket
    letters = DeadLetters(client, bucket, what)
    if not outbox.rows:
        return Progress(), len(letters.open)
    progress = outboxes.read_progress(client, bucket, outbox)
    allowed = progress.rows_rejected + what.most_rejected
    with Api(what, url) as api:
        for lines in outboxes.calls(client, bucket, outbox, progress.rows_done):
            refused = _send(api, what, letters, lines, run_id)
            progress = Progress(
                rows_done=progress.rows_done + len(lines),
                calls=progress.calls + 1,
                rows_rejected=progress.rows_rejected + refused,
            )
            outboxes.write_progress(client, bucket, outbox, progress)
            if progress.rows_rejected > allowed:
                raise TooManyRejectedError(
                    f"Push {what.name}: got more than {what.most_rejected} rows that the API refused; expected at most "
                    f"so many in a run. See the reasons in {_letters_place(what)}; the next run goes on behind them."
                )
    return progress, len(letters.open)


@task(**NETWORK_RETRIES, cache_policy=NO_CACHE)
def send_dead_letters(what: Push, url: str, run_id: str) -> int:
    """Send the dead letters once more; return how many were taken."""
    from flows.shared.push.api import Api
    from flows.shared.push.dead_letters import DeadLetters

    letters, taken = DeadLetters(s3.client(), StoreSettings.load().results_bucket, what), 0
    with Api(what, url) as api:
        for line, refused_at in letters.letters():
            # One a call, so that its key is the same after an interruption; another one than that of the refused call,
            # whose answer the API may repeat.
            taken += 1 - _send(api, what, letters, [line], run_id, refused_at)
    return taken


@task(**WAREHOUSE)
def note_sent(what: Push, outbox: Outbox, run_id: str, result: PushResult) -> None:
    """Move the watermark to the end of the outbox."""
    with snowflake.connect(SnowflakeSettings.load(), what.name, run_id) as connection:
        outboxes.close_outbox(connection, what, outbox, run_id, result.model_dump())


def _send(api: Api, what: Push, letters: DeadLetters, lines: list[str], run_id: str, salt: str = "") -> int:
    """Send rows in one call, or in halves if the API refuses them; return how many became dead letters."""
    from flows.shared.push.api import RowsRefusedError

    key = outboxes.idempotency_key(what.name + salt, lines)
    try:
        refused = api.send([outboxes.row_of(line, what) for line in lines], key)
    except RowsRefusedError as error:
        if len(lines) > 1:
            middle = len(lines) // 2
            return sum(_send(api, what, letters, part, run_id) for part in (lines[:middle], lines[middle:]))
        refused = {0: str(error)}
    for position, line in enumerate(lines):
        if position in refused:
            letters.keep(line, refused[position], run_id)
        else:
            letters.settle(line)
    return len(refused)


def _letters_place(what: Push) -> str:
    from flows.shared.push.dead_letters import PREFIX

    return f"s3://{StoreSettings.load().results_bucket}/{PREFIX}{what.name}/"
