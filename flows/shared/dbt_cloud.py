"""Runs a job of dbt Cloud, once for each call of a flow run, whatever is tried again.

Every run that is started names its flow run as its cause. So whoever comes later, a retry of the task or of the flow,
finds it by that and waits for it, also when the answer to the trigger was lost or the process was killed.
"""

from __future__ import annotations

from collections import Counter
from time import monotonic, sleep
from typing import Any, Literal

from prefect import get_run_logger, task
from prefect.cache_policies import NO_CACHE
from prefect.runtime import flow_run
from pydantic import BaseModel

from flows.shared import metrics
from flows.shared.dbt_cloud_api import ERROR, SUCCESS, DbtCloud, DbtCloudError, Job, Run
from flows.shared.dbt_cloud_results import Figures, failure, figures, is_of_dbt
from flows.shared.errors import NETWORK_RETRIES, DataFlowsError
from flows.shared.settings import DbtCloudSettings

TASK: dict[str, Any] = {**NETWORK_RETRIES, "cache_policy": NO_CACHE}
# dbt Cloud answers 404 for a while for a run that it has just made.
UNKNOWN_SECONDS = 60.0

# Calls of run_job so far, by flow run, its attempt and the job: every attempt counts anew, and so finds the same runs.
_calls: Counter[tuple[str, int, str]] = Counter()


class DbtJobError(DataFlowsError):
    """A run did not succeed; the message names job, step, failed models and tests, and the run's address."""

    def __init__(self, message: str, run: Run, found: Figures) -> None:
        super().__init__(message)
        self.run, self.figures = run, found


class DbtJobRunningError(DataFlowsError):
    """The job is running already, and the flow asked not to wait."""


class Call(BaseModel, frozen=True):
    """One call of a job by a flow run. `origin` is the same in every attempt of the flow run."""

    job: int | str
    origin: str
    attempt: int

    @property
    def cause(self) -> str:
        """What dbt Cloud shows as the cause of the run."""
        return f"{self.origin}, attempt {self.attempt}"

    def own(self, runs: list[Run]) -> list[Run]:
        """Those of `runs`, oldest first, that this call started in any attempt, and those that retry one of them."""
        own: dict[int, Run] = {}
        for run in runs:
            if run.cause.startswith(f"{self.origin}, attempt ") or run.retrying_run_id in own:
                own[run.id] = run
        return list(own.values())


class Started(BaseModel, frozen=True):
    """A run to wait for. `is_own`: whether this flow run has started it."""

    job: Job
    run: Run
    is_own: bool = True


class JobResult(BaseModel, frozen=True):
    """What a run that succeeded did, and where dbt Cloud shows it."""

    run_id: int
    href: str
    figures: Figures


def run_job(
    job: int | str,
    *,
    when_running: Literal["wait", "join", "refuse"] = "wait",
    retries_from_failure: int = 0,
    poll_seconds: float = 10,
) -> JobResult:
    """Run a job by its id or name, wait until it has succeeded, and report its figures. To be called in a flow's body.

    `when_running`, if somebody else has started the job: wait until it is over and then start it; join that run and
    wait for its end; or refuse by DbtJobRunningError. `retries_from_failure`: how often a failed run goes on from
    where it failed. If the flow run is cancelled or its task stopped, the run in dbt Cloud is cancelled, but not one
    that was joined. Raises DbtJobError, and DbtCloudError if dbt Cloud refuses or is not reachable.
    """
    began, name, run_id = monotonic(), str(flow_run.flow_name), str(flow_run.id)
    call, found = _next_call(job, name, run_id), Figures()
    try:
        started = trigger_run(call, when_running, poll_seconds)
        while True:
            try:
                result = wait_for_run(started, poll_seconds)
                break
            except DbtJobError as error:
                found = error.figures
                if not (retries_from_failure and started.is_own and error.run.status == ERROR):
                    raise
                get_run_logger().warning("%s It goes on from there: %s attempts left.", error, retries_from_failure)
                started = retry_run(call, started.job, error.run)
                retries_from_failure -= 1
        found = result.figures
        return result
    except BaseException as error:
        # Cancelled, or the task is stopped. After any other error the run goes on, and the next attempt finds it.
        if not isinstance(error, Exception):
            cancel_runs(call)
        raise
    finally:
        metrics.report(name, run_id, {**found.model_dump(), "seconds": round(monotonic() - began, 3)})


