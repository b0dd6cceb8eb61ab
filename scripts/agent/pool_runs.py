"""The flow runs of one work pool, a page at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from prefect.client.schemas.filters import FlowRunFilter, WorkPoolFilter, WorkPoolFilterName

if TYPE_CHECKING:
    from prefect.client.orchestration import PrefectClient
    from prefect.client.schemas.objects import FlowRun

PAGE = 200


async def read_runs(prefect: PrefectClient, pool: str, **wanted: Any) -> list[FlowRun]:
    """All runs of the pool that the filters of FlowRunFilter match."""
    of_pool = WorkPoolFilter(name=WorkPoolFilterName(any_=[pool]))
    found: list[FlowRun] = []
    while page := await prefect.read_flow_runs(
        flow_run_filter=FlowRunFilter(**wanted), work_pool_filter=of_pool, limit=PAGE, offset=len(found)
    ):
        found += page
        if len(page) < PAGE:
            break
    return found
