"""Sentry is told of what ends a run, once, and of nothing that does not; what Sentry does changes no run."""

import asyncio
import logging
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from patience import PATIENCE_SECONDS
from prefect import flow, task
from prefect.client.orchestration import get_client
from prefect.states import Failed
from sentry_receiver import Sentry, receiving

from scripts.sentry import watching

pytestmark = pytest.mark.usefixtures("prefect_server")


@pytest.fixture
def sentry(monkeypatch: pytest.MonkeyPatch) -> Iterator[Sentry]:
    monkeypatch.setattr(watching, "MOST_SECONDS", PATIENCE_SECONDS)  # A busy machine is slower, not red.
    with receiving() as sentry:
        monkeypatch.setenv("SENTRY_DSN", sentry.dsn)
        monkeypatch.setenv("DATA_FLOWS_ENVIRONMENT", "harbour")
        yield sentry


def run(watched, *arguments):
    """The state that a run of the flow ends in."""
    state = watching.watch(watched)(*arguments, return_state=True)
    return asyncio.run(state) if asyncio.iscoroutine(state) else state


def errors(sentry):
    """Type and text of the last exception of each event."""
    found = [event["exception"]["values"][-1] for event in sentry.events]
    return [(error["type"], error["value"]) for error in found]


def test_an_exception_that_passes_tasks_subflows_and_retries_is_told_once(sentry):
    @task(retries=1)
    def read(row):
        raise ValueError(f"got {row}; expected a number")

    @flow
    def part(row):
        read(row)

    @flow(retries=1)
    def whole():
        part("Jane")

    assert run(whole).is_failed()
    assert errors(sentry) == [("ValueError", "got …; expected a number")]
    assert sentry.events[0]["tags"]["flow"] == "whole"


def test_what_a_retry_mends_and_what_a_flow_handles_is_not_told(sentry):
    tries = []

    @task(retries=1)
    def mended():
        tries.append(1)
        if len(tries) == 1:
            raise ValueError("got nothing")

    @flow
    def fails():
        raise ValueError("got nothing")

    @flow
    def whole():
        mended()
        fails(return_state=True)
        return 1

    assert run(whole).is_completed()
    assert len(tries) == 2
    assert not sentry.bodies


def test_a_flow_in_asyncio_is_told_too(sentry):
    @flow
    async def whole():
        await asyncio.sleep(0)
        raise ValueError("got nothing; expected a row")

    assert run(whole).is_failed()
    assert errors(sentry) == [("ValueError", "got nothing; expected a row")]


def test_a_failed_state_that_a_flow_returns_is_told_with_its_message(sentry):
    @flow
    def whole():
        return Failed(message="Too few rows: 'Jane' is missing")

    assert run(whole).is_failed()
    assert errors(sentry) == [("FailedRun", "Too few rows: … is missing")]


def test_a_time_limit_of_the_flow_is_told(sentry):
    @flow(timeout_seconds=0.1)
    def whole():
        while True:
            time.sleep(0.01)

    assert run(whole).name == "TimedOut"
    assert [kind for kind, _ in errors(sentry)] == ["FlowRunTimeoutError"]


def test_parameters_that_are_refused_are_told(sentry):
    @flow
    def whole(rows: int):
        pass

    assert run(whole, "Jane").is_failed()
    assert [kind for kind, _ in errors(sentry)] == ["ParameterTypeError"]
    assert b"Jane" not in sentry.bodies[0]


@pytest.mark.parametrize(("raised", "told"), [(SystemExit, ["SystemExit"]), (KeyboardInterrupt, [])])
def test_a_crash_is_told_unless_somebody_stopped_the_run(sentry, raised, told):
    @flow
    def whole():
        raise raised(3)

    with pytest.raises(raised):
        run(whole)
    assert [kind for kind, _ in errors(sentry)] == told


