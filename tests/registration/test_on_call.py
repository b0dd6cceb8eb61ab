"""A run of a deployment tagged `on-call` that fails, crashes, is late or stuck becomes a page, and the next completed
run resolves it: a real Prefect server and its automations, and PagerDuty's documented API in front of them."""

from dataclasses import replace

import pagerduty
import pytest

from scripts.registration.on_call import Pager

KEY = "0123456789abcdef0123456789abcdef"
ON_CALL = 'tags=["owner:team", "on-call"]'
RUNBOOK = "https://example.com/docs/on-call.md"


@pytest.fixture
def pager_duty():
    with pagerduty.serving() as stand_in:
        yield stand_in


@pytest.fixture
def on_call(repository, pager_duty):
    """A repository with one flow on call and one that is not, registered."""
    repository.flow("paged", ON_CALL)
    repository.flow("quiet", 'tags=["owner:team"]')
    # Ten seconds are the least that Prefect waits for what does not come.
    pager = Pager(KEY, RUNBOOK, "http://127.0.0.1:4200", pager_duty.url, threshold_seconds=10)
    repository.stack = replace(repository.stack, pager=pager)
    repository.register()
    return repository


def run(repository, deployment, *states):
    """A run of a deployment that goes through these states."""
    identity = repository.held()[deployment]["id"]
    flow_run = repository.ask(f"deployments/{identity}/create_flow_run", state={"type": "SCHEDULED"})
    for kind, name in states:
        state = {"type": kind, "name": name}
        repository.ask(f"flow_runs/{flow_run['id']}/set_state", state=state, force=True)
    return flow_run


@pytest.mark.parametrize(("kind", "state"), [("FAILED", "Failed"), ("CRASHED", "Crashed"), ("FAILED", "TimedOut")])
def test_a_run_that_ends_badly_pages_with_what_the_one_on_call_needs(on_call, pager_duty, kind, state):
    flow_run = run(on_call, "paged/hourly", ("RUNNING", "Running"), (kind, state))
    event = pager_duty.wait_for(event_action="trigger")
    title = on_call.stack.title
    address = f"http://127.0.0.1:4200/runs/flow-run/{flow_run['id']}"
    assert event["routing_key"] == KEY
    assert event["dedup_key"] == f"{title}/paged/hourly"
    assert event["payload"]["severity"] == "critical"
    assert event["payload"]["source"] == title
    assert event["payload"]["class"] == state
    assert event["payload"]["summary"] == f"paged/hourly: run {flow_run['name']} ended as {state}"
    assert event["links"] == [
        {"href": address, "text": "Flow run"},
        {"href": f"{RUNBOOK}#paged", "text": "Runbook"},
    ]
    assert event["client_url"] == address


def test_the_next_completed_run_resolves_it_and_what_is_not_on_call_pages_nobody(on_call, pager_duty):
    run(on_call, "quiet/hourly", ("RUNNING", "Running"), ("FAILED", "Failed"))
    run(on_call, "paged/hourly", ("RUNNING", "Running"), ("CRASHED", "Crashed"))
    triggered = pager_duty.wait_for(event_action="trigger")
    run(on_call, "paged/hourly", ("RUNNING", "Running"), ("COMPLETED", "Completed"))
    resolved = pager_duty.wait_for(event_action="resolve")
    assert resolved == {"routing_key": KEY, "event_action": "resolve", "dedup_key": triggered["dedup_key"]}
    assert len(pager_duty.events) == 2


@pytest.mark.parametrize(
    ("states", "said"),
    [
        ([("PENDING", "Pending")], "pending"),
        ([("SCHEDULED", "Late")], "late"),
    ],
)
def test_a_run_that_does_not_start_pages_after_the_threshold(on_call, pager_duty, states, said):
    started = run(on_call, "paged/hourly", *states, ("RUNNING", "Running"))
    flow_run = run(on_call, "paged/hourly", *states)
    event = pager_duty.wait_for(event_action="trigger")
    assert f"run {flow_run['name']} has been {said}" in event["payload"]["summary"]
    assert event["payload"]["severity"] == "error"
    assert started["name"] not in str(pager_duty.events)
