"""dbt Cloud's administrative API, version 2: what a job and a run are, and when a call is made again."""

from __future__ import annotations

import difflib
import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any, ParamSpec, Self, TypeVar

import httpx
from pydantic import BaseModel
from tenacity import RetryCallState, Retrying, retry_if_exception, stop_before_delay, wait_random_exponential

from flows.shared.errors import DataFlowsError, is_transient
from flows.shared.http_api import asked_wait
from flows.shared.settings import DbtCloudSettings

# How long a call that may succeed later is made again; then its failure counts.
PATIENCE_SECONDS = 300.0
TIMEOUT = httpx.Timeout(30, connect=10)
BACKOFF = wait_random_exponential(multiplier=1, min=1, max=30)
PAGE = 100  # The most that dbt Cloud lists at once.

SUCCESS, ERROR, CANCELLED = 10, 20, 30
UNDER_WAY = (1, 2, 3)  # Queued, starting, running.
WORDS = {1: "queued", 2: "starting", 3: "running", SUCCESS: "success", ERROR: "error", CANCELLED: "cancelled"}

Arguments = ParamSpec("Arguments")
Answer = TypeVar("Answer")


class DbtCloudError(DataFlowsError):
    """dbt Cloud refuses what is asked, or is not reachable; the message says what to do."""


class Job(BaseModel, frozen=True):
    """A job. `state` 1 is active, 2 deleted; dbt Cloud deactivates one that failed too often."""

    id: int
    name: str
    state: int = 1
    deactivated: bool = False

    def __str__(self) -> str:
        return f"dbt Cloud job {self.name} (id {self.id})"


class Trigger(BaseModel, frozen=True):
    """Why a run was started."""

    cause: str | None = None


class Step(BaseModel, frozen=True):
    """A step of a run, in its order from 1; `logs` is what it wrote."""

    index: int
    name: str = ""
    status: int | None = None
    logs: str | None = None


class Run(BaseModel, frozen=True):
    """A run of a job. `href` is its page, `retrying_run_id` the run that it retries from its point of failure."""

    id: int
    job_definition_id: int
    status: int
    status_message: str | None = None
    href: str = ""
    retrying_run_id: int | None = None
    retry_not_supported_reason: str | None = None
    trigger: Trigger | None = None
    run_steps: list[Step] | None = None

    @property
    def is_over(self) -> bool:
        """Whether it will not change any more."""
        return self.status in (SUCCESS, ERROR, CANCELLED)

    @property
    def is_under_way(self) -> bool:
        """Whether it runs or will."""
        return self.status in UNDER_WAY

    @property
    def cause(self) -> str:
        """Why it was started; empty if that was not asked for."""
        return (self.trigger and self.trigger.cause) or ""

    def __str__(self) -> str:
        return f"run {self.id}, {WORDS.get(self.status, f'status {self.status}')}, {self.href or 'no address'}"


