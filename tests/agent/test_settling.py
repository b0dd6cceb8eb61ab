"""What becomes of a run is decided by its state, its age, its tags and how its latest task ended."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
from prefect.states import Cancelling, Pending, Running

from scripts.agent.settling import needless, settled, time_limit
from scripts.agent.tasks import FlowTask, flow_task

NOW = datetime(2024, 5, 1, 12, tzinfo=UTC)
LIMIT = timedelta(hours=12)
OUT_OF_MEMORY = "OutOfMemoryError: Container killed due to memory usage"


def run(state, seconds, *tags):
    """A run that has been in the state for so long."""
    state.timestamp = NOW - timedelta(seconds=seconds)
    return SimpleNamespace(state=state, tags=list(tags), deployment_id="a deployment")


def tried(state, seconds, *tags):
    """A run of `make try`, which no deployment has."""
    return SimpleNamespace(**vars(run(state, seconds, "try", *tags)) | {"deployment_id": None})


def alive(seconds=0):
    return FlowTask("arn/1", "run", NOW - timedelta(seconds=seconds), is_alive=True)


def ended(seconds=0, *, code="EssentialContainerExited", reason="Essential container in task exited", exit_code=1):
    at = NOW - timedelta(seconds=seconds)
    return FlowTask("arn/1", "run", at, False, code, reason, exit_code, "4096")


SITUATIONS = [
    (run(Pending(), 59), None, 0, None),
    (run(Pending(), 61), None, 0, "Rescheduled"),
    (run(Pending(), 61), None, 1, "Rescheduled"),
    (run(Pending(), 61), None, 2, "Crashed"),
    (run(Pending(), 600), alive(), 0, None),
    (run(Pending(), 1801), alive(), 0, "Crashed"),
    (run(Pending(), 10), ended(5, code="TaskFailedToStart"), 0, "Crashed"),
    # A task that is older than the attempt says nothing about it.
    (run(Pending(), 10), ended(600), 0, None),
    (run(Pending(), 61), ended(600), 0, "Rescheduled"),
    (run(Running(), 3600), alive(3600), 0, None),
    (run(Running(), 12 * 3600 + 1), alive(), 0, "TimedOut"),
    (run(Running(), 601, "time-limit:10m"), alive(), 0, "TimedOut"),
    (run(Running(), 13 * 3600, "time-limit:1d"), alive(), 0, None),
    (run(Running(), 3600), ended(3601), 0, "Crashed"),
    (run(Running(), 59), None, 0, None),
    (run(Running(), 61), None, 0, "Crashed"),
    (run(Running(), 9), ended(code="SpotInterruption"), 0, "Restarted"),
    (run(Running(), 9), ended(code="SpotInterruption"), 2, "Crashed"),
    (run(Running(), 9, "restart:never"), ended(code="SpotInterruption"), 0, "Crashed"),
    (run(Running(), 9), ended(reason=OUT_OF_MEMORY), 0, "Crashed"),
    (run(Running(), 9, "retry:out-of-memory"), ended(reason=OUT_OF_MEMORY), 0, "Restarted"),
    (run(Cancelling(), 1), alive(), 0, None),
    (run(Cancelling(), 1), ended(), 0, "Cancelled"),
    (run(Cancelling(), 61), None, 0, "Cancelled"),
    # At somebody's keyboard there is no task.
    (tried(Pending(), 61), None, 0, None),
    (tried(Running(), 3600), None, 0, None),
    (tried(Running(), 12 * 3600 + 59), None, 0, None),
    (tried(Running(), 12 * 3600 + 61), None, 0, "Crashed"),
    (tried(Running(), 661, "time-limit:10m"), None, 0, "Crashed"),
    # A deployment may have any tag.
    (run(Running(), 61, "try"), None, 0, "Crashed"),
]


@pytest.mark.parametrize(("given", "task", "rescheduled", "becomes"), SITUATIONS)
def test_a_run_becomes(given, task, rescheduled, becomes):
    state = settled(given, task, rescheduled, LIMIT, NOW)
    assert (state.name if state else None) == becomes
    assert state is None or (state.message or "").endswith((".", "deployment."))


@pytest.mark.parametrize(
    ("tags", "limit"),
    [
        ([], LIMIT),
        (["time-limit:90m"], timedelta(minutes=90)),
        (["on-call", "time-limit:2h"], timedelta(hours=2)),
        (["time-limit:1d"], timedelta(days=1)),
        (["time-limit:0m"], LIMIT),
        (["time-limit:soon"], LIMIT),
    ],
)
def test_the_time_limit_is_the_tags_or_the_environments(tags, limit):
    assert time_limit(tags, LIMIT) == limit


DESCRIBED = {
    "taskArn": "arn:aws:ecs:eu-west-1:1:task/c/42",
    "createdAt": NOW,
    "lastStatus": "STOPPED",
    "memory": "4096",
    "stopCode": "EssentialContainerExited",
    "stoppedReason": "Essential container in task exited",
    "tags": [{"key": "prefect.io/flow-run-id", "value": "run"}],
    "containers": [{"name": "prefect", "exitCode": 137, "reason": OUT_OF_MEMORY}],
}


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({}, r'^ECS task 42 ran out of its 4096 MiB .*job_variables=\{"memory": 8192\}\.$'),
        ({"containers": [{"name": "prefect", "exitCode": 3}]}, "with exit code 3: Essential container in task exited"),
        (
            {"containers": [], "stopCode": "TaskFailedToStart", "stoppedReason": "CannotPullContainerError: denied"},
            "could not start: CannotPullContainerError: denied. See docs/runbook",
        ),
        (
            {"containers": [], "stopCode": "SpotInterruption", "stoppedReason": "Spot"},
            "AWS took ECS task 42 away: Spot",
        ),
        ({"containers": [], "stopCode": "", "stoppedReason": ""}, "42 ended: ECS gives no reason"),
    ],
)
def test_how_a_task_ended_is_told_with_awss_reason_and_the_remedy(changes, says):
    task = flow_task(DESCRIBED | changes)
    assert (task.run_id, task.is_alive) == ("run", False)
    with pytest.raises(AssertionError, match=says):
        raise AssertionError(task.ending())


def test_a_task_of_the_agent_has_no_run():
    assert flow_task(DESCRIBED | {"tags": []}).run_id == ""


def late(deployment, hour, *tags, auto_scheduled=True):
    """A run that was due at that hour."""
    due = NOW.replace(hour=hour)
    return SimpleNamespace(
        deployment_id=deployment, expected_start_time=due, tags=list(tags), auto_scheduled=auto_scheduled
    )


def test_of_late_runs_the_latest_is_enough_where_the_deployment_says_so():
    once = [late("a", hour, "late:once") for hour in (9, 8, 10)]
    each = [late("b", hour) for hour in (8, 9)]
    by_hand = late("a", 7, "late:once", auto_scheduled=False)
    other = late("c", 8, "late:once")
    assert sorted(run.expected_start_time.hour for run in needless([*once, *each, by_hand, other])) == [8, 9]


RUNBOOK = (Path(__file__).parents[2] / "docs" / "runbook.md").read_text()
ROWS = re.findall(r"^\| `([^`]+)` \|", RUNBOOK.partition("## What the agent says of a run")[2], re.MULTILINE)


@pytest.mark.parametrize("situation", [each for each in SITUATIONS if each[3]], ids=lambda each: each[3])
def test_the_runbook_has_one_entry_for_what_is_said(situation):
    given, task, rescheduled, _ = situation
    message = settled(given, task, rescheduled, LIMIT, NOW).message
    patterns = {row: ".*".join(map(re.escape, row.split("…"))) for row in ROWS}
    found = [row for row, pattern in patterns.items() if re.match(pattern, message)]
    assert len(found) == 1, message


def test_the_runbook_has_no_entry_for_what_nobody_says():
    said = "".join(path.read_text() for path in (Path(__file__).parents[2] / "scripts" / "agent").glob("*.py"))
    words = [max(re.split("…|`", row), key=len).strip(" .:") for row in ROWS]
    assert len(words) == 14
    assert [word for word in words if word not in said.replace('"\n                f"', "")] == []
