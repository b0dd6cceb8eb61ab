"""A run that cannot be started now waits: for a slot of its deployment, or until Prefect can be asked again."""

import asyncio
import logging
from datetime import timedelta
from types import SimpleNamespace
from uuid import uuid4

import anyio
import httpx
import pytest
from pools import Pool
from prefect.client.orchestration import get_client
from prefect.states import Pending, Scheduled

from scripts.agent.worker import Agent

pytestmark = pytest.mark.usefixtures("prefect_server")


def test_a_run_that_waits_for_a_slot_says_so_when_it_begins_to_wait(caplog):
    async def take_two_runs_twice():
        async with get_client() as client:
            pool = Pool(client, f"pool-{uuid4()}")
            await pool.make(concurrency_limit=1)
            agent = Agent(pool.name, "queue", timedelta(hours=1))
            agent._client = client
            first, second = [await pool.run(Scheduled()) for _ in range(2)]
            taken = [await agent._propose_pending_state(run) for run in (first, second)]
            waiting = await client.read_flow_run(second.id)
            return [*taken, await agent._propose_pending_state(waiting)]

    with caplog.at_level(logging.WARNING, "prefect.flow_runs"):
        assert asyncio.run(take_two_runs_twice()) == [True, False, False]
    assert [record.message.partition(":")[0] for record in caplog.records] == [
        "Waits for another run of its deployment to end"
    ]


@pytest.mark.parametrize(
    ("error", "state"), [(httpx.ReadTimeout("no answer"), "Pending"), (RuntimeError("no such size"), "Crashed")]
)
def test_a_run_ends_when_its_task_cannot_be_started_but_not_because_prefect_is_silent(error, state):
    async def cannot_be_asked(*_, **__):
        await asyncio.sleep(0)
        raise error

    async def start():
        async with get_client() as client:
            pool = Pool(client, f"pool-{uuid4()}")
            await pool.make()
            agent = Agent(pool.name, "queue", timedelta(hours=1))
            agent._client, agent._work_pool = client, await client.read_work_pool(pool.name)
            agent.job_configuration = SimpleNamespace(resolve_for_flow_run=cannot_be_asked)
            run = await pool.run(Pending())
            async with anyio.create_task_group() as tasks:
                assert await tasks.start(agent._submit_run_and_capture_errors, run) is error
            return (await pool.state(run)).name

    assert asyncio.run(start()) == state