class DbtCloud:
    """The account of the settings. Each method is one attempt; `patiently` makes it again."""

    def __init__(self, settings: DbtCloudSettings) -> None:
        self.settings = settings
        self.client = httpx.Client(
            base_url=f"{settings.host}/api/v2/accounts/{settings.account_id}/",
            headers={"Authorization": f"Token {settings.token.get_secret_value()}"},
            timeout=TIMEOUT,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.client.close()

    def patiently(
        self, call: Callable[Arguments, Answer], *args: Arguments.args, **options: Arguments.kwargs
    ) -> Answer:
        """Make a call until it is answered, or PATIENCE_SECONDS are over; after 429 as late as dbt Cloud says.

        Raises DbtCloudError. `call` must be safe to repeat.
        """
        attempts = Retrying(
            # A signal that arrives while a failure is handled is no failure.
            retry=retry_if_exception(lambda error: isinstance(error, Exception) and is_transient(error)),
            wait=_pause,
            stop=stop_before_delay(PATIENCE_SECONDS),
            reraise=True,
        )
        try:
            return attempts(call, *args, **options)
        except httpx.HTTPStatusError as error:
            raise self._refusal(error.response) from error
        except httpx.TransportError as error:
            raise DbtCloudError(
                f"dbt Cloud at {self.settings.host} is not reachable ({type(error).__name__}: {error}); expected an "
                f"answer within {PATIENCE_SECONDS:.0f} s; check DBT_CLOUD_HOST, and whether the task may reach it."
            ) from error

    def job(self, wanted: int | str) -> Job:
        """The job of an id or of a name. Raises DbtCloudError if there is none, several, or one that cannot run."""
        try:
            number = str(wanted).strip()
            job = Job.model_validate(self._ask("GET", f"jobs/{number}/")) if number.isdigit() else self._named(number)
        except httpx.HTTPStatusError as error:
            if error.response.status_code != httpx.codes.NOT_FOUND:
                raise
            raise DbtCloudError(
                f"dbt Cloud job {wanted}: got no such job in account {self.settings.account_id}; expected one that the "
                "token may see: the number after /jobs/ in its address, or its name."
            ) from None
        if job.deactivated or job.state != 1:
            raise DbtCloudError(
                f"{job}: got a job that is {'deactivated' if job.state == 1 else 'deleted'}; expected an active one. "
                "dbt Cloud deactivates a job that failed too often: mend it there and save it."
            )
        return job

    def _named(self, name: str) -> Job:
        jobs = [Job.model_validate(each) for page in self._pages("jobs/") for each in page]
        found = [job for job in jobs if job.name == name and job.state == 1]
        if len(found) == 1:
            return found[0]
        if found:
            ids = ", ".join(str(job.id) for job in found)
            raise DbtCloudError(f"dbt Cloud job {name}: got several of that name; expected one of the ids {ids}.")
        names = sorted({job.name for job in jobs if job.state == 1})
        likely = difflib.get_close_matches(name, names, n=3) or names[:20]
        raise DbtCloudError(
            f"dbt Cloud job {name}: got no job of that name in account {self.settings.account_id}; expected "
            f"{' or '.join(likely) or 'one, and the token sees none at all'}."
        )

    def _pages(self, path: str) -> Iterator[list[Any]]:
        offset, page = 0, [None] * PAGE
        while len(page) == PAGE:
            page = self._ask("GET", path, params={"limit": PAGE, "offset": offset, "order_by": "id"})
            offset += PAGE
            yield page

    def run(self, run_id: int, *, with_steps: bool = False) -> Run | None:
        """The run, or None while dbt Cloud does not know it."""
        related = {"include_related": json.dumps(["run_steps"])} if with_steps else {}
        try:
            return Run.model_validate(self._ask("GET", f"runs/{run_id}/", params=related))
        except httpx.HTTPStatusError as error:
            if error.response.status_code == httpx.codes.NOT_FOUND:
                return None
            raise

    def newest_runs(self, job: Job) -> list[Run]:
        """The newest hundred runs of the job with their causes, oldest first."""
        asked = {"job_definition_id": job.id, "order_by": "-id", "limit": PAGE, "include_related": '["trigger"]'}
        return [Run.model_validate(each) for each in reversed(self._ask("GET", "runs/", params=asked))]

    def trigger(self, job: Job, cause: str) -> Run:
        """Start a run. Not safe to repeat: look for a run of the same cause first."""
        return Run.model_validate(self._ask("POST", f"jobs/{job.id}/run/", json={"cause": cause}))

    def retry(self, run: Run) -> Run:
        """Start a run that goes on where a failed one stopped. dbt Cloud refuses it unless that is the job's newest."""
        return Run.model_validate(self._ask("POST", f"runs/{run.id}/retry/"))

    def cancel(self, run: Run) -> None:
        """Stop a run."""
        self._ask("POST", f"runs/{run.id}/cancel/")

    def results(self, run: Run, step: Step) -> list[dict[str, Any]]:
        """The `results` of a step's run_results.json; none if it wrote no such file."""
        try:
            answer = self._send("GET", f"runs/{run.id}/artifacts/run_results.json", params={"step": step.index})
        except httpx.HTTPStatusError as error:
            if error.response.status_code == httpx.codes.NOT_FOUND:
                return []
            raise
        found: list[dict[str, Any]] = _json(answer)["results"]
        return found

    def _ask(self, method: str, path: str, **request: Any) -> Any:
        return _json(self._send(method, path, **request))["data"]

    def _send(self, method: str, path: str, **request: Any) -> httpx.Response:
        return self.client.request(method, path, **request).raise_for_status()

    def _refusal(self, answer: httpx.Response) -> DbtCloudError:
        what = f"dbt Cloud at {self.settings.host}: {answer.request.method} {answer.request.url.path}"
        if answer.status_code in (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN):
            return DbtCloudError(
                f"{what}: got {answer.status_code}, the token is refused; expected a token of account "
                f"{self.settings.account_id} that may see and run jobs (permission Job Admin); write it into "
                "DBT_CLOUD_TOKEN."
            )
        if answer.has_redirect_location:
            place = answer.headers["Location"]
            return DbtCloudError(f"{what}: the account has moved to {place}; expected that host as DBT_CLOUD_HOST.")
        said = ""
        with suppress(ValueError, KeyError, TypeError):
            said = f" ({answer.json()['status']['user_message']})"
        return DbtCloudError(f"{what}: got {answer.status_code}{said}; expected an answer.")


def _json(answer: httpx.Response) -> Any:
    """What is answered. A page instead of JSON comes from a proxy before dbt Cloud, and passes."""
    try:
        return answer.json()
    except ValueError:
        raise httpx.RemoteProtocolError("got an answer that is no JSON", request=answer.request) from None


def _pause(state: RetryCallState) -> float:
    """Seconds until the next attempt: what Retry-After says, in seconds or as a date, or longer each time."""
    error = state.outcome.exception() if state.outcome else None
    after = asked_wait(error.response.headers.get("Retry-After")) if isinstance(error, httpx.HTTPStatusError) else None
    return float(BACKOFF(state)) if after is None else after
