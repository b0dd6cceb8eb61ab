"""A run that has to wait for a slot of its deployment says so, once."""

import asyncio
import logging
from datetime import timedelta
from uuid import uuid4

import pytest
from pools import Pool
from prefect.client.orchestration import get_client
from prefect.states import Scheduled

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
