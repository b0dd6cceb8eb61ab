"""How real flow runs end, and that the alerts tell only of what Prefect itself could not tell."""

import json
import os
import re
import subprocess
import sys

import pytest
from patience import PATIENCE_SECONDS

FLOWS = """
import os
import signal
import time

from prefect import flow, get_run_logger, task


@task
def breaks():
    raise ValueError("no such table")


@flow
def fails():
    breaks()


@flow(timeout_seconds=10)  # Enough to complain in on a busy machine.
def complains_and_is_too_slow():
    get_run_logger().error("the source has no row of today")
    time.sleep(600)


@flow
def is_killed():
    os.kill(os.getpid(), signal.SIGKILL)


@flow
def is_killed_with_the_process_around_it():
    os.kill(os.getppid(), signal.SIGKILL)
    os.kill(os.getpid(), signal.SIGKILL)
"""
NAMES = re.findall(r"@flow.*\ndef (\w+)", FLOWS)


@pytest.fixture(scope="module")
def runs(prefect_server, tmp_path_factory):
    """(exit code, state, what was written) of a run of each flow, started as its ECS task is, all at once."""
    from prefect.client.orchestration import get_client
    from prefect.settings import PREFECT_API_URL

    folder = tmp_path_factory.mktemp("runs")
    (folder / "lab.py").write_text(FLOWS)
    with get_client(sync_client=True) as client:
        started = {}
        for name in NAMES:
            flow_id = client.create_flow_from_name(name.replace("_", "-"))
            deployment = client.create_deployment(flow_id, name, path=str(folder), entrypoint=f"lab.py:{name}")
            run = client.create_flow_run_from_deployment(deployment)
            shell = os.environ | {"PREFECT_API_URL": PREFECT_API_URL.value(), "PREFECT__FLOW_RUN_ID": str(run.id)}
            command = [sys.executable, "-m", "prefect", "flow-run", "execute"]
            output = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
            started[name] = run.id, subprocess.Popen(command, env=shell, cwd=folder, **output)
        written = {name: process.communicate(timeout=PATIENCE_SECONDS)[0] for name, (_, process) in started.items()}
        return {
            name: (process.returncode, client.read_flow_run(run_id).state_name, written[name])
            for name, (run_id, process) in started.items()
        }


@pytest.fixture(scope="module")
def patterns(offline_plan):
    """What counts as an error line, by alarm."""
    changes = json.loads((offline_plan("amber") / "plan.json").read_text())["resource_changes"]
    filters = [each["change"]["after"] for each in changes if each["type"] == "aws_cloudwatch_log_metric_filter"]
    return {each["name"]: each["pattern"] for each in filters}


def counted(pattern, text):
    """Lines that a filter pattern of quoted terms matches: each `"term"` is in it and no `-"term"`."""
    terms = re.findall(r'(-?)"([^"]+)"', pattern)
    return [line for line in text.splitlines() if all((term in line) != bool(sign) for sign, term in terms)]


@pytest.mark.parametrize(("name", "state"), [("fails", "Failed"), ("is_killed", "Crashed")])
def test_a_run_whose_state_tells_ends_with_0_and_its_errors_are_not_counted(runs, patterns, name, state):
    """On-call hears of these from Prefect, with the flow's name: no second call."""
    exit_code, ended, written = runs[name]
    assert (exit_code, ended) == (0, state), written
    assert counted(patterns["flow-errors"], written) == []
    assert state == "Crashed" or counted('"| ERROR"', written), "expected the run to say what went wrong"


def test_what_a_flow_itself_calls_an_error_is_counted_and_that_it_timed_out_is_not(runs, patterns):
    exit_code, ended, written = runs["complains_and_is_too_slow"]
    assert (exit_code, ended) == (0, "TimedOut"), written
    (line,) = counted(patterns["flow-errors"], written)
    assert line.endswith("the source has no row of today")
    assert len(counted('"| ERROR"', written)) > 1


def test_only_a_run_that_prefect_lost_ends_with_another_code(runs):
    """Its state stays Running until the agent reads the task's event, so the exit code is what tells."""
    exit_code, ended, written = runs["is_killed_with_the_process_around_it"]
    assert (exit_code, ended) == (-9, "Running"), written


def test_what_the_agent_says_of_a_dead_task_is_not_counted_and_what_it_cannot_do_is(patterns):
    """The first line is what it wrote when a run's task was killed on the local stack."""
    died = (
        "18:13:58.130 | ERROR   | prefect.flow_runs.observer - Essential container exited: Container 'prefect' exited"
    )
    denied = "18:13:58.130 | ERROR   | prefect.flow_runs.worker - Failed to submit flow run '1' to infrastructure."
    assert counted(patterns["agent-errors"], f"{died}\n{denied}\nTraceback (most recent call last):") == [denied]
