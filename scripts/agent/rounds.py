"""One round of settling: compares the pool's runs with the cluster's tasks, and settles what differs.

Looks before it acts, so that lost, doubled and late events, and other agents that do the same, change nothing: a run is
changed only while its state is the one that was seen before its task was looked for.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterId,
    FlowRunFilterParentFlowRunId,
    FlowRunFilterState,
    FlowRunFilterStateType,
)
from prefect.client.schemas.objects import StateType
from prefect.exceptions import ObjectNotFound
from prefect.logging import get_logger
from prefect.states import Crashed
from prefect_aws.observers.ecs import _forward_cloudwatch_logs

from scripts.agent import settling
from scripts.agent.pool_runs import PAGE, read_runs
from scripts.agent.tasks import FlowTask, FlowTasks

if TYPE_CHECKING:
    from prefect.client.orchestration import PrefectClient
    from prefect.client.schemas.objects import FlowRun, State

FORWARDED_LINES = 100
UNDER_WAY = [StateType.PENDING, StateType.RUNNING, StateType.CANCELLING]
log = get_logger("agent.settling")
Clock = Callable[[], datetime]


def utc_now() -> datetime:
    """The time."""
    return datetime.now(UTC)


def _age(run: FlowRun, now: datetime) -> timedelta:
    return now - run.state.timestamp if run.state else timedelta(0)


class Settler:
    """Settles the runs of one work pool. `limit` is how long a run may be Running unless its tags say otherwise."""

    def __init__(
        self, prefect: PrefectClient, tasks: FlowTasks, pool: str, limit: timedelta, clock: Clock = utc_now
    ) -> None:
        self._prefect = prefect
        self._tasks = tasks
        self._pool = pool
        self._limit = limit
        self._clock = clock

    async def settle(self) -> list[str]:
        """Do one round; return what was done, a sentence each.

        Raises whatever Prefect or AWS raise: the next round looks again.
        """
        under_way = FlowRunFilterState(type=FlowRunFilterStateType(any_=UNDER_WAY))
        runs = await read_runs(self._prefect, self._pool, state=under_way)
        # After the runs, so that a run whose task is gone now had its task when it was read, or none.
        running = await asyncio.to_thread(self._tasks.running)
        latest = await self._latest({str(run.id): run for run in runs if not settling.is_try(run)}, running)
        done = [await self._settle(run, latest.get(str(run.id))) for run in runs]
        done += [await self._stop_if_ended(tasks) for tasks in self._by_run(running, but={str(run.id) for run in runs})]
        for each in (told := [each for each in done if each]):
            log.warning(each)
        return told

    async def _latest(self, runs: dict[str, FlowRun], running: list[FlowTask]) -> dict[str, FlowTask]:
        """Each run's latest task: one that lives, else the one that the worker noted, else what ECS remembers."""
        alive = {task.run_id: task for task in sorted(running, key=lambda task: task.created_at)}
        rest = {key: run for key, run in runs.items() if key not in alive}
        noted = [run.infrastructure_pid.partition("::")[2] for run in rest.values() if run.infrastructure_pid]
        found = list((await asyncio.to_thread(self._tasks.named, noted)).values()) if noted else []
        known, now = {task.run_id for task in found}, self._clock()
        if any(key not in known and _age(run, now) > settling.GRACE for key, run in rest.items()):
            # Seldom: an agent ended before it noted the task. What has stopped within the hour are many tasks.
            found += await asyncio.to_thread(self._tasks.stopped)
        ended = {task.run_id: task for task in sorted(found, key=lambda task: (task.is_alive, task.created_at))}
        return ended | alive

    @staticmethod
    def _by_run(running: Iterable[FlowTask], but: set[str]) -> list[list[FlowTask]]:
        others: dict[str, list[FlowTask]] = {}
        for task in running:
            if task.run_id not in but:
                others.setdefault(task.run_id, []).append(task)
        return list(others.values())

    async def _settle(self, run: FlowRun, task: FlowTask | None) -> str:
        if settling.settled(run, task, 0, self._limit, self._clock()) is None:
            return ""
        rescheduled = settling.times_given_back(await self._prefect.read_flow_run_states(run.id))
        state = settling.settled(run, task, rescheduled, self._limit, self._clock())
        if state is None or not await self._set(run, state):
            return ""
        if state.is_final():
            await self._crash_children(run)
        if state.is_crashed() and task and run.state and run.state.is_pending():
            await self._forward_log(run, task)
        if task and task.is_alive:
            await asyncio.to_thread(self._tasks.stop, task, f"Flow run is {state.name}")
        return f"Flow run {run.name} ({run.id}) is {state.name}: {state.message}"

    async def _set(self, run: FlowRun, state: State[Any]) -> bool:
        """Set the state unless the run has got another one since it was read. Tell whether it was set."""
        try:
            now = (await self._prefect.read_flow_run(run.id)).state
        except ObjectNotFound:
            return False
        if now is None or run.state is None or now.id != run.state.id:
            return False
        answer = await self._prefect.set_flow_run_state(run.id, state)
        return bool(answer.status.value == "ACCEPT")

    async def _crash_children(self, run: FlowRun) -> None:
        """Sub-flows that ran in the same task have ended with it."""
        for child in await self._prefect.read_flow_runs(
            flow_run_filter=FlowRunFilter(
                parent_flow_run_id=FlowRunFilterParentFlowRunId(any_=[run.id]),
                state=FlowRunFilterState(type=FlowRunFilterStateType(any_=UNDER_WAY)),
            ),
            limit=PAGE,
        ):
            if not child.infrastructure_pid and child.work_pool_name is None:
                await self._set(child, Crashed(message=f"The task of its parent {run.name} has ended."))
                await self._crash_children(child)

    async def _forward_log(self, run: FlowRun, task: FlowTask) -> None:
        """Bring the log of a task that never reached Prefect to its run."""
        try:
            await _forward_cloudwatch_logs(
                task_arn=task.arn,
                event_detail=task.described,
                flow_run_id=str(run.id),
                container_name="prefect",
                max_events=FORWARDED_LINES,
                handler_logger=log,
            )
        except Exception as error:  # The run's state is what counts.
            log.warning("The log of flow run %s could not be read: %s", run.id, error)

    async def _stop_if_ended(self, tasks: list[FlowTask]) -> str:
        """Stop the tasks of a run that has ended or is gone, once it had time to end by itself."""
        run_id = tasks[0].run_id
        state = await self._state(run_id)
        since = state.timestamp if state else max(task.created_at for task in tasks)
        if (state and not state.is_final()) or self._clock() - since <= settling.GRACE:
            return ""
        why = f"Flow run {run_id} is {state.name if state else 'deleted'}"
        for task in tasks:
            await asyncio.to_thread(self._tasks.stop, task, why)
        return f"{why}, and its ECS task still ran: stopped."

    async def _state(self, run_id: str) -> State[Any] | None:
        found = await self._prefect.read_flow_runs(
            flow_run_filter=FlowRunFilter(id=FlowRunFilterId(any_=[UUID(run_id)]))
        )
        return found[0].state if found else None
