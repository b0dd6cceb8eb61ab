"""The part of dbt Cloud's API version 2 that flows use, and what makes it behave badly.

`/_embedded/…` is its own: `account` names account, token and where models are built, `faults` what goes wrong next,
`jobs/<id>` sets how many seconds a job takes longer and whether it is deactivated.
"""

import hmac
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from pydantic import BaseModel, SecretStr, TypeAdapter
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from scripts.local_stack.dbt_cloud.building import Warehouse
from scripts.local_stack.dbt_cloud.faults import CONTROL, Fault, Faults, answer
from scripts.local_stack.dbt_cloud.projects import find_jobs
from scripts.local_stack.dbt_cloud.runs import ERROR, SUCCESS, WORDS, Run, Runs

Endpoint = Callable[[Request], Awaitable[Response]]
PROJECT, ENVIRONMENT = 1, 1


class Account(BaseModel):
    """The one account: who may call, and the Snowflake account, database and schema of its environment."""

    id: int
    token: SecretStr
    snowflake_account: str
    database: str
    schema_name: str


class JobSettings(BaseModel):
    """How a job differs from what its folder says: `seconds` it takes longer."""

    seconds: float = 0
    deactivated: bool = False


class Api:
    """The account's state, in memory: its runs, and what was set for its jobs."""

    def __init__(self, flows: Path, snowflake_port: int, address: str) -> None:
        self.flows, self.snowflake_port, self.address = flows, snowflake_port, address
        self.account: Account | None = None
        self.settings: dict[Path, JobSettings] = {}
        self.runs = Runs(self._warehouse, lambda folder: self.settings.get(folder, JobSettings()).seconds)
        api = "/api/v2/accounts/{account}/"
        routes = [
            *self._routes(f"{api}jobs/", GET=self.list_jobs),
            *self._routes(f"{api}jobs/{{job:int}}/", GET=self.show_job),
            *self._routes(f"{api}jobs/{{job:int}}/run/", POST=self.trigger),
            *self._routes(f"{api}jobs/{{job:int}}/rerun/", POST=self.rerun),
            *self._routes(f"{api}runs/", GET=self.list_runs),
            *self._routes(f"{api}runs/{{run:int}}/", GET=self.show_run),
            *self._routes(f"{api}runs/{{run:int}}/cancel/", POST=self.cancel),
            *self._routes(f"{api}runs/{{run:int}}/retry/", POST=self.retry),
            *self._routes(f"{api}runs/{{run:int}}/artifacts/", GET=self.list_artifacts),
            *self._routes(f"{api}runs/{{run:int}}/artifacts/{{name}}", GET=self.show_artifact),
            Route(f"{CONTROL}health", self.health),
            Route(f"{CONTROL}account", self.set_account, methods=["PUT"]),
            Route(f"{CONTROL}faults", self.set_faults, methods=["PUT"]),
            Route(f"{CONTROL}jobs/{{job:int}}", self.set_job, methods=["PUT"]),
        ]
        self.app = Faults(Starlette(routes=routes, exception_handlers={404: self.unknown}))

    def _routes(self, path: str, **endpoints: Endpoint) -> list[Route]:
        return [Route(path, self._for_account(each), methods=[method]) for method, each in endpoints.items()]

    def _for_account(self, endpoint: Endpoint) -> Endpoint:
        """Answer only those who have the account's token, and only about things that there are."""

        async def guarded(request: Request) -> Response:
            scheme, _, token = request.headers.get("Authorization", "").partition(" ")
            known = self.account.token.get_secret_value() if self.account else ""
            if scheme not in ("Token", "Bearer") or not known or not hmac.compare_digest(token, known):
                return answer(401, "Invalid token")
            if self.account and request.path_params["account"] != str(self.account.id):
                return await self.unknown(request)
            job, run = request.path_params.get("job"), request.path_params.get("run")
            if (job is not None and job not in find_jobs(self.flows)) or (
                run is not None and run not in self.runs.known
            ):
                return await self.unknown(request)
            return await endpoint(request)

        return guarded

    async def unknown(self, *_: Any) -> JSONResponse:
        """What dbt Cloud says of everything that is not there, or not for this token."""
        return answer(404, "The requested resource was not found")

    async def list_jobs(self, request: Request) -> JSONResponse:
        """Jobs by id."""
        return _page(request, [self._job(each) for each in sorted(find_jobs(self.flows))])

    async def show_job(self, request: Request) -> JSONResponse:
        """One job."""
        return answer(200, "Success!", self._job(request.path_params["job"]))

    async def trigger(self, request: Request) -> JSONResponse:
        """Queue a run; its cause must be said."""
        try:
            cause = json.loads(await request.body())["cause"]
        except (ValueError, KeyError, TypeError):
            return answer(400, "cause: This field is required.")
        return self._start(request.path_params["job"], str(cause))

    async def rerun(self, request: Request) -> JSONResponse:
        """Take the job's last run up where it failed, or start a whole one if it did not fail."""
        last = self.runs.newest(request.path_params["job"])
        can_retry = last is not None and self.runs.why_not_retried(last) is None
        return self._start(request.path_params["job"], "Retry of the last run", last if can_retry else None)

    async def retry(self, request: Request) -> JSONResponse:
        """Take a run up where it failed."""
        run = self.runs.known[request.path_params["run"]]
        if reason := self.runs.why_not_retried(run):
            return answer(400, f"This run cannot be retried: {reason}")
        return self._start(run.job_id, f"Retry of run {run.id}", run)

    async def cancel(self, request: Request) -> JSONResponse:
        """Stop a run; one that is over stays as it is."""
        run = self.runs.known[request.path_params["run"]]
        run.cancelled.set()
        return answer(200, "Success!", self._run(run, set()))

    async def list_runs(self, request: Request) -> JSONResponse:
        """Runs by id, of a job and with some statuses if asked."""
        asked, related = request.query_params, _related(request)
        wanted = json.loads(asked.get("status__in", "null")) or [asked[key] for key in ("status",) if key in asked]
        found = [
            self._run(run, related)
            for run in self.runs.known.values()
            if asked.get("job_definition_id") in (None, str(run.job_id))
            and (not wanted or str(run.status) in map(str, wanted))
        ]
        return _page(request, found)

    async def show_run(self, request: Request) -> JSONResponse:
        """One run, with its steps if asked."""
        return answer(200, "Success!", self._run(self.runs.known[request.path_params["run"]], _related(request)))

    async def list_artifacts(self, request: Request) -> JSONResponse:
        """Names of the files of a run."""
        run = self.runs.known[request.path_params["run"]]
        return answer(200, "Success!", ["run_results.json"] if run.artifacts else [])

    async def show_artifact(self, request: Request) -> JSONResponse:
        """A file of one step, or of the last that wrote one."""
        run = self.runs.known[request.path_params["run"]]
        step = int(request.query_params.get("step", max(run.artifacts, default=0)))
        if request.path_params["name"] != "run_results.json" or step not in run.artifacts:
            return await self.unknown(request)
        return JSONResponse(run.artifacts[step])

    async def health(self, _: Request) -> JSONResponse:
        """Whether it answers."""
        return JSONResponse({"account": self.account and self.account.id})

    async def set_account(self, request: Request) -> JSONResponse:
        """Take over account, token and where models are built."""
        self.account = Account.model_validate_json(await request.body())
        return JSONResponse({})

    async def set_faults(self, request: Request) -> JSONResponse:
        """Take over the faults to come, in place of those that wait."""
        self.app.waiting = TypeAdapter(list[Fault]).validate_json(await request.body())
        return JSONResponse({})

    async def set_job(self, request: Request) -> JSONResponse:
        """Take over what is set for a job."""
        folder = find_jobs(self.flows)[request.path_params["job"]]
        self.settings[folder] = JobSettings.model_validate_json(await request.body())
        return JSONResponse({})

    def _warehouse(self) -> Warehouse:
        if self.account is None:
            raise LookupError("no account was set")
        return Warehouse(
            self.snowflake_port, self.account.snowflake_account, self.account.database, self.account.schema_name
        )

    def _start(self, job: int, cause: str, retries: Run | None = None) -> JSONResponse:
        folder = find_jobs(self.flows)[job]
        if self.settings.get(folder, JobSettings()).deactivated:
            return answer(400, "This job is deactivated and cannot be run")
        run = self.runs.queue(job, folder, cause, retries)
        queued = self._run(run, {"trigger"})
        self.runs.start(run)
        return answer(200, "Success!", queued)

    def _job(self, job: int) -> dict[str, Any]:
        folder = find_jobs(self.flows)[job]
        return {
            "id": job,
            "account_id": self.account and self.account.id,
            "project_id": PROJECT,
            "environment_id": ENVIRONMENT,
            "name": folder.name,
            "state": 1,
            "deactivated": self.settings.get(folder, JobSettings()).deactivated,
            "execute_steps": ["dbt build"],
        }

    def _run(self, run: Run, related: set[str]) -> dict[str, Any]:
        account = self.account.id if self.account else 0
        reason = self.runs.why_not_retried(run)
        return {
            "id": run.id,
            "account_id": account,
            "project_id": PROJECT,
            "environment_id": ENVIRONMENT,
            "job_id": run.job_id,
            "job_definition_id": run.job_id,
            "status": run.status,
            "status_humanized": WORDS[run.status],
            "status_message": run.status_message,
            "in_progress": not run.is_over,
            "is_complete": run.is_over,
            "is_success": run.status == SUCCESS,
            "is_error": run.status == ERROR,
            "is_cancelled": run.is_over and run.status not in (SUCCESS, ERROR),
            "created_at": run.created.isoformat(),
            "finished_at": run.finished and run.finished.isoformat(),
            "retrying_run_id": run.retries and run.retries.id,
            "can_retry": reason is None,
            "retry_not_supported_reason": reason,
            "href": f"{self.address}/deploy/{account}/projects/{PROJECT}/runs/{run.id}/",
            "trigger": {"cause": run.cause} if "trigger" in related else None,
            "run_steps": run.steps if "run_steps" in related else [],
        }


def _related(request: Request) -> set[str]:
    """What is asked for beside: a list in JSON, or words with commas between them."""
    text = request.query_params.get("include_related", "[]")
    return set(json.loads(text)) if text.startswith("[") else set(text.split(","))


def _page(request: Request, found: list[dict[str, Any]]) -> JSONResponse:
    asked = request.query_params
    order = asked.get("order_by", "id")
    found.sort(key=lambda each: each[order.removeprefix("-")], reverse=order.startswith("-"))
    start, limit = int(asked.get("offset", 0)), int(asked.get("limit", 100))
    page = found[start : start + min(limit, 100)]
    counts = {"count": len(page), "total_count": len(found)}
    return answer(200, "Success!", page, extra={"order_by": order, "pagination": counts})