def _next_call(job: int | str, name: str, run_id: str) -> Call:
    attempt = int(flow_run.run_count or 1)
    _calls[run_id, attempt, str(job)] += 1
    number = _calls[run_id, attempt, str(job)]
    return Call(job=job, origin=f"Prefect flow {name}, run {run_id}, call {number} of this job", attempt=attempt)


@task(**TASK)
def trigger_run(call: Call, when_running: str, poll_seconds: float) -> Started:
    """Find the run that this call has started, or start one."""
    with DbtCloud(DbtCloudSettings.load()) as dbt:
        job = dbt.patiently(dbt.job, call.job)

        def started() -> Run | None:
            """What to wait for: a run of this attempt however it ended, or one of an earlier one that did not fail."""
            own = call.own(dbt.newest_runs(job))
            return next(
                (run for run in reversed(own) if run.cause == call.cause or not run.is_over or run.status == SUCCESS),
                None,
            )

        if run := dbt.patiently(started):
            get_run_logger().info("Found %s, which this flow run has started", run)
            return Started(job=job, run=run)
        while other := next((each for each in dbt.patiently(dbt.newest_runs, job) if each.is_under_way), None):
            if when_running == "refuse":
                raise DbtJobRunningError(
                    f"{job}: got {other} ({other.cause or 'no cause'}); expected none under way; run this again later, "
                    "or choose when_running='wait' or 'join'."
                )
            if when_running == "join":
                get_run_logger().info("Joined %s", other)
                return Started(job=job, run=other, is_own=False)
            get_run_logger().info("Waiting for %s, which others have started", other)
            _follow(dbt, job, other, poll_seconds)
        # An attempt whose answer was lost may have started it: each one looks before it triggers.
        run = dbt.patiently(lambda: started() or dbt.trigger(job, call.cause))
        get_run_logger().info("Started %s: %s", job, run)
        return Started(job=job, run=run)


@task(**TASK)
def retry_run(call: Call, job: Job, failed: Run) -> Started:
    """Let a failed run go on from where it failed, unless that has begun already."""
    with DbtCloud(DbtCloudSettings.load()) as dbt:

        def retried() -> Run:
            newest = call.own(dbt.newest_runs(job))[-1]
            return newest if newest.id != failed.id else dbt.retry(failed)

        run = dbt.patiently(retried)
        get_run_logger().info("Retrying %s from its point of failure: %s", job, run)
        return Started(job=job, run=run)


@task(**TASK)
def wait_for_run(started: Started, poll_seconds: float) -> JobResult:
    """Wait until the run is over. Raises DbtJobError if it did not succeed."""
    with DbtCloud(DbtCloudSettings.load()) as dbt:
        _follow(dbt, started.job, started.run, poll_seconds)
        run = dbt.patiently(dbt.run, started.run.id, with_steps=True) or started.run
        steps = [step for step in run.run_steps or [] if is_of_dbt(step)]
        results = [each for step in steps for each in dbt.patiently(dbt.results, run, step)]
    found = figures(results)
    if run.status != SUCCESS:
        raise DbtJobError(failure(started.job, run, results), run, found)
    get_run_logger().info("%s: %s", started.job, found)
    return JobResult(run_id=run.id, href=run.href, figures=found)


def cancel_runs(call: Call) -> None:
    """Cancel what the call has started and still goes on. A failure is logged: the interruption counts."""
    log = get_run_logger()
    try:
        with DbtCloud(DbtCloudSettings.load()) as dbt:
            job = dbt.patiently(dbt.job, call.job)
            for run in call.own(dbt.patiently(dbt.newest_runs, job)):
                if not run.is_over:
                    dbt.patiently(dbt.cancel, run)
                    log.warning("Cancelled in dbt Cloud: %s", run)
    except Exception as error:
        log.error("The run in dbt Cloud may go on, because it could not be cancelled: %s", error)


def _follow(dbt: DbtCloud, job: Job, run: Run, poll_seconds: float) -> None:
    """Wait until the run is over: look often at first, then every `poll_seconds`."""
    began = seen = monotonic()
    status = 0
    while True:
        now = dbt.patiently(dbt.run, run.id)
        if now is None and monotonic() - seen > UNKNOWN_SECONDS:
            raise DbtCloudError(
                f"{job}: got no answer but 404 for its {run}, for {UNKNOWN_SECONDS:.0f} s; expected a run that dbt "
                "Cloud knows; see whether it was deleted."
            )
        if now is not None:
            seen = monotonic()
            if now.is_over:
                return
            if now.status != status:
                status = now.status
                get_run_logger().info("%s: %s", job, now)
        sleep(min(poll_seconds, 1 + (monotonic() - began) / 10))
