"""Registration against a real Prefect server: what it answers is not always what was written to it."""

import asyncio
from datetime import timedelta
from typing import Annotated

import pytest
from prefect import flow
from prefect.client.orchestration import get_client
from prefect.schedules import Cron, Interval, RRule
from pydantic import Field

from scripts.discover_flows import Discovered
from scripts.environments import Environment
from scripts.refusal import Refusal
from scripts.register_flows import register
from scripts.run_flow import find_deployment

TEMPLATE = {
    "job_configuration": {"cpu": "{{ cpu }}"},
    "variables": {"type": "object", "properties": {"cpu": {"type": "integer", "default": 512}}},
}


@flow
def plain() -> None:
    """No parameters, no schedule: everything is Prefect's default."""


@flow(name="rich_flow")
def rich(percent: Annotated[float, Field(ge=0, le=100)] = 1.0, names: list[str] | None = None) -> None:
    """Every kind of setting that a deployment can carry."""


def discovered(**changes):
    """What the code says; each call imports it anew, as each registration does."""
    settings = {
        "name": "hourly",
        "description": "Every kind of setting.",
        "parameters": {"percent": 2, "names": ["a"]},
        "job_variables": {"cpu": 1024},
        "concurrency_limit": 2,
        "work_queue_name": "fast",
        "tags": ["owner:team", "on-call"],
        "schedules": [
            Cron("5 * * * *"),
            Cron("30 6 * * *", timezone="America/New_York", parameters={"percent": 3}),
            Interval(timedelta(hours=2)),
            RRule("FREQ=DAILY;COUNT=5"),
        ],
    }
    return [
        Discovered(plain.to_deployment(name="by-hand"), plain),
        Discovered(rich.to_deployment(**settings | changes), rich),
    ]


@pytest.fixture
def bring(prefect_server, request, tmp_path):
    """`bring(deployments)` registers them in an environment of the test's own and returns what was done, by name."""
    environment = Environment(request.node.name.replace("_", "-"), tmp_path)

    def bring(deployments, template=TEMPLATE, *, dry_run=False):
        work_pool = {"name": environment.title, "base_job_template": template}
        return dict(asyncio.run(register(environment, deployments, work_pool, dry_run=dry_run)))

    bring.pool = f"work pool {environment.title}"
    return bring


async def held():
    async with get_client() as client:
        flows = {each.id: each.name for each in await client.read_flows()}
        return {f"{flows[each.flow_id]}/{each.name}": each for each in await client.read_deployments()}


def test_registered_again_nothing_is_written(bring):
    assert bring(discovered()) == {bring.pool: "create", "plain/by-hand": "create", "rich_flow/hourly": "create"}
    before = asyncio.run(held())
    assert set(bring(discovered()).values()) == {"unchanged"}
    assert {name: each.updated for name, each in asyncio.run(held()).items()} == {
        name: each.updated for name, each in before.items()
    }


def test_only_the_changed_deployment_is_written_and_only_its_change_is_named(bring):
    bring(discovered())
    changed = discovered(schedules=[Cron("6 * * * *")], tags=["owner:team"], job_variables={}, concurrency_limit=None)
    actions = bring(changed)
    assert actions == {
        bring.pool: "unchanged",
        "plain/by-hand": "unchanged",
        "rich_flow/hourly": "update: concurrency_limit, job_variables, schedules, tags",
    }
    assert set(bring(changed).values()) == {"unchanged"}
    stored = asyncio.run(held())["rich_flow/hourly"]
    assert [each.schedule.cron for each in stored.schedules] == ["6 * * * *"]
    assert stored.entrypoint.endswith(":rich")


def test_a_changed_template_is_written_to_the_pool_and_to_nothing_else(bring):
    bring(discovered())
    another = TEMPLATE | {"job_configuration": {"cpu": "{{ cpu }}", "command": "x"}}
    assert bring(discovered(), another) == {
        bring.pool: "update: base_job_template", "plain/by-hand": "unchanged", "rich_flow/hourly": "unchanged",
    }  # fmt: skip
    assert set(bring(discovered(), another).values()) == {"unchanged"}


def test_a_dry_run_tells_the_same_and_writes_nothing(bring):
    told = bring(discovered(name="never"), dry_run=True)
    assert told == bring(discovered(name="never"), dry_run=True)
    assert set(told.values()) == {"create"}
    assert "rich_flow/never" not in asyncio.run(held())


def test_an_unknown_flow_is_answered_with_what_is_registered(bring):
    bring(discovered())

    async def find(wanted):
        async with get_client() as client:
            return await find_deployment(client, wanted)

    assert asyncio.run(find("rich-flow"))[0] == "rich_flow/hourly"
    with pytest.raises(Refusal, match=r'FLOW is "poor"; expected one of plain/by-hand, rich_flow/hourly\.'):
        asyncio.run(find("poor"))
