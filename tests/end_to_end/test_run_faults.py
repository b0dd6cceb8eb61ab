"""Whatever happens to a run's task, the queue or the agent: the run is executed, or ends in a state that says why."""

import json
import os
import signal
import time
from collections import Counter
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import psutil
import pytest
from patience import eventually, until
from stand_in import StandIn, serving
from told import THRESHOLD_SECONDS, telling

from scripts.local_stack.supervisor import supervisord

FINAL = ("COMPLETED", "FAILED", "CRASHED", "CANCELLED")


class Runs:
    """Runs of the fixture flows, and what Prefect and ECS say of them.

    `asked` are those of one test, `hit` is when its fault began, `told` the seconds until a run was told, by channel.
    """

    def __init__(self, stack, reached):
        self.stack = stack
        self.title = stack.environment.title
        self.reached = reached
        self.begin()

    def begin(self):
        self.asked, self.told, self.hit = [], {}, datetime.now(UTC)

    def hits(self):
        """The fault begins now."""
        self.hit = datetime.now(UTC)

    def is_told(self, run, *, since=None):
        """Wait until the run is told on every channel, once; note how long that took since its state was known."""
        known = since or datetime.fromisoformat(self.state(run)["timestamp"])
        self.told = self.reached.seconds_until_told(run, known)

    def recovers(self, deployment):
        """Run the deployment again, well; wait until every channel is told."""
        self.until(self.start("fixture_fault", name=deployment), "Completed")
        self.reached.wait_for_the_end(f"fixture_fault/{deployment}")

    def row(self):
        """What `make faults` prints: tries, outcome, seconds until final, until told; runs lost, runs doubled."""
        states = [self.state(run) for run in self.asked]
        ended = [datetime.fromisoformat(state["timestamp"]) for state in states if state["type"] in FINAL]
        again = ("Restarted", "AwaitingRetry")
        doubled = [run for run in self.asked if self.starts(run) - 1 > sum(map(self.states(run).count, again))]
        return {
            "tries": len(states),
            "outcome": ", ".join(f"{number} {name}" for name, number in Counter(s["name"] for s in states).items()),
            "final": f"{(max(ended) - self.hit).total_seconds():.0f}" if ended else "",
            **{channel: f"{seconds:.0f}" for channel, seconds in self.told.items()},
            "lost": len(states) - len(ended),
            "doubled": len(doubled),
        }

    def starts(self, run):
        """How often the run began to execute."""
        return self.states(run).count("Running")

    def start(self, flow, *, name="by_hand", tags=(), job_variables=None, **parameters):
        """Ask for a run of a deployment; return its id."""
        deployment = self.stack.deployments()[f"{flow}/{name}"]["id"]
        # The key: a request whose answer was lost is sent again.
        asked = {"state": {"type": "SCHEDULED"}, "parameters": parameters, "tags": list(tags)}
        asked["idempotency_key"] = str(uuid4())
        made = self.stack.prefect(
            "POST", f"/deployments/{deployment}/create_flow_run", **asked, job_variables=job_variables or {}
        )
        self.asked.append(made["id"])
        return made["id"]

    def state(self, run):
        return self.stack.prefect("GET", f"/flow_runs/{run}")["state"]

    def until(self, run, *names):
        """The run's state once it has one of these names."""
        return until(lambda: self.state(run), lambda state: state["name"] in names)

    def not_completed(self, asked):
        """Names and messages of the states in which runs ended otherwise, once all have ended."""
        ended = [self.until(run, "Completed", "Failed", "Crashed") for run in asked]
        return [(state["name"], state["message"]) for state in ended if state["name"] != "Completed"]

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
        assert self.until(run, "Running", "Completed", "Failed", "Crashed")["name"] == "Running"
        [task] = self.tasks(run, "RUNNING")
        return task

    def agent(self):
        """The one agent's task, once it runs."""
        return until(
            lambda: [task for task in self.stack.tasks("agent", "RUNNING") if task["lastStatus"] == "RUNNING"],
            lambda found: len(found) == 1,
        )[0]

    def kill_agent(self, number):
        self.hits()
        os.kill(self.stack.process_of(self.agent()), number)


@pytest.fixture(name="all_runs", scope="module")
def fixture_all_runs(stack, up):
    with telling(stack) as told:
        yield Runs(stack, told)


@pytest.fixture(name="runs")
def fixture_runs(all_runs, record_property):
    all_runs.begin()
    yield all_runs
    record_property("fault", all_runs.row())


