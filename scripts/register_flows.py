"""Bring an environment's Prefect to what flows/ says: work pool, then the deployments that differ.

    python -m scripts.register_flows --env dev
    python -m scripts.register_flows --env dev --dry-run

Refused unless the gate passed the infrastructure that is applied, and for the image whose flows these are.
"""

import argparse
import asyncio
import json
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table

from scripts import gate_store, prefect_api
from scripts.discover_flows import discover
from scripts.environments import Environment, find_environment
from scripts.image_digest import image_digest
from scripts.plan_checks import record, rules
from scripts.refusal import Refusal, run_command

if TYPE_CHECKING:
    from prefect.client.orchestration import PrefectClient
    from prefect.client.schemas.actions import DeploymentScheduleCreate
    from prefect.client.schemas.responses import DeploymentResponse

    from scripts.discover_flows import Discovered

UNCHANGED = "unchanged"


def check_gate(environment: Environment, digest: str) -> None:
    """Refuse unless the record stored with the state passed and names this image.

    Raises:
        Refusal: nothing is applied, or the record does not fit.
    """
    record.verify(
        gate_store.stored(environment), environment=environment.name, image_digest=digest, checks=rules.check_names()
    )


def desired_state(found: "Discovered", environment: Environment, work_pool: str) -> dict[str, Any]:
    """Everything that Prefect is to hold of one deployment, as `create_deployment` takes it."""
    from prefect.client.schemas.actions import DeploymentScheduleCreate
    from prefect.utilities.callables import parameter_schema

    deployment = found.deployment
    return {
        "name": deployment.name,
        "version": deployment.version,
        "description": deployment.description,
        "tags": sorted({*deployment.tags, owner_tag(environment)}),
        "parameters": deployment.model_dump(mode="json", include={"parameters"})["parameters"],
        "parameter_openapi_schema": parameter_schema(found.flow).model_dump(exclude_unset=True),
        "enforce_parameter_schema": deployment.enforce_parameter_schema,
        "concurrency_limit": deployment.concurrency_limit,
        "job_variables": deployment.job_variables or {},
        "work_pool_name": work_pool,
        "work_queue_name": deployment.work_queue_name,
        "path": ".",  # The image's working directory holds flows/.
        "entrypoint": deployment.entrypoint,
        # Schedules run in prod only; elsewhere they are there to be looked at and switched on by hand.
        "schedules": [
            DeploymentScheduleCreate(
                schedule=schedule.schedule, active=environment.name == "prod", parameters=schedule.parameters
            )
            for schedule in deployment.schedules or []
        ],
    }


def owner_tag(environment: Environment) -> str:
    """Tag by which a deployment is known to be this repository's, in this environment."""
    return f"data-flows:{environment.name}"


def difference(desired: dict[str, Any], actual: "DeploymentResponse | None") -> str:
    """What has to be done about one deployment: `create`, `update: <fields>` or `unchanged`."""
    if actual is None:
        return "create"
    held = actual.model_dump(include=set(desired) - {"schedules", "concurrency_limit"})
    held["tags"] = sorted(held["tags"])
    held["concurrency_limit"] = actual.global_concurrency_limit and actual.global_concurrency_limit.limit
    changed = [field for field in held if held[field] != desired[field] and (held[field] or desired[field])]
    if desired["work_queue_name"] is None and "work_queue_name" in changed:
        changed.remove("work_queue_name")  # None asks for the pool's default queue, which the server then names.
    # Whether a schedule is active is a person's to change. Where no anchor is given, an interval's is the moment of
    # import: another each time.
    compared = {"schedule": True, "parameters": True}
    schedules = [
        [schedule.model_dump(mode="json", include=compared, exclude={"schedule": {"anchor_date"}}) for schedule in side]
        for side in (actual.schedules, desired["schedules"])
    ]
    if sorted(map(json.dumps, schedules[0])) != sorted(map(json.dumps, schedules[1])):
        changed.append("schedules")
    return f"update: {', '.join(sorted(changed))}" if changed else UNCHANGED


