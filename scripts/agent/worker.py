"""Prefect's ECS worker with four differences: a run's task starts once and from the definition of its flow's file, the
worker settles runs, and it does not leave runs behind."""

from __future__ import annotations

import asyncio
import sys
import threading
import time
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Self

import boto3
import httpx
from botocore.exceptions import ClientError
from prefect.client.schemas.objects import StateType
from prefect.states import Cancelled, Scheduled
from prefect.workers.base import BaseWorker
from prefect_aws.workers.ecs_worker import ECSWorker, ECSWorkerResult

from scripts.agent import settling
from scripts.agent.configuration import Configuration
from scripts.agent.rounds import Settler
from scripts.agent.tasks import RUN_TAG, FlowTasks
from scripts.agent.telling import Place, Teller
from scripts.agent.unscheduled import ScheduleWatch
from scripts.agent.wake import listen

if TYPE_CHECKING:
    from prefect.client.orchestration import PrefectClient
    from prefect.client.schemas.objects import FlowRun, State
    from prefect.client.schemas.responses import WorkerFlowRunResponse

SETTLE_SECONDS = 20
# The state that Prefect gives a run whose deployment runs as often as it may.
WAITS_FOR_A_SLOT = "AwaitingConcurrencySlot"
# Between two rounds, however many tasks stop.
PAUSE_SECONDS = 2
# Without a successful round for so long the health check fails, and ECS replaces the agent.
MOST_UNSETTLED_SECONDS = 300
# ECS waits 30 s between SIGTERM and SIGKILL.
MOST_FINISHING_SECONDS = 20


