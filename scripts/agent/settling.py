"""What becomes of a flow run whose ECS task is not as the run's state says. Decides; `rounds` does."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from prefect.states import Cancelled, Crashed, Failed, Scheduled

from scripts.shared.run_tags import LATE_ONCE, NO_RESTART, RETRY_OUT_OF_MEMORY, TIME_LIMIT, TRY

if TYPE_CHECKING:
    from prefect.client.schemas.objects import FlowRun, State

    from scripts.agent.tasks import FlowTask

# How long a run may be Pending without a task, or its task be there though it has ended: submitting and stopping take
# a while, and what ECS lists is some seconds old.
GRACE = timedelta(seconds=60)
# How long a task may take to start: a large image, no Spot capacity.
MOST_PENDING = timedelta(minutes=30)
MOST_RESCHEDULED = 2
# Of a run that is given back: its task never started, or ended through no fault of its own.
RESCHEDULED = "Rescheduled"
RESTARTED = "Restarted"
UNITS = {"m": "minutes", "h": "hours", "d": "days"}


def time_limit(tags: Collection[str], default: timedelta) -> timedelta:
    """How long a run may be Running: as its tag says (time-limit:90m, 2h, 1d), else the environment's default."""
    found = next(filter(None, map(TIME_LIMIT.fullmatch, sorted(tags))), None)
    return timedelta(**{UNITS[found[2]]: int(found[1])}) if found else default


def needless(due: Collection[FlowRun]) -> list[FlowRun]:
    """Of runs that are due, those of deployments tagged late:once that have a later one among them."""
    latest: dict[object, FlowRun] = {}
    found = []
    once = [(run.expected_start_time, run) for run in due if LATE_ONCE in run.tags and run.auto_scheduled]
    for _, run in sorted(once, key=lambda pair: str(pair[0])):
        if earlier := latest.get(run.deployment_id):
            found.append(earlier)
        latest[run.deployment_id] = run
    return found


def times_given_back(history: Iterable[State[Any]]) -> int:
    """How often the run was given back. What two agents do at once counts once."""
    names = [state.name for state in sorted(history, key=lambda state: state.timestamp)]
    return sum(name in (RESCHEDULED, RESTARTED) and name != before for before, name in pairwise(["", *names]))


def is_try(run: FlowRun) -> bool:
    """Whether `make try` executes the run. Those that an agent starts are of a deployment, whatever its tags are."""
    return TRY in run.tags and run.deployment_id is None


def settled(
    run: FlowRun, task: FlowTask | None, rescheduled: int, limit: timedelta, now: datetime
) -> State[Any] | None:
    """The state that the run should have, or None if it is right as it is.

    `run` is Pending, Running or Cancelling. `task` is its latest one, if there is any; it was looked for after the run
    was read. `rescheduled` is how often the run was given back before.
    """
    state = run.state
    assert state is not None
    age = now - state.timestamp
    if is_try(run):
        # Whoever tries it ends it in time, unless their machine is gone.
        if age <= time_limit(run.tags, limit) + GRACE:
            return None
        return Crashed(message=f"Nothing was heard of its end for {age}: the machine that tried it is gone.")
    if task and task.is_alive:
        if state.is_running() and age > (most := time_limit(run.tags, limit)):
            text = f"Ran for {age}, longer than its time limit of {most}. Find out where it hangs, or raise the limit: "
            return Failed(name="TimedOut", message=f'{text}tags=["time-limit:2h"] on the deployment.')
        if state.is_pending() and age > MOST_PENDING:
            return Crashed(message=f"Its ECS task did not start within {MOST_PENDING}: see its status in ECS.")
        return None
    if state.is_cancelling():
        return Cancelled(message="Its ECS task has ended.") if task or age > GRACE else None
    if state.is_pending() and (task is None or task.created_at < state.timestamp - timedelta(seconds=5)):
        # No task, or an earlier attempt's.
        if age <= GRACE:
            return None
        if rescheduled >= MOST_RESCHEDULED:
            text = f"No agent started its task, though it was given back {rescheduled} times."
            return Crashed(message=f"{text} See the agent's errors: make logs NAME=agent.")
        return Scheduled(name=RESCHEDULED, message=f"Pending for {age.seconds} s without an ECS task: given back.")
    if task is None:
        text = "It is Running and has no ECS task: the task ended more than an hour ago, or never was."
        return Crashed(message=text) if age > GRACE else None
    again = task.was_taken_away or (task.is_out_of_memory and RETRY_OUT_OF_MEMORY in run.tags)
    if again and NO_RESTART not in run.tags and rescheduled < MOST_RESCHEDULED:
        return Scheduled(name=RESTARTED, message=task.ending())
    return Crashed(message=task.ending())
