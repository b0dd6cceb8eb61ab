"""Finds deployments of one work pool whose schedule is active and that Prefect has scheduled no run of.

No event tells of that: Prefect's scheduler is dead, or its schedule has no date any more.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING
from uuid import UUID

from prefect.client.schemas.filters import (
    FlowRunFilterState,
    FlowRunFilterStateType,
    WorkPoolFilter,
    WorkPoolFilterName,
)
from prefect.client.schemas.objects import StateType

from scripts.agent.pool_runs import PAGE, read_runs

if TYPE_CHECKING:
    from prefect.client.orchestration import PrefectClient
    from prefect.client.schemas.responses import DeploymentResponse

# Prefect's scheduler goes round once a minute.
LOOK_EVERY_SECONDS = 600


class ScheduleWatch:
    """Looks at one pool; tells of a deployment that it finds without a run ahead twice in a row."""

    def __init__(self, prefect: PrefectClient, pool: str, every_seconds: float = LOOK_EVERY_SECONDS) -> None:
        """`every_seconds`: between two looks."""
        self._prefect = prefect
        self._pool = pool
        self._every_seconds = every_seconds
        self._looked_at = float("-inf")
        self._before: set[UUID] = set()

    async def look(self) -> list[str]:
        """A sentence for each deployment without a run ahead, when it is time to look.

        Raises whatever Prefect raises: the next look sees the same.
        """
        if time.monotonic() - self._looked_at < self._every_seconds:
            return []
        found = {each.id: each for each in await self._without_runs()}
        again = [each for id_, each in found.items() if id_ in self._before]
        self._looked_at, self._before = time.monotonic(), set(found)
        return [
            f"Deployment {each.name} ({each.id}): its schedule is active, and Prefect has scheduled no run of it for "
            f"{self._every_seconds / 60:.0f} minutes."
            for each in again
        ]

    async def _without_runs(self) -> list[DeploymentResponse]:
        wanted = [
            each
            for each in await self._deployments()
            if not each.paused and any(schedule.active for schedule in each.schedules)
        ]
        if not wanted:
            return []
        # Of every kind: one that is late or waits for a slot is told otherwise, and was scheduled.
        state = FlowRunFilterState(type=FlowRunFilterStateType(any_=[StateType.SCHEDULED]))
        ahead = {run.deployment_id for run in await read_runs(self._prefect, self._pool, state=state)}
        return [each for each in wanted if each.id not in ahead]

    async def _deployments(self) -> list[DeploymentResponse]:
        of_pool = WorkPoolFilter(name=WorkPoolFilterName(any_=[self._pool]))
        found: list[DeploymentResponse] = []
        while page := await self._prefect.read_deployments(work_pool_filter=of_pool, limit=PAGE, offset=len(found)):
            found += page
            if len(page) < PAGE:
                break
        return found
