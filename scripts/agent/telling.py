"""Tells an environment that only e-mail reaches of its runs: one message on the alerts topic for each incident.

Channels that Prefect reaches itself get its automations instead (scripts/registration/alerts.py). What is told follows
from the order in which a deployment's runs ended, so nothing is remembered but which runs were told. That is a Prefect
variable for each, which only one agent can create: each incident is told once, however many agents there are.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from uuid import UUID

from prefect.client.schemas.actions import VariableCreate
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterDeploymentId,
    FlowRunFilterEndTime,
    FlowRunFilterExpectedStartTime,
    FlowRunFilterState,
    FlowRunFilterStateName,
    FlowRunFilterStateType,
)
from prefect.client.schemas.objects import StateType
from prefect.client.schemas.sorting import FlowRunSort
from prefect.exceptions import ObjectAlreadyExists, ObjectNotFound
from prefect.logging import get_logger

from scripts.agent.pool_runs import PAGE, read_runs
from scripts.shared import run_pages

if TYPE_CHECKING:
    from prefect.client.orchestration import PrefectClient
    from prefect.client.schemas.objects import FlowRun

# How far back it looks: an agent that starts again has missed no more.
WINDOW = timedelta(minutes=15)
LATE = timedelta(minutes=10)
REMEMBERED = timedelta(days=1)
BAD = [StateType.FAILED, StateType.CRASHED]
LONGEST_REASON = 1000
log = get_logger("agent.telling")


@dataclass(frozen=True)
class Place:
    """What messages name and link to."""

    environment: str
    pool: str
    ui_url: str
    runbook_url: str
    region: str
    log_group: str


class Teller:
    """Tells of one pool's runs. `publish` takes a subject and a text."""

    def __init__(self, prefect: PrefectClient, place: Place, publish: Callable[[str, str], object]) -> None:
        self._prefect = prefect
        self._place = place
        self._publish = publish
        self._seen: dict[UUID, datetime] = {}

    async def tell(self) -> list[str]:
        """Tell what has happened since the last time; return the subjects.

        Raises whatever Prefect or `publish` raise; what was not told then is told the next time.
        """
        now = datetime.now(UTC)
        self._seen = {run: at for run, at in self._seen.items() if at > now - 2 * WINDOW}
        ended = await read_runs(
            self._prefect,
            self._place.pool,
            state=FlowRunFilterState(type=FlowRunFilterStateType(any_=[*BAD, StateType.COMPLETED])),
            end_time=FlowRunFilterEndTime.model_validate({"after_": now - WINDOW}),
        )
        late = await read_runs(
            self._prefect,
            self._place.pool,
            state=FlowRunFilterState(name=FlowRunFilterStateName(any_=["Late"])),
            expected_start_time=FlowRunFilterExpectedStartTime.model_validate({"before_": now - LATE}),
        )
        told = [
            await self._ended(run)
            for run in sorted(ended, key=lambda run: str(run.end_time))
            if run.deployment_id and run.id not in self._seen
        ]
        latest_first = sorted(late, key=lambda run: str(run.expected_start_time), reverse=True)
        first_late = {run.deployment_id: run for run in latest_first if run.deployment_id}
        told += [
            await self._once("late", run, "is late: no agent takes it")
            for run in first_late.values()
            if run.id not in self._seen
        ]
        return [subject for subject in told if subject]

    async def _ended(self, run: FlowRun) -> str:
        """Tell of the first run that fails, and of the first that completes after one has."""
        assert run.state is not None
        is_bad, was_bad = run.state.type in BAD, await self._was_bad_before(run)
        if is_bad == was_bad:
            self._seen[run.id] = datetime.now(UTC)
            return ""
        return await self._once("told", run, f"ended as {run.state.name}" if is_bad else "works again")

    async def _was_bad_before(self, run: FlowRun) -> bool:
        """Whether the run of its deployment that ended before it went wrong."""
        assert run.deployment_id is not None
        earlier = await self._prefect.read_flow_runs(
            flow_run_filter=FlowRunFilter(
                deployment_id=FlowRunFilterDeploymentId(any_=[run.deployment_id]),
                state=FlowRunFilterState(type=FlowRunFilterStateType(any_=[*BAD, StateType.COMPLETED])),
                end_time=FlowRunFilterEndTime(before_=run.end_time),
            ),
            sort=FlowRunSort.END_TIME_DESC,
            limit=PAGE,
        )
        # Runs that ended at the very same moment are in the order of their ids.
        before = [each for each in earlier if (each.end_time, each.id) < (run.end_time, run.id)]
        latest = max(before, key=lambda each: (str(each.end_time), each.id), default=None)
        return bool(latest and latest.state and latest.state.type in BAD)

    async def _once(self, kind: str, run: FlowRun, said: str) -> str:
        """Publish a message about the run unless an agent has."""
        name = f"{self._place.pool.lower()}-{kind}-{run.id}"
        self._seen[run.id] = datetime.now(UTC)
        try:
            await self._prefect.create_variable(VariableCreate(name=name, value=said, tags=["data-flows.told"]))
        except ObjectAlreadyExists:
            return ""
        try:
            subject, text = await self._message(run, said)
            await asyncio.to_thread(self._publish, subject, text)
        except BaseException:
            del self._seen[run.id]
            await self._prefect.delete_variable_by_name(name)
            raise
        await self._forget()
        return subject

    async def _message(self, run: FlowRun, said: str) -> tuple[str, str]:
        assert run.deployment_id is not None
        assert run.state is not None
        place, flow = self._place, (await self._prefect.read_flow(run.flow_id)).name
        title = f"{flow}/{(await self._prefect.read_deployment(run.deployment_id)).name}"
        headline = f"{place.environment}: {title} {said}, {run.state.timestamp:%Y-%m-%d %H:%M} UTC"
        lines = [headline, "", (run.state.message or "Prefect knows no reason.")[:LONGEST_REASON], ""]
        lines += [f"Run: {run_pages.run_url(place.ui_url, run.id)}"]
        if run.infrastructure_pid:
            task = run.infrastructure_pid.rpartition("/")[2]
            lines += [f"Log: {run_pages.log_url(place.region, place.log_group, task)}"]
        if place.runbook_url:
            lines += [f"What to do first: {place.runbook_url}#{flow}"]
        lines += [f"Again: make run ENV={place.environment} FLOW={title}"]
        return headline.encode("ascii", "replace").decode()[:100], "\n".join(lines)

    async def _forget(self) -> None:
        """Remove what was told long ago."""
        before = datetime.now(UTC) - REMEMBERED
        for each in await self._prefect.read_variables(limit=PAGE):
            if "data-flows.told" in each.tags and each.created and each.created < before:
                try:
                    await self._prefect.delete_variable_by_name(each.name)
                except ObjectNotFound:  # Another agent's.
                    log.debug("%s is gone already", each.name)