def keep_hand_switched(desired: "list[DeploymentScheduleCreate]", actual: "DeploymentResponse | None") -> None:
    """Leave schedules as a person switched them: Prefect makes a deployment's schedules anew with every write."""
    switched = {held.schedule.model_dump_json(): held.active for held in (actual.schedules if actual else [])}
    for wanted in desired:
        wanted.active = switched.get(wanted.schedule.model_dump_json(), wanted.active)


async def bring_work_pool(client: "PrefectClient", name: str, template: dict[str, Any], *, dry_run: bool) -> str:
    """Create the environment's work pool, or write Terraform's base job template to it if it differs."""
    from prefect.client.schemas.actions import WorkPoolCreate, WorkPoolUpdate
    from prefect.exceptions import ObjectNotFound

    try:
        pool = await client.read_work_pool(name)
    except ObjectNotFound:
        if not dry_run:
            await client.create_work_pool(WorkPoolCreate(name=name, type="ecs", base_job_template=template))
        return "create"
    if pool.type != "ecs":
        raise Refusal(
            f"Work pool {name}: got type {pool.type}; expected ecs. Delete it, or rename it, and register again.", 1
        )
    if pool.base_job_template == template:
        return UNCHANGED
    if not dry_run:
        await client.update_work_pool(name, WorkPoolUpdate(base_job_template=template))
    return "update: base_job_template"


async def register(
    environment: Environment, discovered: "list[Discovered]", work_pool: dict[str, Any], *, dry_run: bool
) -> list[tuple[str, str]]:
    """Write what differs. Returns (what, action) for the work pool and each deployment."""
    from prefect.client.orchestration import get_client
    from prefect.client.schemas.filters import DeploymentFilter, DeploymentFilterTags

    desired = {
        f"{found.deployment.flow_name}/{found.deployment.name}": (
            found,
            desired_state(found, environment, work_pool["name"]),
        )
        for found in discovered
    }
    async with get_client() as client:
        template = work_pool["base_job_template"]
        actions = [
            (
                f"work pool {work_pool['name']}",
                await bring_work_pool(client, work_pool["name"], template, dry_run=dry_run),
            )
        ]
        tagged = DeploymentFilter(tags=DeploymentFilterTags(all_=[owner_tag(environment)]))
        flows = {flow.id: flow.name for flow in await client.read_flows(deployment_filter=tagged)}
        actual = {
            f"{flows[held.flow_id]}/{held.name}": held
            for held in await client.read_deployments(deployment_filter=tagged)
        }
        for name, (found, state) in desired.items():
            action = difference(state, actual.get(name))
            actions.append((name, action))
            if action != UNCHANGED and not dry_run:
                keep_hand_switched(state["schedules"], actual.get(name))
                flow_id = await client.create_flow_from_name(found.deployment.flow_name)
                await client.create_deployment(flow_id=flow_id, **state)
    return actions


def print_actions(actions: list[tuple[str, str]]) -> None:
    """The difference as a table, and its sum as the last line."""
    table = Table("what", "action", box=None, pad_edge=False)
    for what, action in actions:
        table.add_row(what, action)
    Console(soft_wrap=True).print(table)
    written = sum(action != UNCHANGED for _, action in actions[1:])
    print(f"{len(actions) - 1} deployments: {written} written, {len(actions) - 1 - written} unchanged")


def main() -> None:
    """Register one environment's flows."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--env", required=True, metavar="ENV", help="environment, such as dev")
    parser.add_argument("--image-digest", help="image whose flows these are; without it, the sources' own digest")
    parser.add_argument("--dry-run", action="store_true", help="print the difference, write nothing")
    arguments = parser.parse_args()
    environment = find_environment(arguments.env)
    environment.require_running()
    check_gate(environment, arguments.image_digest or image_digest())
    work_pool = gate_store.stored_output(environment, "work_pool")
    prefect_api.configure(environment)
    discovered = discover()  # Inside an event loop `to_deployment` would return coroutines.
    print_actions(asyncio.run(register(environment, discovered, work_pool, dry_run=arguments.dry_run)))


if __name__ == "__main__":
    run_command(main)