class Agent(ECSWorker):
    """The worker of one pool and cluster, which have the same name."""

    job_configuration = Configuration

    def __init__(self, pool: str, queue: str, limit: timedelta, told: tuple[Place, str] | None = None) -> None:
        """`told`: what messages about runs name, and the topic that they are published on, if the agent tells."""
        super().__init__(work_pool_name=pool, create_pool_if_not_found=False)
        self._pool, self._queue, self._time_limit = pool, queue, limit
        self._told = told
        self._teller: Teller | None = None
        self._attempts: dict[str, str] = {}
        self._is_stopping = False
        self._settled_at = time.monotonic()
        self._woken = asyncio.Event()
        self._silenced = threading.Event()

    # Prefect's observer of task events is left out: rounds and `listen` take its place.
    async def __aenter__(self) -> Self:
        return await BaseWorker.__aenter__(self)

    async def __aexit__(self, *exc_info: Any) -> None:
        await BaseWorker.__aexit__(self, *exc_info)

    async def serve(self, stopping: asyncio.Event) -> None:
        """Work until `stopping` is set; then start what was taken, or give it back."""
        loop = asyncio.get_running_loop()

        def wake() -> None:
            loop.call_soon_threadsafe(self._woken.set)

        sqs = boto3.client("sqs")
        threading.Thread(target=listen, args=(sqs, self._queue, wake, self._silenced), daemon=True).start()
        working = asyncio.create_task(self.start(with_healthcheck=True))
        rounds = asyncio.create_task(self._settle())
        stopped = asyncio.create_task(stopping.wait())
        try:
            await asyncio.wait({working, rounds, stopped}, return_when=asyncio.FIRST_COMPLETED)
            await self._finish(working)
        finally:
            self._silenced.set()
            for task in (rounds, stopped, working):
                task.cancel()
            ended = await asyncio.gather(working, rounds, return_exceptions=True)
        for error in ended:
            if isinstance(error, Exception):
                raise error

    async def _finish(self, working: asyncio.Task[None]) -> None:
        """Take no more runs, wait for those that are being started, and give back the rest."""
        self._is_stopping = True
        until = time.monotonic() + MOST_FINISHING_SECONDS
        while self._submitting_flow_run_ids and time.monotonic() < until and not working.done():
            await asyncio.sleep(0.1)
        for run_id in [] if working.done() else list(self._submitting_flow_run_ids):
            run = await self.client.read_flow_run(run_id)
            if run.state and run.state.type == StateType.PENDING:
                state: State[Any] = Scheduled(
                    name=settling.RESCHEDULED, message=f"Agent {self.name} stops: given back."
                )
                await self.client.set_flow_run_state(run_id, state)

    async def _settle(self) -> None:
        schedules: ScheduleWatch | None = None
        while True:
            try:
                async with asyncio.timeout(SETTLE_SECONDS):
                    await self._woken.wait()
            except TimeoutError:
                pass
            self._woken.clear()
            if not self.is_setup:
                continue
            try:
                tasks = FlowTasks(boto3.client("ecs"), self._pool)
                await Settler(self.client, tasks, self._pool, self._time_limit).settle()
                self._settled_at = time.monotonic()
            except Exception as error:
                self._logger.warning("Runs and tasks could not be compared, the next round looks again: %s", error)
            schedules = schedules or ScheduleWatch(self.client, self._pool)
            try:
                for unscheduled in await schedules.look():
                    self._logger.error(unscheduled)
                await self._tell()
            except Exception as error:
                self._logger.error("What happened to runs could not be told, the next round tries again: %s", error)
            await asyncio.sleep(PAUSE_SECONDS)

    async def _tell(self) -> None:
        if self._told is None:
            return
        place, topic = self._told
        sns = boto3.client("sns")

        def publish(subject: str, text: str) -> None:
            sns.publish(TopicArn=topic, Subject=subject, Message=text)

        self._teller = self._teller or Teller(self.client, place, publish)
        await self._teller.tell()

    def is_worker_still_polling(self, query_interval_seconds: float) -> bool:
        """Whether it polls and settles: what its health check asks."""
        silent = time.monotonic() - self._settled_at
        if silent > MOST_UNSETTLED_SECONDS:
            self._logger.error("Runs and tasks were not compared for %.0f s: the agent should be replaced", silent)
            return False
        return super().is_worker_still_polling(query_interval_seconds)

    async def get_and_submit_flow_runs(self) -> list[FlowRun]:
        """Take runs that are due. An API that cannot be reached is no reason to end: the health check bounds it."""
        if self._is_stopping:
            return []
        try:
            return await super().get_and_submit_flow_runs()
        except httpx.HTTPError as error:
            self._logger.warning("Prefect cannot be asked for runs: %r", error)
            return []

    async def _get_scheduled_flow_runs(self) -> list[WorkerFlowRunResponse]:
        """The runs that are due, without those that a later one of their deployment makes needless."""
        due = await super()._get_scheduled_flow_runs()
        needless = {run.id for run in settling.needless([each.flow_run for each in due])}
        for run_id in needless:
            why: State[Any] = Cancelled(
                message="Several runs were late, and the latest does what all would: tag late:once."
            )
            await self.client.set_flow_run_state(run_id, why)
        return [each for each in due if each.flow_run.id not in needless]

    async def _propose_crashed_state(
        self, flow_run: FlowRun, message: str, client: PrefectClient | None = None
    ) -> None:
        """A run whose task could not be started ends. If it is Prefect that could not be asked, the run stays Pending:
        a round starts it again, or finds its task."""
        if isinstance(sys.exception(), httpx.HTTPError):
            self._logger.warning("Flow run %s (%s) is left Pending: %s", flow_run.name, flow_run.id, message)
            return
        await super()._propose_crashed_state(flow_run, message, client)

    async def _propose_pending_state(self, flow_run: FlowRun) -> bool:
        """Take a run. One that has to wait says so in its log, when it begins to."""
        if await super()._propose_pending_state(flow_run):
            return True
        if flow_run.state is None or flow_run.state.name != WAITS_FOR_A_SLOT:
            now = (await self.client.read_flow_run(flow_run.id)).state
            if now and now.name == WAITS_FOR_A_SLOT:
                self.get_flow_run_logger(flow_run).warning(
                    "Waits for another run of its deployment to end: as many as its concurrency limit allows run"
                )
        return False

    async def sync_with_backend(self) -> None:
        """Send the heartbeat, with the same patience."""
        try:
            await super().sync_with_backend()
        except httpx.HTTPError as error:
            self._logger.warning("Prefect does not take the heartbeat: %r", error)

    async def run(self, flow_run: FlowRun, configuration: Any, task_status: Any = None) -> ECSWorkerResult:
        """Start the run's task."""
        key = str(flow_run.id)
        self._attempts[key] = await self._attempt(flow_run)
        try:
            return await super().run(flow_run, configuration, task_status)
        finally:
            self._attempts.pop(key, None)

    async def _attempt(self, flow_run: FlowRun) -> str:
        """What makes one attempt: the state by which it was scheduled. Given back, it is the same attempt still."""
        state = flow_run.state
        assert state is not None
        if state.name != settling.RESCHEDULED:
            return str(state.id)
        history = sorted(await self.client.read_flow_run_states(flow_run.id), key=lambda each: each.timestamp)
        scheduled = [each for each in history if each.type == StateType.SCHEDULED and each.name != settling.RESCHEDULED]
        return str((scheduled or [state])[-1].id)

    def _create_task_run(self, ecs_client: Any, task_run_request: dict[str, Any]) -> Any:
        """RunTask, at most once for an attempt: ECS answers a token that it knows with the task that has it."""
        run_id = next(tag["value"] for tag in task_run_request["tags"] if tag["key"] == RUN_TAG)
        try:
            return super()._create_task_run(ecs_client, task_run_request | {"clientToken": self._attempts[run_id]})
        except ClientError as error:
            # Another agent started it: its request differs in the agent's name.
            if error.response["Error"]["Code"] != "ConflictException":
                raise
            tasks = FlowTasks(ecs_client, self._pool)
            known = [task for task in tasks.running() + tasks.stopped() if task.run_id == run_id]
            if not known:
                raise
            latest = max(known, key=lambda task: task.created_at)
            return {"taskArn": latest.arn, "clusterArn": task_run_request["cluster"]}
