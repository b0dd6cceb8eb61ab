"""A run's task is started once for each attempt, whichever agent asks for it and however often."""

from datetime import UTC, datetime, timedelta

import pytest
from botocore.exceptions import ClientError

from scripts.agent import worker
from scripts.agent.tasks import RUN_TAG, FlowTask
from scripts.agent.worker import Agent

RUN = "11111111-2222-3333-4444-555555555555"
REQUEST = {"cluster": "c", "tags": [{"key": RUN_TAG, "value": RUN}]}
NOW = datetime(2026, 1, 1, tzinfo=UTC)


class Ecs:
    """Answers RunTask with a task, or refuses with a code."""

    def __init__(self, code=""):
        self.code, self.requests = code, []

    def run_task(self, **request):
        self.requests.append(request)
        if self.code:
            raise ClientError({"Error": {"Code": self.code, "Message": "no"}}, "RunTask")
        return {"tasks": [{"taskArn": "arn:task/new", "clusterArn": "c"}], "failures": []}


@pytest.fixture
def agent(monkeypatch):
    """An agent that starts the second attempt of a run whose tasks are known to ECS."""
    agent = Agent("pool", "queue", timedelta(hours=1))
    agent._attempts[RUN] = "state-2"
    known = [
        FlowTask("arn:task/first", RUN, NOW, is_alive=False),
        FlowTask("arn:task/second", RUN, NOW + timedelta(minutes=1), is_alive=True),
        FlowTask("arn:task/of-another", "another", NOW + timedelta(minutes=2), is_alive=True),
    ]

    class Tasks:
        def __init__(self, *_):
            pass

        def running(self):
            return [task for task in known if task.is_alive]

        def stopped(self):
            return [task for task in known if not task.is_alive]

    monkeypatch.setattr(worker, "FlowTasks", Tasks)
    return agent


def test_the_attempt_is_the_token_of_the_request(agent):
    ecs = Ecs()
    assert agent._create_task_run(ecs, REQUEST)["taskArn"] == "arn:task/new"
    assert [request["clientToken"] for request in ecs.requests] == ["state-2"]


def test_a_task_that_another_agent_has_started_is_the_runs_task(agent):
    assert agent._create_task_run(Ecs("ConflictException"), REQUEST)["taskArn"] == "arn:task/second"


def test_a_conflict_without_a_task_of_the_run_is_an_error(agent):
    agent._attempts["nobody"] = "state-1"
    with pytest.raises(ClientError, match="ConflictException"):
        agent._create_task_run(Ecs("ConflictException"), REQUEST | {"tags": [{"key": RUN_TAG, "value": "nobody"}]})


def test_any_other_refusal_is_an_error(agent):
    with pytest.raises(ClientError, match="AccessDenied"):
        agent._create_task_run(Ecs("AccessDeniedException"), REQUEST)
