"""Runs deployments one after the other, each as a run of its own. A link that does not complete ends the chain.

Safe to run again: a retry of the chain finds the links that have completed and the one that goes on.
"""

from __future__ import annotations

from datetime import UTC, datetime
from time import monotonic, sleep
from typing import TYPE_CHECKING

from prefect import get_run_logger
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.deployments import run_deployment
from prefect.runtime import flow_run
from prefect.states import Cancelling
from pydantic import BaseModel

from flows.shared import metrics
from flows.shared.errors import DataFlowsError

if TYPE_CHECKING:
    from prefect.client.schemas.objects import FlowRun

POLL_SECONDS = 2.0
MOST_ATTEMPTS = 100


class ChainError(DataFlowsError):
    """A link did not complete; the message names it, its reason, and the links that were not started."""


class ChainResult(BaseModel, frozen=True):
    """The runs of the links, by deployment."""

    runs: dict[str, str]


def run_chain(*deployments: str) -> ChainResult:
    """Run `<flow>/<deployment>`s in this order, each after the one before has completed. To be called in a flow's body.

    If the flow run is cancelled, the link that runs is cancelled too. If its task is only stopped, the link goes on,
    and the next attempt waits for it. Raises ChainError.
    """
    began, name, run_id, started = monotonic(), str(flow_run.flow_name), str(flow_run.id), datetime.now(UTC)
    runs: dict[str, str] = {}
    try:
        for number, deployment in enumerate(deployments):
            run = _run_link(deployment, f"{run_id}-{number}", started)
            if not (run.state and run.state.is_completed()):
                left = ", ".join(deployments[number + 1 :]) or "none"
                raise ChainError(
                    f"{name}: got {run.state_name} from {deployment} (run {run.name}): "
                    f"{(run.state and run.state.message) or 'no message'}; expected Completed; not started: {left}. "
                    "Mend the cause and run this again."
                )
            runs[deployment] = str(run.id)
    finally:
        figures = {"links_completed": len(runs), "links_not_completed": len(deployments) - len(runs)}
        metrics.report(name, run_id, {**figures, "seconds": round(monotonic() - began, 3)})
    return ChainResult(runs=runs)


def _run_link(deployment: str, key: str, started: datetime) -> FlowRun:
    """Start a run, or find the one that an earlier attempt of the chain has started and that did not fail."""
    with get_client(sync_client=True) as client:
        for attempt in range(MOST_ATTEMPTS):
            # Prefect answers a key that it knows with the run that has it.
            run: FlowRun = run_deployment(deployment, timeout=0, idempotency_key=f"{key}-{attempt}")  # type: ignore[assignment]
            is_over = bool(run.state and run.state.is_final() and not run.state.is_completed())
            if not (is_over and run.created and run.created < started):
                return _follow(client, deployment, run)
    raise ChainError(
        f"{deployment}: got {MOST_ATTEMPTS} attempts that did not complete; expected fewer; start it anew."
    )


def _follow(client: SyncPrefectClient, deployment: str, run: FlowRun) -> FlowRun:
    get_run_logger().info("%s: run %s", deployment, run.name)
    try:
        while not (run.state and run.state.is_final()):
            sleep(POLL_SECONDS)
            run = client.read_flow_run(run.id)
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt) or (not isinstance(error, Exception) and _is_ended(client)):
            client.set_flow_run_state(run.id, Cancelling(message="The chain that started it was cancelled."))
        raise
    return run


def _is_ended(client: SyncPrefectClient) -> bool:
    """Whether this flow run is cancelled or over for Prefect, so that no other attempt will come."""
    state = client.read_flow_run(flow_run.id).state
    return bool(state and (state.is_cancelling() or state.is_final()))