def test_a_run_that_fails_is_told_on_every_channel_and_so_is_its_recovery(runs):
    run = runs.start("fixture_fault", name="fails", error="got 1; expected 2")
    runs.until(run, "Failed")
    runs.is_told(run)
    runs.recovers("fails")
    agent = f"{runs.title}-agent"
    assert {call["role"] for call in runs.stack.calls() if call["action"] == "Publish"} == {agent}


def test_a_killed_task_crashes_its_run_with_the_reason(runs):
    run = runs.start("fixture_fault", name="killed", seconds=600)
    process = runs.stack.process_of(runs.running_task(run))
    runs.hits()
    os.kill(process, signal.SIGKILL)
    message = runs.until(run, "Crashed")["message"]
    assert "ended with exit code 137: Essential container in task exited" in message
    runs.is_told(run)
    runs.recovers("killed")


def test_a_task_that_ecs_stops_is_run_again(runs):
    run = runs.start("fixture_wait", seconds=600)
    first = runs.running_task(run)
    runs.hits()
    runs.stack.ecs.stop_task(cluster=runs.title, task=first["taskArn"], reason="Spot")
    runs.until(run, "Completed")
    assert runs.starts(run) == 2
    assert len(runs.tasks(run)) == 2


def test_a_run_of_a_flow_that_opts_out_is_not(runs):
    once = {"env": {"PREFECT_FLOW_RUN_EXECUTE_SIGTERM_BEHAVIOR": "crash"}}
    run = runs.start("fixture_fault", name="opts_out", seconds=600, job_variables=once)
    task = runs.running_task(run)
    runs.hits()
    runs.stack.ecs.stop_task(cluster=runs.title, task=task["taskArn"], reason="Spot")
    assert runs.until(run, "Crashed", "AwaitingRetry")["name"] == "Crashed"
    runs.is_told(run)


def test_a_task_beyond_its_memory_is_killed_and_its_run_says_what_to_do(runs):
    run = runs.start("fixture_memory", mebibytes=1200, job_variables={"memory": 1024, "cpu": 512})
    message = runs.until(run, "Crashed", "Completed")["message"]
    assert "ran out of its 1024 MiB of memory" in message
    assert 'job_variables={"memory": 2048}' in message
    runs.is_told(run)


def test_a_run_whose_task_cannot_be_started_is_told(runs):
    """Fargate has no task of that size."""
    run = runs.start("fixture_fault", name="refused", job_variables={"cpu": 256, "memory": 30720})
    runs.until(run, "Crashed")
    runs.is_told(run)


def test_every_alarm_is_told_when_it_begins_and_when_it_is_over(runs):
    """Nothing measures here: the test sets the state. The alarms on metrics of AWS have periods of five minutes."""
    cloudwatch = runs.stack.client("cloudwatch")
    names = [each["AlarmName"] for each in cloudwatch.describe_alarms()["MetricAlarms"]]
    told = {name for name in names if not name.startswith("TargetTracking")}
    for name in told:
        for state in ("ALARM", "OK"):
            cloudwatch.set_alarm_state(AlarmName=name, StateValue=state, StateReason="tried")
    mail = [each.text for each in runs.reached.arrivals("email")]
    for name in told:
        assert [text.split(":")[0] for text in mail if f'"{name}" in ' in text] == ["ALARM", "OK"]
        assert f"docs/runbook.md#{name.removeprefix(f'{runs.title}-')}" in "".join(mail)


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
    assert [(runs.starts(run), len(runs.tasks(run))) for run in taken] == [(1, 1)] * len(taken)


@pytest.mark.faults
def test_an_agent_that_is_killed_with_runs_taken_loses_none(runs):
    taken = [runs.start("fixture_wait") for _ in range(11)]
    until(lambda: [runs.state(run)["type"] for run in taken], lambda types: types.count("PENDING") > 3)
    runs.kill_agent(signal.SIGKILL)
    for run in taken:
        runs.until(run, "Completed")
    assert [(runs.starts(run), len(runs.tasks(run))) for run in taken] == [(1, 1)] * len(taken)


@pytest.mark.faults
def test_a_run_that_hangs_is_timed_out_and_its_task_stopped(runs):
    run = runs.start("fixture_fault", name="hangs", seconds=600, tags=["time-limit:1m"])
    task = runs.running_task(run)
    runs.hits()
    assert "longer than its time limit" in runs.until(run, "TimedOut")["message"]
    until(lambda: runs.tasks(run, "STOPPED"), lambda stopped: stopped and stopped[0]["lastStatus"] == "STOPPED")
    assert runs.state(run)["name"] == "TimedOut"
    assert [each["taskArn"] for each in runs.tasks(run)] == [task["taskArn"]]
    runs.is_told(run)


