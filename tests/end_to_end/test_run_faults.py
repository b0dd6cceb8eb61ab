"""Whatever happens to a run's task, the queue or the agent: the run is executed, or ends in a state that says why."""

import json
import os
import signal
import time
from contextlib import suppress
from uuid import uuid4

import psutil
import pytest
from patience import eventually, until


class Runs:
    """Runs of the fixture flows, and what Prefect and ECS say of them."""

    def __init__(self, stack):
        self.stack = stack
        self.title = stack.environment.title

    def start(self, flow, *, name="by_hand", tags=(), job_variables=None, **parameters):
        """Ask for a run of a deployment; return its id."""
        deployment = self.stack.deployments()[f"{flow}/{name}"]["id"]
        # The key: a request whose answer was lost is sent again.
        asked = {"state": {"type": "SCHEDULED"}, "parameters": parameters, "tags": list(tags)}
        asked["idempotency_key"] = str(uuid4())
        made = self.stack.prefect(
            "POST", f"/deployments/{deployment}/create_flow_run", **asked, job_variables=job_variables or {}
        )
        return made["id"]

    def state(self, run):
        return self.stack.prefect("GET", f"/flow_runs/{run}")["state"]

    def until(self, run, *names):
        """The run's state once it has one of these names."""
        return until(lambda: self.state(run), lambda state: state["name"] in names)

    def states(self, run):
        """The names of its states so far, in order."""
        found = self.stack.prefect("GET", f"/flow_run_states/?flow_run_id={run}")
        return [state["name"] for state in sorted(found, key=lambda state: state["timestamp"])]

    def tasks(self, run, *states):
        """The ECS tasks of the run."""
        arns = [
            arn
            for state in states or ("RUNNING", "STOPPED")
            for arn in self.stack.ecs.list_tasks(cluster=self.title, desiredStatus=state)["taskArns"]
        ]
        found = self.stack.ecs.describe_tasks(cluster=self.title, tasks=arns, include=["TAGS"])["tasks"] if arns else []
        return [task for task in found if {"key": "prefect.io/flow-run-id", "value": run} in task["tags"]]

    def running_task(self, run):
        self.until(run, "Running")
        [task] = self.tasks(run, "RUNNING")
        return task

    def agent(self):
        """The one agent's task, once it runs."""
        return until(
            lambda: [task for task in self.stack.tasks("agent", "RUNNING") if task["lastStatus"] == "RUNNING"],
            lambda found: len(found) == 1,
        )[0]

    def kill_agent(self, number):
        os.kill(self.stack.process_of(self.agent()), number)


@pytest.fixture(name="runs", scope="module")
def fixture_runs(stack, up):
    return Runs(stack)


def test_a_killed_task_crashes_its_run_with_the_reason(runs):
    run = runs.start("fixture_wait", seconds=600)
    os.kill(runs.stack.process_of(runs.running_task(run)), signal.SIGKILL)
    message = runs.until(run, "Crashed")["message"]
    assert "ended with exit code 137: Essential container in task exited" in message


def test_a_task_that_ecs_stops_is_run_again(runs):
    run = runs.start("fixture_wait", seconds=5)
    first = runs.running_task(run)
    runs.stack.ecs.stop_task(cluster=runs.title, task=first["taskArn"], reason="Spot")
    runs.until(run, "Completed")
    assert runs.states(run).count("Running") == 2
    assert len(runs.tasks(run)) == 2


def test_a_run_of_a_flow_that_opts_out_is_not(runs):
    once = {"env": {"PREFECT_FLOW_RUN_EXECUTE_SIGTERM_BEHAVIOR": "crash"}}
    run = runs.start("fixture_wait", seconds=600, job_variables=once)
    runs.stack.ecs.stop_task(cluster=runs.title, task=runs.running_task(run)["taskArn"], reason="Spot")
    assert runs.until(run, "Crashed", "AwaitingRetry")["name"] == "Crashed"


def test_a_task_beyond_its_memory_is_killed_and_its_run_says_what_to_do(runs):
    run = runs.start("fixture_memory", mebibytes=1200, job_variables={"memory": 1024, "cpu": 512})
    message = runs.until(run, "Crashed", "Completed")["message"]
    assert "ran out of its 1024 MiB of memory" in message
    assert 'job_variables={"memory": 2048}' in message


def test_a_run_that_fails_is_told_on_the_topic_by_the_agent_and_so_is_its_recovery(runs):
    def published():
        return [
            call for call in runs.stack.calls() if (call["action"], call["role"]) == ("Publish", f"{runs.title}-agent")
        ]

    for error in ("", "got 1; expected 2", ""):
        before = len(published())
        runs.until(runs.start("fixture_wait", error=error), "Completed", "Failed")
        if error:
            until(lambda before=before: len(published()) > before)
    until(lambda: len(published()) > before)


