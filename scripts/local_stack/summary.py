"""What `make up` says at its end, good or bad: what is there, where to look, what to type next."""

import asyncio
import json
from collections import Counter

from scripts.gate import record
from scripts.local_stack.settings import LocalSettings
from scripts.local_stack.supervisor import supervision
from scripts.shared import prefect_api
from scripts.shared.environments import Environment
from scripts.shared.steps import shown

SHOWN_FLOWS = ("flights_to_warehouse", "warehouse_to_s3")


async def figures(flow: str) -> dict[str, float]:
    """Figures of a flow's latest run, from the artifact that it left in Prefect."""
    from prefect.client.orchestration import get_client
    from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterKey
    from prefect.client.schemas.sorting import ArtifactSort

    key = ArtifactFilter(key=ArtifactFilterKey(any_=[f"{flow.replace('_', '-')}-figures"]))
    async with get_client() as client:
        found = await client.read_artifacts(artifact_filter=key, sort=ArtifactSort.CREATED_DESC, limit=1)
        deployments = await client.read_deployments()
    table = json.loads(found[0].data) if found else []
    return {row["figure"]: row["value"] for row in table} | {"deployments": len(deployments)}


def print_summary(environment: Environment, settings: LocalSettings, seconds: float) -> None:
    """The closing summary of a run that went well."""
    plan = json.loads((environment.directory / "plan.json").read_text())
    changes = Counter(
        "changed" if change["change"]["actions"] != ["no-op"] else "unchanged"
        for change in plan["resource_changes"]
        if change["mode"] == "managed"
    )
    gate = record.read(environment.directory / "gate.json")
    prefect_api.configure(environment)
    load, export = (asyncio.run(figures(flow)) for flow in SHOWN_FLOWS)
    bucket = plan["planned_values"]["outputs"]["results_bucket"]["value"]
    rows = {
        "Resources": f"{changes.total()} described, {changes['changed']} of them applied just now",
        "Gate": f"passed, {len(gate.rules)} checks: {shown(environment.directory / 'report.html')}",
        "Deployments": f"{load['deployments']} registered in work pool {environment.title}",
        "Warehouse": f"{load['rows_inserted']:,.0f} rows loaded, {load['rows_updated']:,.0f} updated, "
        f"{load['rows_quarantined']:,.0f} rejected, from {load['files']:,.0f} files",
        "Export": f"{export['rows_written']:,.0f} rows in s3://{bucket}/export/",
        "Prefect": f"{settings.prefect_url}, signing in with the content of {shown(settings.prefect_auth_file)}",
        "AWS": f"{settings.aws_endpoint_url} (AWS_ENDPOINT_URL), account {gate.account_id}",
    }
    print()
    for name, value in rows.items():
        print(f"{name:<12} {value}")
    print(
        f"\nAll of it in {seconds:.0f} s. Next:\n"
        "  make run FLOW=flights_to_warehouse   another run through the agent\n"
        "  make status                          what runs\n"
        "  make logs NAME=agent                 what the agent says\n"
        "  make down                            end all of it"
    )


def print_remains(settings: LocalSettings) -> None:
    """After a failure or Ctrl-C: what still runs, and how to go on or end it."""
    running = [f"{part.name} (pid {part.pid})" for part in supervision.status(settings) if part.pid]
    print(f"\nStill running: {', '.join(running) or 'nothing'}. `make up` goes on from here, `make down` ends it.")
