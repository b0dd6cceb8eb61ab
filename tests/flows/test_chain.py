"""A chain runs its links one after the other; what follows a link that did not complete is not started."""

import json

import pytest
from prefect import flow
from prefect.client.orchestration import get_client
from prefect.runtime import flow_run
from prefect.states import Cancelling, Completed, Failed, Running

from flows.shared import chain
from flows.shared.chain import ChainError, run_chain

pytestmark = pytest.mark.usefixtures("prefect_server")


class Stopped(BaseException):
    """Stands for SIGTERM, which Prefect makes an exception in the flow."""


@flow
def link():
    """A run of it is what a deployment's run is to the chain."""


class Deployments:
    """Prefect's deployments: it keeps runs by their key, and ends each new one as the next of `outcomes` says."""

    def __init__(self):
        self.runs, self.started, self.outcomes = {}, [], {}

    def run(self, deployment, idempotency_key, **_):
        with get_client(sync_client=True) as client:
            if idempotency_key not in self.runs:
                self.started.append(deployment)
                self.runs[idempotency_key] = client.create_flow_run(link, state=Running()).id
                outcome = self.outcomes.get(deployment, [])
                client.set_flow_run_state(self.last, outcome.pop(0) if outcome else Completed(), force=True)
            return client.read_flow_run(self.runs[idempotency_key])

    @property
    def last(self):
        return list(self.runs.values())[-1]

    def state(self):
        with get_client(sync_client=True) as client:
            return client.read_flow_run(self.last).state_name


@pytest.fixture
def prefect(monkeypatch):
    prefect = Deployments()
    monkeypatch.setattr(chain, "run_deployment", prefect.run)
    monkeypatch.setattr(chain, "POLL_SECONDS", 0.01)
    return prefect


def run(retries=0):
    @flow(name="chained", retries=retries)
    def chained():
        return run_chain("load/a", "build/b", "export/c")

    return chained()


def test_each_link_runs_after_the_one_before_and_is_counted(prefect, capfd):
    result = run()
    assert prefect.started == ["load/a", "build/b", "export/c"]
    assert list(result.runs) == prefect.started
    assert list(result.runs.values()) == [str(each) for each in prefect.runs.values()]
    [line] = [json.loads(line) for line in capfd.readouterr().out.splitlines() if line.startswith('{"_aws"')]
    assert (line["Flow"], line["LinksCompleted"], line["LinksNotCompleted"]) == ("chained", 3, 0)


def test_a_failed_link_stops_what_follows_and_is_told(prefect, capfd):
    prefect.outcomes = {"build/b": [Failed(message="model prices: no such table")]}
    with pytest.raises(ChainError) as error:
        run()
    assert str(error.value).startswith("chained: got Failed from build/b (run ")
    assert str(error.value).endswith(
        "): model prices: no such table; expected Completed; not started: export/c. Mend the cause and run this again."
    )
    assert prefect.started == ["load/a", "build/b"]
    assert '"LinksCompleted":1,"LinksNotCompleted":2' in capfd.readouterr().out


def test_a_link_that_still_runs_is_waited_for(prefect, monkeypatch):
    prefect.outcomes = {"load/a": [Running()]}
    pauses = []

    def ends(seconds):
        pauses.append(seconds)
        with get_client(sync_client=True) as client:
            client.set_flow_run_state(prefect.last, Completed())

    monkeypatch.setattr(chain, "sleep", ends)
    run()
    assert pauses == [0.01]


def test_a_chain_that_is_retried_runs_no_completed_link_again(prefect):
    prefect.outcomes = {"build/b": [Failed(), Completed()]}
    run(retries=1)
    assert prefect.started == ["load/a", "build/b", "build/b", "export/c"]


def test_another_run_of_the_chain_runs_all_links(prefect):
    run()
    run()
    assert prefect.started == ["load/a", "build/b", "export/c"] * 2


@pytest.mark.parametrize("is_cancelled", [True, False])
def test_a_link_is_cancelled_with_its_chain_and_goes_on_if_only_the_task_is_stopped(prefect, monkeypatch, is_cancelled):
    prefect.outcomes = {"load/a": [Running()]}

    def stopped(_):
        if is_cancelled:
            with get_client(sync_client=True) as client:
                client.set_flow_run_state(flow_run.id, Cancelling(), force=True)
        raise Stopped

    monkeypatch.setattr(chain, "sleep", stopped)
    with pytest.raises(Stopped):
        run()
    assert prefect.state() == ("Cancelling" if is_cancelled else "Running")
    assert prefect.started == ["load/a"]


def test_a_link_is_cancelled_by_ctrl_c(prefect, monkeypatch):
    prefect.outcomes = {"load/a": [Running()]}

    def interrupted(_):
        raise KeyboardInterrupt

    monkeypatch.setattr(chain, "sleep", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run()
    assert prefect.state() == "Cancelling"
