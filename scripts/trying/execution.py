"""Executes a flow of the working tree in this process, as a run that Prefect shows like any other.

The run has no deployment: so no automation tells anybody of it, and none of an agent's runs counts as after a failed
one. It is in the work pool, where the agent leaves it alone (scripts/agent/settling.py).
"""

import asyncio
import inspect
import json
import os
import pdb  # noqa: T100 - it is what `breakpoint()` starts.
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scripts.sentry.watching import watch
from scripts.shared import flow_runs
from scripts.shared.environments import ROOT
from scripts.shared.own_lines import own_line
from scripts.shared.refusal import Refusal
from scripts.shared.run_tags import TRY
from scripts.trying import choice, keeper
from scripts.trying.variables import TaskDefinition

if TYPE_CHECKING:
    from prefect import Flow, State
    from prefect.client.schemas.objects import FlowRun


def execute(file: Path, wanted: str, given: dict[str, Any], definition: TaskDefinition) -> int:
    """Run it to its end; the exit code is 0 when it is Completed.

    Raises:
        Refusal: the file or the parameters are wrong, or Prefect has no such work pool.
    """
    from scripts.agent.settling import time_limit

    flow, deployment = choice.load(file, wanted)
    if os.environ.get("SENTRY_DSN"):
        watch(flow, deployment.name)
    described = deployment.model_dump(mode="json", include={"parameters", "tags", "job_variables"})
    parameters = described["parameters"] | given
    schema = json.loads(json.dumps(flow.parameters.model_dump(mode="json", exclude_unset=True)))
    flow_runs.refuse_parameters(schema, parameters)
    run = create(flow, parameters, [*described["tags"], TRY], definition.pool)
    print(f"{deployment.flow_name}/{deployment.name} as {run.name}: {flow_runs.address(run)}", flush=True)
    memory_mib = int(described["job_variables"].get("memory") or definition.memory_mib)
    with kept(run, memory_mib, time_limit(described["tags"], definition.time_limit)):
        state = result(flow, run)
    run, counted = asyncio.run(flow_runs.read_ended(run.id))
    print(flow_runs.ending(run, counted, cause(state)), flush=True)
    return 0 if state.is_completed() else 1


def create(flow: "Flow[..., Any]", parameters: dict[str, Any], tags: list[str], pool: str) -> "FlowRun":
    """A run that is Pending from the start: agents take what is Scheduled.

    Raises:
        Refusal: there is no such work pool.
    """
    from prefect.client.orchestration import get_client
    from prefect.exceptions import ObjectNotFound

    with get_client(sync_client=True) as client:
        try:
            return client.create_flow_run(flow, parameters=parameters, tags=tags, work_pool_name=pool)
        except ObjectNotFound:
            raise Refusal(
                f"Prefect has no work pool {pool}; expected what registration writes: `make register` first."
            ) from None


def stop_here() -> None:
    """What `breakpoint()` does: pdb on a stream of its own. On stdout, Prefect would log what somebody looks at."""
    debugger = pdb.Pdb(stdout=os.fdopen(os.dup(1), "w", buffering=1))
    debugger.use_rawinput = True  # With the keys and the history of a terminal.
    debugger.set_trace(sys._getframe(1))


def result(flow: "Flow[..., Any]", run: "FlowRun") -> "State[Any]":
    """Execute the run here; returns its last state."""
    from prefect.flow_engine import run_flow

    if sys.breakpointhook is sys.__breakpointhook__ and "PYTHONBREAKPOINT" not in os.environ:
        sys.breakpointhook = stop_here
    outcome: Any = run_flow(flow, flow_run=run, return_type="state")
    return asyncio.run(outcome) if inspect.iscoroutine(outcome) else outcome


@contextmanager
def kept(run: "FlowRun", memory_mib: int, limit: timedelta) -> Iterator[None]:
    """Within, this process is held to the memory and the time, and its end is told if it cannot tell it itself."""
    bounds = (str(os.getpid()), str(run.id), str(memory_mib), str(limit.total_seconds()))
    # In a session of its own, so that Ctrl-C does not reach it.
    keeping = subprocess.Popen(
        [sys.executable, "-m", keeper.__name__, *bounds],
        cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    yield
    assert keeping.stdin
    with suppress(BrokenPipeError):  # Somebody has ended it.
        keeping.stdin.write(keeper.ENDED)
        keeping.stdin.flush()


def cause(state: "State[Any]") -> str:
    """What the flow ended with and where in flows/; nothing of one that is Completed."""
    if state.is_completed():
        return ""
    error = state.result(raise_on_failure=False, retry_result_failure=False)
    if not isinstance(error, BaseException):
        return state.message or ""
    where = own_line(error)
    return f"{type(error).__name__}: {error}{where and f' ({where})'}"
