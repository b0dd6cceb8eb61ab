"""Runs of flows: find a deployment, start a run, find a run by the names that commands print, tell how it ended."""

import json
import os
from typing import TYPE_CHECKING, Any
from uuid import UUID

from scripts.shared import run_pages
from scripts.shared.environments import ROOT
from scripts.shared.flow_files import flow_files
from scripts.shared.flow_template import flow_names
from scripts.shared.prefect_api import deployments_by_name
from scripts.shared.refusal import Refusal
from scripts.shared.run_log import follow

if TYPE_CHECKING:
    from prefect.client.orchestration import PrefectClient
    from prefect.client.schemas.objects import FlowRun


# How many a message names.
LATEST = 5


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


def file_of(flow: str) -> str:
    """The flow file that holds a flow of that name, if one does."""
    found = [file for file in flow_files() if flow.replace("-", "_") in flow_names(file)]
    return str(found[0].relative_to(ROOT)) if found else ""


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
    if not matching and (file := file_of(flow)):
        raise Refusal(
            f'FLOW is "{wanted}", which {file} holds; expected a registered flow: `make register` registers it, and '
            f"`make try FLOW={wanted}` runs it as it is."
        )
    if len(matching) != 1:
        there = ", ".join(sorted(matching or names)) or "none: `make register` first"
        raise Refusal(
            f'FLOW is "{wanted}"; expected {"one of" if matching or names else "a registered flow;"} {there}.'
        )
    return matching[0], names[matching[0]]


async def check_parameters(client: "PrefectClient", deployment_id: "UUID", parameters: dict[str, Any]) -> None:
    """Hold the parameters against the registered schema, before a run is made of them.

    Raises:
        Refusal: a parameter that the flow does not take, or a value of the wrong type.
    """
    schema = (await client.read_deployment(deployment_id)).parameter_openapi_schema or {}
    refuse_parameters({**schema, "required": []}, parameters)


def refuse_parameters(schema: dict[str, Any], parameters: dict[str, Any]) -> None:
    """Hold parameters against a flow's schema.

    Raises:
        Refusal: a parameter that the flow does not take or that is missing, or a value of the wrong type.
    """
    from jsonschema import Draft202012Validator

    known = schema.get("properties", {})
    if unknown := sorted(set(parameters) - set(known)):
        raise Refusal(f"PARAMS has {', '.join(unknown)}; the flow takes only {', '.join(sorted(known)) or 'none'}.")
    for error in Draft202012Validator(schema).iter_errors(parameters):
        raise Refusal(": ".join(filter(None, ["PARAMS", ".".join(map(str, error.path)), f"{error.message}."])))


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


def address(run: "FlowRun") -> str:
    """Prefect's page of a run."""
    return run_pages.run_url(run_pages.ui_url(os.environ["PREFECT_API_URL"]), run.id)


def ending(run: "FlowRun", counted: str, cause: str) -> str:
    """How a run ended: its state, after how long, what it counted or why it did not complete, and where it is shown."""
    ended = f"{run.state_name} after {run.total_run_time.total_seconds():.1f} s"
    if run.state and run.state.is_completed():
        return ": ".join(filter(None, [ended, counted]))
    return f"{': '.join(filter(None, [ended, cause]))}\nLook at {address(run)}"


def reason(run: "FlowRun", where: str) -> str:
    """Why a run ended as it did, with the line of flows/ that its error passed: one that crashed has no log of it."""
    message = (run.state and run.state.message) or ""
    return f"{message.removeprefix('Flow run encountered an exception: ')}{where and f' ({where})'}"


async def read_ended(run_id: "UUID") -> tuple["FlowRun", str]:
    """A run that has ended, with its figures."""
    from prefect.client.orchestration import get_client

    async with get_client() as client:
        run = await client.read_flow_run(run_id)
        return run, await figures(client, run)


async def run_deployment(wanted: str, parameters: dict[str, Any]) -> tuple["FlowRun", str]:
    """Start one run and follow it to its end; returns it with how it ended."""
    from prefect.client.orchestration import get_client

    async with get_client() as client:
        name, deployment_id = await find_deployment(client, wanted)
        await check_parameters(client, deployment_id, parameters)
        run = await client.create_flow_run_from_deployment(deployment_id, parameters=parameters)
        print(f"{name} as {run.name}: {address(run)}", flush=True)
        run, where = await follow(client, run)
        return run, ending(run, await figures(client, run), reason(run, where))


async def find_run(client: "PrefectClient", *, flow: str = "", name: str = "") -> "FlowRun":
    """The latest run of that name or id, or the latest of `<flow>` or `<flow>/<deployment>`.

    Raises:
        Refusal: there is none; the message has the latest names.
    """
    from prefect.client.schemas.filters import (
        DeploymentFilter,
        DeploymentFilterName,
        FlowFilter,
        FlowFilterName,
        FlowRunFilter,
        FlowRunFilterId,
        FlowRunFilterName,
    )
    from prefect.client.schemas.sorting import FlowRunSort

    of, _, deployment = flow.partition("/")
    wanted: dict[str, Any] = {}
    if of:
        either = [of, of.replace("-", "_"), of.replace("_", "-")]
        wanted["flow_filter"] = FlowFilter(name=FlowFilterName(any_=either))
    if deployment:
        wanted["deployment_filter"] = DeploymentFilter(name=DeploymentFilterName(any_=[deployment]))
    if name:
        try:
            wanted["flow_run_filter"] = FlowRunFilter(id=FlowRunFilterId(any_=[UUID(name)]))
        except ValueError:
            wanted["flow_run_filter"] = FlowRunFilter(name=FlowRunFilterName(any_=[name]))
    found = await client.read_flow_runs(**wanted, sort=FlowRunSort.EXPECTED_START_TIME_DESC, limit=LATEST)
    begun = [run for run in found if run.start_time] or found
    if begun:
        return begun[0]
    runs = await latest_runs(LATEST)
    there = [run.name for run, _ in runs] if name else sorted({flow for _, flow in runs})
    got, kind = (f'RUN is "{name}"', "a run's name or id") if name else (f'FLOW is "{flow}"', "a flow that has run")
    raise Refusal(f"{got}; expected {kind}, such as {', '.join(there) or 'none yet'}.")


async def latest_runs(count: int) -> "list[tuple[FlowRun, str]]":
    """The latest runs, each with the name of its flow."""
    from prefect.client.orchestration import get_client
    from prefect.client.schemas.filters import FlowFilter, FlowFilterId
    from prefect.client.schemas.sorting import FlowRunSort

    async with get_client() as client:
        runs = await client.read_flow_runs(sort=FlowRunSort.START_TIME_DESC, limit=count)
        filter_ = FlowFilter(id=FlowFilterId(any_=[run.flow_id for run in runs]))
        flows = {flow.id: flow.name for flow in await client.read_flows(flow_filter=filter_)}
    return [(run, flows.get(run.flow_id, "")) for run in runs]
