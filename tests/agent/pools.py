"""A work pool on the session's Prefect server, with runs in chosen states."""

import asyncio
from datetime import UTC, datetime

from prefect import flow
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.client.schemas.filters import WorkPoolFilter, WorkPoolFilterName


def as_test(scenario, whole):
    """A test of the scenario's name that runs `whole`."""

    def test():
        asyncio.run(whole())

    test.__name__, test.__doc__ = scenario.__name__, scenario.__doc__
    return test


@flow
def work() -> None:
    """What the runs are of."""


class Pool:
    """A work pool with runs in chosen states."""

    def __init__(self, client, name):
        self.client, self.name = client, name

    async def make(self, **options):
        await self.client.create_work_pool(WorkPoolCreate(name=self.name, type="ecs"))
        flow_id = await self.client.create_flow(work)
        self.deployment = await self.client.create_deployment(
            flow_id, f"of-{self.name}", work_pool_name=self.name, work_queue_name="default", **options
        )

    async def run(self, state, *, noted="", **options):
        """A run in a state; `noted` is the task that the worker wrote down."""
        run = await self.client.create_flow_run_from_deployment(self.deployment, **options)
        await self.client.set_flow_run_state(run.id, state, force=True)
        if noted:
            await self.client.update_flow_run(run.id, infrastructure_pid=f"{self.name}::{noted}")
        return await self.client.read_flow_run(run.id)

    async def latest(self, ecs):
        """When the last thing happened to a run or task."""
        pool = WorkPoolFilter(name=WorkPoolFilterName(any_=[self.name]))
        runs = await self.client.read_flow_runs(work_pool_filter=pool)
        times = [run.state.timestamp for run in runs] + [task.created_at for task in ecs.tasks.values()]
        return max(times, default=datetime.now(UTC))

    async def state(self, run):
        return (await self.client.read_flow_run(run.id)).state
