"""A run's log as Prefect has it, shown to a person: time, level, task, message."""

import asyncio
import logging
import time
from typing import TYPE_CHECKING
from uuid import UUID

from scripts.shared import own_lines

if TYPE_CHECKING:
    from prefect.client.orchestration import PrefectClient
    from prefect.client.schemas.objects import FlowRun, Log

POLL_SECONDS = 0.5
LOGS_AT_ONCE = 200
# Flow and agent send their lines in batches: one may come after others that are later than it. So many are read again.
READ_AGAIN = 100
# A run sends its logs in batches; its last comes after its final state, unless it crashed.
LAST_LINE = "Finished in state "
LOG_FLUSH_SECONDS = 2.5


class TaskNames:
    """Names of the task runs of which a flow run's log lines are."""

    def __init__(self, client: "PrefectClient") -> None:
        self._client = client
        self._known: dict[UUID, str] = {}

    async def of(self, logs: "list[Log]") -> dict[UUID, str]:
        """Read those that are not known. Prefect learns of a task a moment after its first lines."""
        from prefect.client.schemas.filters import TaskRunFilter, TaskRunFilterId

        wanted = {line.task_run_id for line in logs if line.task_run_id} - set(self._known)
        if wanted:
            filter_ = TaskRunFilter(id=TaskRunFilterId(any_=sorted(wanted)))
            found = await self._client.read_task_runs(task_run_filter=filter_, limit=LOGS_AT_ONCE)
            self._known |= {each.id: each.name for each in found}
        return self._known


class LogLines:
    """Log lines as a person reads them: time, level, task, message. A traceback is shown once: a task's error is also
    its flow's."""

    def __init__(self) -> None:
        self._shown: set[str] = set()
        self.cause = ""
        self.last_came = False

    def show(self, line: "Log", task: str) -> None:
        """Print one."""
        self.last_came = self.last_came or (not line.task_run_id and line.message.startswith(LAST_LINE))
        message = own_lines.readable(line.message)
        if own_lines.TRACEBACK in message:
            self.cause = own_lines.last_own_line(message) or self.cause
            end = message.rstrip().rpartition("\n")[2]
            if end in self._shown:
                message = message.partition("\n")[0]
            self._shown.add(end)
        text = " | ".join(filter(None, [f"{logging.getLevelName(line.level):<7}", task, message]))
        print(f"{line.timestamp:%H:%M:%S} {text}", flush=True)


async def follow(client: "PrefectClient", run: "FlowRun", *, to_its_end: bool = True) -> "tuple[FlowRun, str]":
    """Print the run's state changes and log lines as they come, until it is final, or only those there are.

    Returns it with the last line of flows/ that its error passed.
    """
    from prefect.client.schemas.filters import LogFilter, LogFilterFlowRunId
    from prefect.client.schemas.sorting import LogSort

    filter_ = LogFilter(flow_run_id=LogFilterFlowRunId(any_=[run.id]))
    shown: set[UUID] = set()
    state, ended = None, 0.0
    lines, names = LogLines(), TaskNames(client)

    async def read() -> "list[Log]":
        offset = max(0, len(shown) - READ_AGAIN)
        found = await client.read_logs(filter_, limit=LOGS_AT_ONCE, offset=offset, sort=LogSort.TIMESTAMP_ASC)
        return [line for line in found if line.id not in shown]

    while True:
        run = await client.read_flow_run(run.id)
        while logs := await read():
            shown |= {line.id for line in logs}
            tasks = await names.of(logs)
            for line in logs:
                lines.show(line, tasks.get(line.task_run_id, "") if line.task_run_id else "")
        if run.state_name != state:
            state = run.state_name
            print(f"{'':8} {state}", flush=True)
        if run.state and run.state.is_final():
            ended = ended or time.monotonic()
        if not to_its_end or (ended and (lines.last_came or time.monotonic() > ended + LOG_FLUSH_SECONDS)):
            return run, lines.cause
        await asyncio.sleep(POLL_SECONDS)
