"""Learns of the exception that ends a flow run, in the process that executes it.

Prefect calls a flow's hooks once the run is Failed or Crashed, so never for what a retry mends. Only the flow that a
process was started for has ours: an exception that passes tasks and subflows is told once.
"""

import os
import threading
from collections.abc import Callable
from contextvars import copy_context
from functools import wraps
from typing import TYPE_CHECKING, Any
from uuid import UUID

if TYPE_CHECKING:
    from prefect import Flow, State
    from prefect.client.schemas.objects import FlowRun

# Sentry may be down or slow. The run has its state by then, only its process waits.
MOST_SECONDS = 5.0


def watch_loaded_flows() -> None:
    """From now on, Sentry is told of the run of each flow that Prefect loads, or that its file cannot be loaded."""
    from prefect import flows

    load = flows.load_flow_from_entrypoint

    @wraps(load)
    def load_and_watch(entrypoint: str, use_placeholder_flow: bool = True) -> Any:
        try:
            flow: Flow[..., Any] = load(entrypoint, use_placeholder_flow)
        except Exception as error:
            cause = error.__cause__ or error  # Prefect wraps what the file raises.
            print(_told_in_time(lambda: _tell_of_file(cause)), flush=True)
            raise
        return watch(flow)

    flows.load_flow_from_entrypoint = load_and_watch


def watch(flow: "Flow[..., Any]", deployment: str = "") -> "Flow[..., Any]":
    """Tell Sentry when a run of this flow fails or crashes. Without `deployment`, Prefect is asked for its name."""

    def tell_sentry(flow: "Flow[..., Any]", flow_run: "FlowRun", state: "State[Any]") -> None:
        from prefect.logging.loggers import flow_run_logger

        said = _told_in_time(lambda: _tell_of_run(flow.name, flow_run, state, deployment))
        flow_run_logger(flow_run, flow).info(said)

    flow.on_failure(tell_sentry)
    flow.on_crashed(tell_sentry)
    return flow


def _told_in_time(tell: Callable[[], str]) -> str:
    """What `tell` says in a thread of its own, or why there is nothing from it. Raises nothing."""
    said = [f"Sentry was not told: no answer within {MOST_SECONDS:.0f} s."]

    def attempt() -> None:
        try:
            said[0] = tell()
        except Exception as error:  # Its text may hold the DSN.
            status = getattr(getattr(error, "response", None), "status_code", "")
            said[0] = f"Sentry was not told: {type(error).__name__} {status}".rstrip() + "."

    thread = threading.Thread(target=copy_context().run, args=(attempt,), daemon=True)
    thread.start()
    thread.join(MOST_SECONDS)
    return said[0]


def _tell_of_run(flow: str, run: "FlowRun", state: "State[Any]", deployment: str) -> str:
    import asyncio

    from prefect.exceptions import TerminationSignal
    from prefect.states import get_state_exception

    from scripts.sentry.report import send

    error: Any = get_state_exception(state, _sync=True)  # type: ignore[call-arg] # Also of a flow in asyncio.
    # Somebody or something has stopped it.
    if isinstance(error, TerminationSignal | KeyboardInterrupt | asyncio.CancelledError):
        return "Sentry is not told: the run was stopped."
    return send(error, flow, run, deployment or _deployment_of(run))


def _tell_of_file(error: BaseException) -> str:
    from prefect.client.orchestration import get_client

    from scripts.sentry.report import send

    with get_client(sync_client=True) as client:
        run = client.read_flow_run(UUID(os.environ["PREFECT__FLOW_RUN_ID"]))
        flow = client.read_flow(run.flow_id).name
    return send(error, flow, run, _deployment_of(run))


def _deployment_of(run: "FlowRun") -> str:
    """Name of the run's deployment; nothing if it has none or Prefect does not answer."""
    from prefect.client.orchestration import get_client

    if run.deployment_id is None:
        return ""
    try:
        with get_client(sync_client=True) as client:
            return client.read_deployment(run.deployment_id).name
    except Exception:
        return ""
