"""A round compares the runs of a real Prefect server with the tasks of a stand-in for ECS, and settles what differs."""

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from pools import Pool, work
from prefect.client.orchestration import get_client
from prefect.states import Completed, Pending, Running, Scheduled

from scripts.agent.rounds import Settler
from scripts.agent.settling import times_given_back
from scripts.agent.tasks import FlowTask

pytestmark = pytest.mark.usefixtures("prefect_server")


class Ecs:
    """A cluster's tasks: those that run, and those that have stopped."""

    def __init__(self):
        self.tasks: dict[str, FlowTask] = {}
        self.asked_to_stop: list[str] = []

    def start(self, run, *, seconds_ago=0, **ending) -> FlowTask:
        at = datetime.now(UTC) - timedelta(seconds=seconds_ago)
        task = FlowTask(f"arn:task/{uuid4()}", str(run.id), at, not ending, **ending)
        self.tasks[task.arn] = task
        return task

    def running(self):
        return [task for task in self.tasks.values() if task.is_alive]

    def stopped(self):
        return [task for task in self.tasks.values() if not task.is_alive]

    def named(self, arns):
        return {arn: self.tasks[arn] for arn in arns if arn in self.tasks}

    def stop(self, task, _):
        self.asked_to_stop.append(task.arn)


@pytest.fixture(name="ecs")
def fixture_ecs():
    return Ecs()


def with_pool(scenario):
    """Run the scenario with a pool of its own and a function: one round, so many seconds after the last event."""

    async def whole(ecs):
        async with get_client() as client:
            pool = Pool(client, f"pool-{uuid4()}")
            await pool.make()

            async def settle(after=0):
                now = await pool.latest(ecs) + timedelta(seconds=after)
                return await Settler(client, ecs, pool.name, timedelta(hours=12), lambda: now).settle()

            await scenario(pool, settle, ecs)

    def test(ecs):
        asyncio.run(whole(ecs))

    test.__name__, test.__doc__ = scenario.__name__, scenario.__doc__
    return test


@with_pool
async def test_what_is_right_is_left_alone(pool, settle, ecs):
    runs = [await pool.run(Running()), await pool.run(Pending())]
    for run in runs:
        ecs.start(run)
    await pool.run(Completed())
    assert await settle(after=600) == []
    await pool.run(Pending())
    assert await settle() == []
    assert [(await pool.state(run)).id for run in runs] == [run.state.id for run in runs]


@with_pool
async def test_a_run_that_make_try_executes_is_left_alone_until_its_time_is_over(pool, settle, ecs):
    tried = {"tags": ["try"], "work_pool_name": pool.name}
    runs = [await pool.client.create_flow_run(work, state=state, **tried) for state in (Pending(), Running())]
    assert await settle(after=3600) == []
    told = await settle(after=13 * 3600)
    assert [each.partition("is Crashed: ")[2][:31] for each in told] == 2 * ["Nothing was heard of its end fo"]
    assert {(await pool.state(run)).name for run in runs} == {"Crashed"}


@with_pool
async def test_a_run_that_stays_pending_without_a_task_is_given_back_twice_and_then_crashes(pool, settle, ecs):
    run = await pool.run(Pending())
    for _ in range(2):
        [told] = await settle(after=90)
        assert "is Rescheduled" in told
        assert (await pool.state(run)).type.value == "SCHEDULED"
        await pool.client.set_flow_run_state(run.id, Pending())
    [told] = await settle(after=90)
    assert "is Crashed: No agent started its task, though it was given back 2 times." in told


@with_pool
async def test_a_run_whose_task_has_ended_crashes_with_the_reason_and_so_do_its_sub_flows(pool, settle, ecs):
    run = await pool.run(Running())
    task = ecs.start(run, stop_code="EssentialContainerExited", reason="Essential container exited", exit_code=137)
    await pool.client.update_flow_run(run.id, infrastructure_pid=f"{pool.name}::{task.arn}")
    parent_task = await pool.client.create_task_run(work_task(), run.id, dynamic_key="0")
    child = await pool.client.create_flow_run(work, parent_task_run_id=parent_task.id, state=Running())
    [told] = await settle()
    assert "with exit code 137" in told
    assert (await pool.state(run)).name == "Crashed"
    assert (await pool.state(child)).name == "Crashed"


def work_task():
    from prefect import task

    return task(lambda: None, name="child")


@with_pool
async def test_a_task_that_the_worker_did_not_note_is_found_after_a_while(pool, settle, ecs):
    run = await pool.run(Running())
    ecs.start(run, stop_code="EssentialContainerExited", reason="Essential container exited", exit_code=137)
    assert await settle(after=59) == []
    [told] = await settle(after=61)
    assert "with exit code 137" in told


@with_pool
async def test_a_late_word_of_the_first_task_does_not_end_the_second_attempt(pool, settle, ecs):
    run = await pool.run(Running())
    ecs.start(run, seconds_ago=300, stop_code="EssentialContainerExited", exit_code=143)
    second = ecs.start(run, seconds_ago=20)
    assert await settle() == []
    await pool.client.update_flow_run(run.id, infrastructure_pid=f"{pool.name}::{second.arn}")
    assert await settle() == []


@with_pool
async def test_a_task_that_ecs_forgot_and_one_that_never_was_are_the_same(pool, settle, ecs):
    run = await pool.run(Running(), noted="arn:task/forgotten")
    [told] = await settle(after=61)
    assert "is Crashed: It is Running and has no ECS task" in told
    assert (await pool.state(run)).is_crashed()


@with_pool
async def test_a_run_beyond_its_time_limit_is_timed_out_and_its_task_stopped(pool, settle, ecs):
    run = await pool.run(Running(), tags=["time-limit:1m"])
    task = ecs.start(run)
    assert await settle(after=59) == []
    [told] = await settle(after=61)
    assert "longer than its time limit of 0:01:00" in told
    assert (await pool.state(run)).name == "TimedOut"
    assert ecs.asked_to_stop == [task.arn]


@with_pool
async def test_the_task_of_a_run_that_has_ended_or_is_gone_is_stopped_after_a_while(pool, settle, ecs):
    runs = [await pool.run(state) for state in (Completed(), Running(), Scheduled())]
    await pool.client.delete_flow_run(runs[1].id)
    tasks = [ecs.start(run) for run in runs]
    assert await settle(after=59) == []
    told = await settle(after=61)
    assert ecs.asked_to_stop == [task.arn for task in tasks[:2]]
    assert len(told) == 2


@with_pool
async def test_a_run_that_goes_on_while_it_is_looked_at_is_left_alone(pool, settle, ecs):
    """It was Pending without a task when it was read; its task is there before we act."""
    run = await pool.run(Pending())
    read = pool.client.read_flow_run_states

    async def start_first(run_id):
        await pool.client.set_flow_run_state(run_id, Running())
        return await read(run_id)

    pool.client.read_flow_run_states = start_first
    assert await settle(after=90) == []
    assert (await pool.state(run)).is_running()


@with_pool
async def test_another_pools_runs_are_left_alone(pool, settle, ecs):
    other = Pool(pool.client, f"other-{uuid4()}")
    await other.make()
    run = await other.run(Running())
    assert await settle() == []
    assert (await pool.state(run)).is_running()


@with_pool
async def test_what_two_agents_settle_at_once_counts_once(pool, settle, ecs):
    run = await pool.run(Pending())
    await asyncio.gather(*(settle(after=90) for _ in range(3)))
    assert (await pool.state(run)).is_scheduled()
    assert times_given_back(await pool.client.read_flow_run_states(run.id)) == 1
