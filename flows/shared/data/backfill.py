"""Loads a past interval again, spread over runs of the data set's own deployment."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import Any, Literal

from prefect import get_run_logger, task
from prefect.deployments import arun_deployment
from prefect.runtime import flow_run
from pydantic import BaseModel

from flows.shared import s3
from flows.shared.data.landing import Landing
from flows.shared.data.listing import StoredFile, list_landing
from flows.shared.data.load import TASK, Moment
from flows.shared.errors import DataFlowsError
from flows.shared.moments import utc
from flows.shared.settings import StoreSettings

POLL_SECONDS = 5


class BackfillError(DataFlowsError):
    """Some of the runs did not complete; the message names their parts and states."""


class BackfillResult(BaseModel, frozen=True):
    """How many runs loaded how many files; `runs_before` of them had completed in an earlier attempt."""

    files: int
    runs: int
    runs_before: int


class Part(BaseModel, frozen=True):
    """What one run loads: the parameters for it, and a name for people."""

    name: str
    files: int
    parameters: dict[str, Any]


async def backfill(
    landing: Landing,
    deployment: str,
    since: datetime,
    until: Moment = None,
    *,
    by: Literal["day"] | int = "day",
    at_once: int = 4,
    name: str = "",
    parameters: dict[str, Any] | None = None,
) -> BackfillResult:
    """Load the files whose LastModified is in [since, until) by runs of `deployment`. To be called in a flow's body.

    One run takes the files of a day (UTC), or of `by` files; `at_once` of them run side by side. Their loads leave the
    watermark alone. Every part is tried, then BackfillError names those that did not complete. Started again with the
    same `name` (default: this flow run, so its retry), parts that have completed are not run again. `parameters` are
    given to every run.
    """
    run_name = name or str(flow_run.id)
    files = list_interval(landing, since, until)
    parts = list(split(files, by))
    places, started, log = asyncio.Semaphore(at_once), datetime.now(UTC), get_run_logger()

    async def run_part(part: Part) -> tuple[str, bool, bool]:
        async with places:
            state, is_old = await run(deployment, part, run_name, {**(parameters or {}), **part.parameters}, started)
        log.info("%s: %s", part.name, state)
        return f"{part.name}: {state}", state == "Completed", is_old

    ended = await asyncio.gather(*(run_part(part) for part in parts))
    if failed := [told for told, is_good, _ in ended if not is_good]:
        raise BackfillError(
            f"Data set {landing.name}: got {len(failed)} of {len(parts)} parts that did not complete: "
            f"{'; '.join(failed[:20])}; expected all; mend the cause and run this again with name={run_name!r}, which "
            "repeats only these."
        )
    return BackfillResult(files=len(files), runs=len(parts), runs_before=sum(is_old for *_, is_old in ended))


@task(**TASK)
def list_interval(landing: Landing, since: datetime, until: Moment) -> list[StoredFile]:
    """The files of the interval, oldest first; without `until` all that have landed."""
    listing = list_landing(s3.client(), StoreSettings.load().results_bucket, landing)
    end = utc(until) if until else listing.began_at
    return [file for file in listing.files if utc(since) <= file.last_modified < end]


def split(files: Sequence[StoredFile], by: Literal["day"] | int) -> Iterator[Part]:
    """Yield the parts, oldest first."""
    if by == "day":
        for day, of_day in groupby(files, key=lambda file: file.last_modified.date()):
            held = list(of_day)
            first, last = held[0].last_modified, held[-1].last_modified + timedelta(seconds=1)
            interval = {"since": first.isoformat(), "until": last.isoformat()}
            yield Part(name=day.isoformat(), files=len(held), parameters=interval)
        return
    for start in range(0, len(files), by):
        keys = [file.key for file in files[start : start + by]]
        yield Part(name=f"files {start + 1} to {start + len(keys)}", files=len(keys), parameters={"files": keys})


async def run(
    deployment: str, part: Part, run_name: str, parameters: dict[str, Any], started: datetime
) -> tuple[str, bool]:
    """Run one part to its end; return its state's name, and whether that was in an earlier attempt."""
    identity = hashlib.sha256(f"{deployment} {run_name} {part.model_dump_json()}".encode()).hexdigest()[:24]
    for attempt in range(100):
        # Prefect answers a key that it knows with the run that has it.
        made = await arun_deployment(
            deployment, parameters=parameters, idempotency_key=f"{identity}-{attempt}", timeout=None,
            poll_interval=POLL_SECONDS,
        )  # fmt: skip
        state = made.state
        is_old = made.created is not None and made.created < started
        if state is None or not is_old or state.is_completed():
            return str(state.name) if state else "unknown", is_old
    return "not run: 100 earlier attempts did not complete", True