def test_the_cause_of_an_exception_arrives_with_it(sentry):
    @flow
    def whole():
        try:
            int("Jane")
        except ValueError as error:
            raise RuntimeError("expected a number") from error

    run(whole)
    (event,) = sentry.events
    assert [(error["type"], error["value"]) for error in event["exception"]["values"]] == [
        ("ValueError", "invalid literal for int() with base 10: …"),
        ("RuntimeError", "expected a number"),
    ]


def test_a_run_of_a_deployment_names_it_and_its_owner(sentry):
    @flow
    def whole():
        raise ValueError

    with get_client(sync_client=True) as client:
        flow_id = client.create_flow(whole)
        deployment = client.create_deployment(flow_id, "daily", tags=["owner:harbour-team"])
        created = client.create_flow_run_from_deployment(deployment)
    from prefect.flow_engine import run_flow

    run_flow(watching.watch(whole), flow_run=created, return_type="state")
    (event,) = sentry.events
    assert event["environment"] == "harbour"
    assert event["tags"] == {
        "flow": "whole",
        "deployment": "daily",
        "flow_run_id": str(created.id),
        "flow_run_name": created.name,
        "flow_run_url": event["tags"]["flow_run_url"],
        "owner": "harbour-team",
    }
    assert event["tags"]["flow_run_url"].endswith(f"/runs/flow-run/{created.id}")


@pytest.fixture
def failing():
    @flow
    def whole():
        raise ValueError("got nothing")

    return whole


def told(caplog):
    """What the run's log says of Sentry."""
    return [record.getMessage() for record in caplog.records if record.getMessage().startswith("Sentry ")]


def test_the_runs_log_says_that_sentry_was_told(sentry, failing, caplog):
    caplog.set_level(logging.INFO)
    run(failing)
    assert told(caplog) == [f"Sentry was told: event {sentry.events[0]['event_id']}."]


@pytest.mark.parametrize(
    ("dsn", "why"),
    [
        ("http://key@127.0.0.1:1/1", "ConnectError"),
        ("secret-of-another-kind", "BadDsn"),
        ("http://127.0.0.1:1/1", "BadDsn"),
    ],
)
def test_a_sentry_that_is_down_and_a_wrong_dsn_are_a_sentence_of_the_log(failing, caplog, monkeypatch, dsn, why):
    caplog.set_level(logging.INFO)
    monkeypatch.setenv("SENTRY_DSN", dsn)
    state = run(failing)
    assert (state.name, state.message) == ("Failed", "Flow run encountered an exception: ValueError: got nothing")
    assert told(caplog) == [f"Sentry was not told: {why}."]
    assert dsn not in caplog.text


def test_a_dsn_of_another_project_is_a_sentence_of_the_log(sentry, failing, caplog, monkeypatch):
    caplog.set_level(logging.INFO)
    monkeypatch.setenv("SENTRY_DSN", sentry.dsn.replace("0123", "3210"))
    assert run(failing).is_failed()
    assert told(caplog) == ["Sentry was not told: HTTPStatusError 403."]


def test_a_slow_sentry_holds_the_process_for_a_bounded_time(sentry, failing, caplog, monkeypatch):
    caplog.set_level(logging.INFO)
    monkeypatch.setattr(watching, "MOST_SECONDS", 0.5)
    sentry.seconds = 600
    assert run(failing).is_failed()
    assert told(caplog) == ["Sentry was not told: no answer within 0 s."]


def test_a_run_whose_state_is_persisted_has_its_traceback(sentry, tmp_path):
    @flow(persist_result=True, result_storage=None)
    def whole():
        raise ValueError("got nothing")

    run(whole)
    frames = sentry.events[0]["exception"]["values"][-1]["stacktrace"]["frames"]
    assert (frames[-1]["filename"], frames[-1]["function"]) == ("tests/sentry/test_watched_runs.py", "whole")
    assert (
        Path(__file__).read_text().splitlines()[frames[-1]["lineno"] - 1].strip() == 'raise ValueError("got nothing")'
    )
