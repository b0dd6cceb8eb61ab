"""Each flow run that ended is one row, as Prefect tells it."""

import httpx
import pytest
from prefect import flow

from flows.examples.runs.runs_fetched import question, runs_fetched


@flow(name="a_flow_that_ends")
def a_flow_that_ends(is_good: bool) -> None:
    if not is_good:
        raise ValueError("on purpose")


def test_a_page_is_asked_for_with_its_interval():
    asked = question({"since": "a", "until": "b", "offset": "10", "limit": "200"})
    assert (asked["offset"], asked["limit"], asked["flow_runs"]) == (
        10,
        200,
        {"end_time": {"after_": "a", "before_": "b"}},
    )


@pytest.mark.usefixtures("world")
def test_runs_that_ended_are_loaded_once(world, prefect_server):
    a_flow_that_ends(True)
    a_flow_that_ends(False, return_state=True)
    world.wait()  # What ended in this second is the next run's.
    first = runs_fetched()
    assert first.rows_inserted >= 2
    assert first.rows_quarantined == 0

    these = {"flows": {"name": {"any_": ["a_flow_that_ends"]}}}
    told = httpx.post(f"{prefect_server}/flow_runs/filter", json=these).json()
    expected = {(run["id"], run["state_type"]) for run in told}
    assert {state for _, state in expected} == {"COMPLETED", "FAILED"}
    held = world.query("SELECT ID, STATE_TYPE FROM FLOW_RUNS")
    assert expected <= set(held)
    assert len(held) == len(set(held))

    world.wait()
    assert runs_fetched().rows_inserted == 1
