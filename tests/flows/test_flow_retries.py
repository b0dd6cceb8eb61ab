"""A flow through Prefect's own engine and server: what is retried, and what a run leaves of its figures."""

import asyncio
import json

import pytest
from prefect import flow, task
from prefect.client.orchestration import get_client
from prefect.runtime import flow_run
from snowflake.connector.errors import ProgrammingError

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


def test_a_lock_that_is_not_released_is_waited_for_again(attempts):
    run([ProgrammingError("This lock has not yet been released", errno=625, sqlstate="57014")])
    assert attempts() == [2]


@pytest.mark.parametrize(
    "failure",
    [
        DataFlowsError("got 1; expected 2"),
        ProgrammingError("syntax error", errno=1003, sqlstate="42000"),
        KeyError("column"),
    ],
    ids=lambda failure: type(failure).__name__,
)
def test_what_another_attempt_cannot_mend_is_not_tried_again(attempts, failure):
    with pytest.raises(type(failure)):
        run([failure])
    assert attempts() == [1]


@pytest.mark.parametrize(("failure", "tries"), [(TimeoutError(), 2), (KeyError("column"), 1)])
def test_a_task_that_is_a_coroutine_is_tried_again_by_the_same_rule(failure, tries):
    tried = []

    @task(**NETWORK_RETRIES | {"retry_delay_seconds": 0, "retries": 1})
    async def attempt():
        tried.append(1)
        raise failure

    with pytest.raises(type(failure)):
        asyncio.run(attempt())
    assert len(tried) == tries