@pytest.mark.faults
def test_a_run_that_no_agent_takes_is_told_and_its_end_too(runs):
    service = {"cluster": runs.title, "service": f"{runs.title}-agent"}
    runs.stack.ecs.update_service(**service, desiredCount=0)
    until(lambda: not runs.stack.tasks("agent", "RUNNING"))
    run = runs.start("fixture_fault", name="late")
    late = datetime.fromisoformat(runs.until(run, "Late")["timestamp"])
    try:
        # E-mail comes from the agent: AWS's alarm tells that there is none.
        since = late + timedelta(seconds=THRESHOLD_SECONDS)
        runs.told = runs.reached.seconds_until_told(run, since, ("pagerduty", "slack", "teams"))
    finally:
        runs.stack.ecs.update_service(**service, desiredCount=1)
        runs.agent()
    runs.until(run, "Completed")


@pytest.mark.faults
def test_forty_runs_that_are_late_after_an_outage_are_executed_once_each(runs):
    service = {"cluster": runs.title, "service": f"{runs.title}-agent"}
    runs.stack.ecs.update_service(**service, desiredCount=0)
    until(lambda: not runs.stack.tasks("agent", "RUNNING"))
    asked = [runs.start("fixture_wait") for _ in range(40)]
    for run in asked:
        runs.until(run, "Late")
    runs.hits()
    runs.stack.ecs.update_service(**service, desiredCount=1)
    runs.agent()
    assert runs.not_completed(asked) == []
    assert [(runs.starts(run), len(runs.tasks(run))) for run in asked] == [(1, 1)] * len(asked)


def prefect_server(stack):
    """The process of Prefect's server."""
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            command = process.cmdline()
            if "server" in command and str(stack.settings.prefect_port) in command and process.ppid() != os.getpid():
                return process
    raise AssertionError("no Prefect server")


@contextmanager
def suspended(stack):
    """Prefect takes connections and does not answer."""
    server = prefect_server(stack)
    server.suspend()
    try:
        yield
    finally:
        server.resume()


@contextmanager
def stopped(stack):
    """Prefect is gone."""
    supervisor = supervisord.connect(stack.settings)
    supervisor.stopProcess("prefect")
    try:
        yield
    finally:
        supervisor.startProcess("prefect")


@contextmanager
def answering_500s(stack):
    """Another server in the place of Prefect's, which answers 500."""
    with stopped(stack), serving(StandIn, stack.settings.prefect_port):
        yield


@pytest.mark.faults
@pytest.mark.parametrize("fault", [suspended, stopped, answering_500s])
def test_prefect_that_does_not_answer_for_two_minutes_costs_no_run(runs, fault):
    under_way = runs.start("fixture_wait", seconds=60)
    runs.running_task(under_way)
    runs.hits()
    with fault(runs.stack):
        time.sleep(120)  # The fault itself.
    later = runs.start("fixture_load")
    assert runs.not_completed([under_way, later]) == []
    assert [len(runs.tasks(run)) for run in (under_way, later)] == [1, 1]


@pytest.mark.faults
def test_prefect_that_is_killed_leaves_no_slot_of_a_limit_taken(runs):
    first = runs.start("fixture_memory", name="one_at_a_time", seconds=20)
    runs.running_task(first)
    runs.hits()
    prefect_server(runs.stack).kill()
    second = runs.start("fixture_memory", name="one_at_a_time", seconds=0)
    assert runs.not_completed([first, second]) == []


@pytest.mark.faults
def test_of_two_agents_one_is_killed_and_fifty_runs_are_executed_once_each(runs):
    service = {"cluster": runs.title, "service": f"{runs.title}-agent"}
    runs.stack.ecs.update_service(**service, desiredCount=2)
    try:
        until(
            lambda: runs.stack.tasks("agent", "RUNNING"),
            lambda found: [t["lastStatus"] for t in found] == ["RUNNING"] * 2,
        )
        asked = [runs.start("fixture_wait") for _ in range(50)]
        until(lambda: [runs.state(run)["type"] for run in asked], lambda types: types.count("PENDING") > 2)
        process = runs.stack.process_of(runs.stack.tasks("agent", "RUNNING")[0])
        runs.hits()
        os.kill(process, signal.SIGKILL)
        assert runs.not_completed(asked) == []
        assert [(runs.starts(run), len(runs.tasks(run))) for run in asked] == [(1, 1)] * len(asked)
    finally:
        runs.stack.ecs.update_service(**service, desiredCount=1)
        runs.agent()


@pytest.mark.faults
def test_light_runs_and_loads_at_once_all_complete(runs):
    asked = [runs.start("fixture_wait") for _ in range(20)] + [runs.start("fixture_load") for _ in range(3)]
    assert runs.not_completed(asked) == []
