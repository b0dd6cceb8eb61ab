"""Runs of registered flows: find a deployment, start a run, follow its log until it ends, list the latest runs."""

import asyncio
import json
from typing import TYPE_CHECKING, Any

from scripts.shared.prefect_api import deployments_by_name
from scripts.shared.refusal import Refusal

if TYPE_CHECKING:
    from uuid import UUID

    from prefect.client.orchestration import PrefectClient
    from prefect.client.schemas.objects import FlowRun

POLL_SECONDS = 1.0
LOGS_AT_ONCE = 200
# A run sends its logs in batches; its last comes after its final state.
LOG_FLUSH_SECONDS = 2.5


def parse_parameters(text: str) -> dict[str, Any]:
    """The flow's parameters from JSON.

    Raises:
        Refusal: it is no JSON object.
    """
    try:
        parameters = json.loads(text)
    except ValueError as error:
        raise Refusal(f"PARAMS is {text!r}; expected a JSON object such as '{{\"max_rows\": 200}}': {error}.") from None
    if not isinstance(parameters, dict):
        raise Refusal(f"PARAMS is {text!r}; expected a JSON object such as '{{\"max_rows\": 200}}'.")
    return parameters


async def find_deployment(client: "PrefectClient", wanted: str) -> tuple[str, Any]:
    """Id of the one deployment of `<flow>` or `<flow>/<deployment>`; underscores and hyphens in names are alike.

    Raises:
        Refusal: none or several fit; the message lists those there are.
    """
    names = {name: found.id for name, found in (await deployments_by_name(client)).items()}
    flow, _, deployment = wanted.replace("_", "-").partition("/")
    matching = [
        name
        for name in names
        if name.replace("_", "-").partition("/")[0] == flow
        and deployment in ("", name.replace("_", "-").partition("/")[2])
    ]
    if len(matching) != 1:
        there = ", ".join(sorted(matching or names)) or "none: `make register` first"
        raise Refusal(
            f'FLOW is "{wanted}"; expected {"one of" if matching or names else "a registered flow;"} {there}.'
        )
    return matching[0], names[matching[0]]


async def follow(client: "PrefectClient", run: "FlowRun") -> "FlowRun":
    """Print the run's state changes and log lines as they come; returns the run once it is final."""
    from prefect.client.schemas.filters import LogFilter, LogFilterFlowRunId
    from prefect.client.schemas.sorting import LogSort

    filter_ = LogFilter(flow_run_id=LogFilterFlowRunId(any_=[run.id]))
    seen, state, over = 0, None, False
    while True:
        run = await client.read_flow_run(run.id)
        while logs := await client.read_logs(filter_, limit=LOGS_AT_ONCE, offset=seen, sort=LogSort.TIMESTAMP_ASC):
            seen += len(logs)
            for line in logs:
                print(f"{line.timestamp:%H:%M:%S} {line.message}", flush=True)
        if run.state_name != state:
            state = run.state_name
            print(f"{'':8} {state}", flush=True)
        if over:
            return run
        if over := bool(run.state and run.state.is_final()):
            await asyncio.sleep(LOG_FLUSH_SECONDS)
        else:
            await asyncio.sleep(POLL_SECONDS)


async def check_parameters(client: "PrefectClient", deployment_id: "UUID", parameters: dict[str, Any]) -> None:
    """Hold the parameters against the flow's own schema, before a run is made of them.

    Raises:
        Refusal: a parameter that the flow does not take, or a value of the wrong type.
    """
    from jsonschema import Draft202012Validator

    schema = (await client.read_deployment(deployment_id)).parameter_openapi_schema or {}
    known = schema.get("properties", {})
    if unknown := sorted(set(parameters) - set(known)):
        raise Refusal(f"PARAMS has {', '.join(unknown)}; the flow takes only {', '.join(sorted(known)) or 'none'}.")
    for error in Draft202012Validator({**schema, "required": []}).iter_errors(parameters):
        raise Refusal(f"PARAMS: {'.'.join(map(str, error.path))}: {error.message}.")


async def figures(client: "PrefectClient", run: "FlowRun") -> str:
    """What the run counted, as flows/shared/metrics.py leaves it in Prefect: `files 365, rows read 336,776`.

    Of the figures that are 0 only the first is told.
    """
    from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterFlowRunId, ArtifactFilterKey

    filter_ = ArtifactFilter(
        flow_run_id=ArtifactFilterFlowRunId(any_=[run.id]), key=ArtifactFilterKey(like_="%-figures")
    )
    tables = [each.data for each in await client.read_artifacts(artifact_filter=filter_)]
    rows = [row for table in tables if isinstance(table, str) for row in json.loads(table)]
    told = [row for row in rows if row["value"] or row is rows[0]]
    return ", ".join(f"{row['figure'].replace('_', ' ')} {row['value']:,}" for row in told)


async def run_deployment(wanted: str, parameters: dict[str, Any]) -> tuple["FlowRun", str]:
    """Start one run and follow it to its end; returns it with its figures."""
    from prefect.client.orchestration import get_client

    async with get_client() as client:
        name, deployment_id = await find_deployment(client, wanted)
        await check_parameters(client, deployment_id, parameters)
        run = await client.create_flow_run_from_deployment(deployment_id, parameters=parameters)
        print(f"{name} as {run.name}", flush=True)
        run = await follow(client, run)
        return run, await figures(client, run)


async def latest_runs(count: int) -> list[tuple[str, str, str]]:
    """Name, state and seconds of the latest runs."""
    from prefect.client.orchestration import get_client
    from prefect.client.schemas.sorting import FlowRunSort

    async with get_client() as client:
        runs = await client.read_flow_runs(sort=FlowRunSort.START_TIME_DESC, limit=count)
    return [(run.name, run.state_name or "", f"{run.total_run_time.total_seconds():.0f} s") for run in runs]
