"""A flow through Prefect's own engine and server: what is retried, and what a run leaves of its figures."""

import json

import pytest
from prefect import flow, task
from prefect.client.orchestration import get_client
from prefect.runtime import flow_run

from flows.shared import metrics
from flows.shared.errors import NETWORK_RETRIES, DataFlowsError

pytestmark = pytest.mark.usefixtures("prefect_server")


@flow(name="flow_of_a_test")
def run(failures):
    """Do what may fail, then report how often it was tried."""
    tried = []

    @task(**NETWORK_RETRIES)
    def attempt():
        tried.append(1)
        if len(tried) <= len(failures):
            raise failures[len(tried) - 1]

    try:
        attempt()
    finally:
        metrics.report("flow_of_a_test", str(flow_run.id), {"attempts": len(tried)})


@pytest.fixture
def attempts(capfd):
    """How often the last run tried, from its metrics line."""
    return lambda: [
        json.loads(line)["Attempts"] for line in capfd.readouterr().out.splitlines() if line.startswith('{"_aws"')
    ]


def test_a_lost_connection_is_tried_again_and_the_figures_are_an_artifact(attempts):
    run([ConnectionResetError()])
    assert attempts() == [2]
    with get_client(sync_client=True) as client:
        [artifact] = [each for each in client.read_artifacts() if each.key == "flow-of-a-test-figures"]
    assert json.loads(artifact.data) == [{"figure": "attempts", "value": 2}]


def test_what_another_attempt_cannot_mend_is_not_tried_again(attempts):
    with pytest.raises(DataFlowsError):
        run([DataFlowsError("got 1; expected 2")])
    assert attempts() == [1]
