"""A deployment whose schedule is active and that Prefect schedules no run of is told by the agent."""

from uuid import uuid4

import pytest
from pools import Pool, as_test
from prefect.client.orchestration import get_client
from prefect.client.schemas.schedules import RRuleSchedule
from prefect.states import Completed, Late, Scheduled

from scripts.agent.unscheduled import ScheduleWatch

pytestmark = pytest.mark.usefixtures("prefect_server")
# The server makes no run of it, as if its scheduler were dead.
WITHOUT_A_DATE = RRuleSchedule(rrule="DTSTART:20200101T000000Z\nFREQ=DAILY;COUNT=1", timezone="UTC")


def with_watch(scenario):
    """Run the scenario with a client, a pool whose deployment has no schedule, and a watch that looks when asked."""

    async def whole():
        async with get_client() as client:
            pool = Pool(client, f"pool-{uuid4()}")
            await pool.make()
            await scenario(client, pool, ScheduleWatch(client, pool.name, every_seconds=0))

    return as_test(scenario, whole)


@with_watch
async def test_it_is_told_when_it_is_so_twice_in_a_row(client, pool, watch):
    await client.create_deployment_schedules(pool.deployment, [(WITHOUT_A_DATE, True)])
    await pool.run(Completed())
    assert await watch.look() == []
    [told] = await watch.look()
    assert told.startswith(f"Deployment of-{pool.name} ({pool.deployment}): its schedule is active")
    assert await watch.look() == [told]


@pytest.mark.parametrize("state", [Scheduled(), Late()], ids=lambda state: state.name)
def test_a_run_that_is_scheduled_or_late_is_enough(state):
    @with_watch
    async def scenario(client, pool, watch):
        await client.create_deployment_schedules(pool.deployment, [(WITHOUT_A_DATE, True)])
        await pool.run(state)
        assert [await watch.look() for _ in range(2)] == [[], []]

    scenario()


@with_watch
async def test_without_an_active_schedule_there_is_nothing_to_tell(client, pool, watch):
    assert [await watch.look() for _ in range(2)] == [[], []]
    await client.create_deployment_schedules(pool.deployment, [(WITHOUT_A_DATE, False)])
    assert [await watch.look() for _ in range(2)] == [[], []]


@with_watch
async def test_a_paused_deployment_is_silent_on_purpose(client, pool, watch):
    await client.create_deployment_schedules(pool.deployment, [(WITHOUT_A_DATE, True)])
    await client.pause_deployment(pool.deployment)
    assert [await watch.look() for _ in range(2)] == [[], []]


@with_watch
async def test_it_looks_no_more_often_than_it_should(client, pool, watch):
    await client.create_deployment_schedules(pool.deployment, [(WITHOUT_A_DATE, True)])
    seldom = ScheduleWatch(client, pool.name)
    assert [await seldom.look() for _ in range(3)] == [[], [], []]