def test_messages_that_are_no_events_do_no_harm(runs):
    sqs = runs.stack.client("sqs")
    queue = sqs.get_queue_url(QueueName=f"{runs.title}-task-events")["QueueUrl"]
    agent = runs.agent()
    for body in ("no JSON", "{}", json.dumps({"detail": None}), json.dumps({"detail": {"lastStatus": "STOPPED"}})):
        sqs.send_message(QueueUrl=queue, MessageBody=body)
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]

    @eventually
    def all_are_gone():
        counts = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=names)["Attributes"]
        assert set(counts.values()) == {"0"}

    all_are_gone()
    run = runs.start("fixture_wait", seconds=600)
    os.kill(runs.stack.process_of(runs.running_task(run)), signal.SIGKILL)
    runs.until(run, "Crashed")
    assert runs.agent()["taskArn"] == agent["taskArn"]


def test_an_agent_that_is_told_to_stop_starts_what_it_has_taken_or_gives_it_back(runs):
    taken = [runs.start("fixture_wait") for _ in range(6)]
    until(lambda: [runs.state(run)["type"] for run in taken], lambda types: "PENDING" in types)
    runs.kill_agent(signal.SIGTERM)
    for run in taken:
        runs.until(run, "Completed")
    assert [(runs.states(run).count("Running"), len(runs.tasks(run))) for run in taken] == [(1, 1)] * len(taken)


@pytest.mark.faults
def test_an_agent_that_is_killed_with_runs_taken_loses_none(runs):
    taken = [runs.start("fixture_wait") for _ in range(11)]
    until(lambda: [runs.state(run)["type"] for run in taken], lambda types: types.count("PENDING") > 3)
    killed = time.monotonic()
    runs.kill_agent(signal.SIGKILL)
    for run in taken:
        runs.until(run, "Completed")
    print(f"all executed {time.monotonic() - killed:.0f} s after the agent was killed")
    assert [(runs.states(run).count("Running"), len(runs.tasks(run))) for run in taken] == [(1, 1)] * len(taken)


@pytest.mark.faults
def test_a_run_that_hangs_is_timed_out_and_its_task_stopped(runs):
    run = runs.start("fixture_wait", seconds=600, tags=["time-limit:1m"])
    task = runs.running_task(run)
    assert "longer than its time limit" in runs.until(run, "TimedOut")["message"]
    until(lambda: runs.tasks(run, "STOPPED"), lambda stopped: stopped and stopped[0]["lastStatus"] == "STOPPED")
    assert runs.state(run)["name"] == "TimedOut"
    assert [each["taskArn"] for each in runs.tasks(run)] == [task["taskArn"]]


def prefect_server(stack):
    """The process of Prefect's server."""
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            command = process.cmdline()
            if "server" in command and str(stack.settings.prefect_port) in command and process.ppid() != os.getpid():
                return process
    raise AssertionError("no Prefect server")


@pytest.mark.faults
def test_prefect_that_does_not_answer_for_a_minute_costs_no_run(runs):
    under_way = runs.start("fixture_wait", seconds=30)
    runs.running_task(under_way)
    server = prefect_server(runs.stack)
    server.suspend()
    try:
        time.sleep(60)  # The fault itself.
    finally:
        server.resume()
    later = runs.start("fixture_load")
    for run in (under_way, later):
        assert runs.until(run, "Completed", "Failed", "Crashed")["name"] == "Completed"
        assert len(runs.tasks(run)) == 1


@pytest.mark.faults
def test_prefect_that_is_killed_leaves_no_slot_of_a_limit_taken(runs):
    first = runs.start("fixture_memory", name="one_at_a_time", seconds=20)
    runs.running_task(first)
    prefect_server(runs.stack).kill()
    second = runs.start("fixture_memory", name="one_at_a_time", seconds=0)
    assert runs.until(first, "Completed", "Failed", "Crashed")["name"] == "Completed"
    assert runs.until(second, "Completed", "Failed", "Crashed")["name"] == "Completed"


@pytest.mark.faults
def test_of_two_agents_one_is_killed_and_thirty_runs_are_executed_once_each(runs):
    service = {"cluster": runs.title, "service": f"{runs.title}-agent"}
    runs.stack.ecs.update_service(**service, desiredCount=2)
    try:
        until(
            lambda: runs.stack.tasks("agent", "RUNNING"),
            lambda found: [t["lastStatus"] for t in found] == ["RUNNING"] * 2,
        )
        asked = [runs.start("fixture_wait") for _ in range(30)]
        until(lambda: [runs.state(run)["type"] for run in asked], lambda types: types.count("PENDING") > 2)
        os.kill(runs.stack.process_of(runs.stack.tasks("agent", "RUNNING")[0]), signal.SIGKILL)
        for run in asked:
            runs.until(run, "Completed", "Failed", "Crashed")
        assert [runs.state(run)["name"] for run in asked] == ["Completed"] * len(asked)
        assert [(runs.states(run).count("Running"), len(runs.tasks(run))) for run in asked] == [(1, 1)] * len(asked)
    finally:
        runs.stack.ecs.update_service(**service, desiredCount=1)
        runs.agent()


@pytest.mark.faults
def test_light_runs_and_loads_at_once_all_complete(runs):
    asked = [runs.start("fixture_wait") for _ in range(20)] + [runs.start("fixture_load") for _ in range(3)]
    for run in asked:
        runs.until(run, "Completed", "Failed", "Crashed")
    assert {runs.state(run)["name"] for run in asked} == {"Completed"}
