"""A run that fails, crashes, is late or stuck is told on every channel of the environment, and that it works again: a
real Prefect server and its automations, and stand-ins that take what the channels' documentation asks for."""

import json
import os
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import httpx
import pytest

from scripts.registration.alerts import Alerts, unpaged
from scripts.registration.channels import PagerDuty, Place, Slack, Teams, channels
from scripts.shared.refusal import Refusal

KEY = "0123456789abcdef0123456789abcdef"
RUNBOOK = "https://example.com/docs/on-call.md"
UI = "http://127.0.0.1:4200"
ALL = ("pagerduty", "slack", "teams")


@pytest.fixture
def told(repository, received):
    """A repository with one flow on call and one that is not, registered where all channels are."""
    repository.flow("paged", 'tags=["owner:team", "on-call"]')
    repository.flow("other", 'tags=["owner:team"]')
    place = Place("prod", repository.stack.title, UI, RUNBOOK, "eu-west-1", "/DataFlows/Prod/flow")
    made = (
        PagerDuty(KEY, received.url("pagerduty")), Slack(received.url("slack")), Teams(received.url("teams"))
    )  # fmt: skip
    # Ten seconds are the least that Prefect waits for what does not come.
    alerts = Alerts(("email", *ALL), made, place, threshold_seconds=10)
    repository.stack = replace(repository.stack, alerts=alerts)
    repository.register()
    return repository


def run(repository, deployment, *states, message=None):
    """A run of a deployment that goes through these states; the last has the message."""
    identity = repository.held()[deployment]["id"]
    flow_run = repository.ask(f"deployments/{identity}/create_flow_run", state={"type": "SCHEDULED"})
    pid = "arn:aws:ecs:eu-west-1:1:cluster/c::arn:aws:ecs:eu-west-1:1:task/c/42"
    repository.ask(f"flow_runs/{flow_run['id']}", "PATCH", infrastructure_pid=pid)
    for number, (kind, name) in enumerate(states, 1):
        state = {"type": kind, "name": name} | ({"message": message} if number == len(states) else {})
        repository.ask(f"flow_runs/{flow_run['id']}/set_state", state=state, force=True)
    return flow_run


def text_of(name, message):
    """All that a person reads of it."""
    if name == "slack":
        return message["text"]
    if name == "teams":
        return "\n".join(part["text"] for part in message["attachments"][0]["content"]["body"])
    return "\n".join([message["payload"]["summary"], *map(str, message["payload"]["custom_details"].values())])


@pytest.mark.parametrize(("kind", "state"), [("FAILED", "Failed"), ("CRASHED", "Crashed"), ("FAILED", "TimedOut")])
def test_a_run_that_ends_badly_is_told_everywhere_with_what_a_person_needs(told, received, kind, state):
    why = 'KeyError: "a" & <b> \n of {{ c }}'
    flow_run = run(told, "paged/hourly", ("RUNNING", "Running"), (kind, state), message=why)
    address = f"{UI}/runs/flow-run/{flow_run['id']}"
    messages = {name: received.wait_until(name, bool) for name in ALL}
    for name in ALL:
        first, *_ = text_of(name, messages[name]).splitlines()
        assert f"prod: paged/hourly ended as {state}, 20" in first
        assert "make run ENV=prod FLOW=paged/hourly" in text_of(name, messages[name])
        whole = json.dumps(messages[name])
        assert address in whole
        assert f"{RUNBOOK}#paged" in whole
        assert "log-group/$252FDataFlows$252FProd$252Fflow/log-events/flow$252Fprefect$252F42" in whole
    assert why in text_of("teams", messages["teams"])
    assert "&amp; &lt;b&gt;" in messages["slack"]["text"]
    assert messages["slack"]["text"].startswith(":red_circle: ON CALL ")
    event = messages["pagerduty"]
    assert event["routing_key"] == KEY
    assert event["dedup_key"] == f"{told.stack.title}/paged/hourly"
    assert event["payload"]["severity"] == "critical"
    assert event["payload"]["custom_details"]["reason"] == why
    assert event["links"][0]["href"] == event["client_url"] == address


def test_what_is_not_on_call_is_told_and_pages_nobody(told, received):
    run(told, "other/hourly", ("RUNNING", "Running"), ("FAILED", "Failed"))
    assert received.wait_for("pagerduty")["payload"]["severity"] == "warning"
    assert "ON CALL" not in received.wait_until("slack", bool)["text"]


def test_the_next_completed_run_ends_it(told, received):
    run(told, "paged/hourly", ("RUNNING", "Running"), ("COMPLETED", "Completed"))  # Nothing to end.
    run(told, "paged/hourly", ("RUNNING", "Running"), ("CRASHED", "Crashed"))
    triggered = received.wait_for("pagerduty", event_action="trigger")
    run(told, "paged/hourly", ("RUNNING", "Running"), ("COMPLETED", "Completed"))
    resolved = received.wait_until("pagerduty", lambda event: event is received.messages["pagerduty"][-1] != triggered)
    assert resolved == {"routing_key": KEY, "event_action": "resolve", "dedup_key": triggered["dedup_key"]}
    assert "prod: paged/hourly works again, " in received.wait_until("slack", lambda m: "green" in m["text"])["text"]
    good = received.wait_until("teams", lambda m: "works again" in json.dumps(m))
    assert good["attachments"][0]["content"]["actions"] == []
    assert ["green" in message["text"] for message in received.messages["slack"]] == [False, True]


def test_a_deployment_that_runs_once_a_month_recovers_too(told):
    """Prefect forgets a failure after the trigger's `within`."""
    written = {each["name"]: each["trigger"] for each in told.ask("automations/filter", limit=200)}
    for name in ("slack", "teams"):
        assert written[f"{told.stack.title} alerts: {name} recovered"]["within"] > timedelta(days=31).total_seconds()


def test_many_failures_are_one_message_of_a_chat_and_one_incident(told, received):
    for _ in range(20):
        run(told, "other/hourly", ("RUNNING", "Running"), ("FAILED", "Failed"))
    run(told, "paged/hourly", ("RUNNING", "Running"), ("FAILED", "Failed"))
    for name in ("slack", "teams"):  # Events are handled in order: those of the others have been.
        received.wait_until(name, lambda message: "paged/hourly" in json.dumps(message))
        assert len(received.messages[name]) == 2
    received.wait_until("pagerduty", lambda event: "paged" in event["dedup_key"])
    assert len({event["dedup_key"] for event in received.messages["pagerduty"]}) == 2


@pytest.mark.parametrize(
    ("states", "said"),
    [
        ([("PENDING", "Pending")], "pending"),
        ([("SCHEDULED", "Late")], "late"),
    ],
)
def test_a_run_that_does_not_start_is_told_after_the_threshold(told, received, states, said):
    started = run(told, "paged/hourly", *states, ("RUNNING", "Running"))
    flow_run = run(told, "paged/hourly", *states)
    event = received.wait_for("pagerduty", event_action="trigger")
    assert f"paged/hourly {said} for more than" in event["payload"]["summary"]
    assert flow_run["id"] in event["client_url"]
    assert started["id"] not in str(received.messages)
    assert f"{said} for more than" in received.wait_until("slack", bool)["text"]


def test_a_run_whose_process_gives_no_sign_of_life_is_told(told, received):
    flow_run = run(told, "paged/hourly", ("RUNNING", "Running"))
    deployment = told.held()["paged/hourly"]
    beat = {
        "event": "prefect.flow-run.heartbeat",
        "id": str(uuid4()),
        "occurred": datetime.now(UTC).isoformat(),
        "resource": {"prefect.resource.id": f"prefect.flow-run.{flow_run['id']}"},
        "related": [
            {"prefect.resource.id": f"prefect.flow.{deployment['flow_id']}", "prefect.resource.role": "flow"},
            {"prefect.resource.id": f"prefect.deployment.{deployment['id']}", "prefect.resource.role": "deployment"},
            {"prefect.resource.id": f"prefect.tag.{told.stack.tag}", "prefect.resource.role": "tag"},
        ],
    }
    httpx.post(f"{os.environ['PREFECT_API_URL']}/events", json=[beat], trust_env=False).raise_for_status()
    event = received.wait_for("pagerduty", event_action="trigger")
    assert "paged/hourly gives no sign of life" in event["payload"]["summary"]


def test_a_channel_that_is_named_no_longer_goes_with_its_secret(told):
    alerts = told.stack.alerts
    told.stack = replace(told.stack, alerts=replace(alerts, named=("email", "slack"), channels=(alerts.channels[1],)))
    done = {action.what: action.kind for action in told.register().actions}
    prefix, title = told.stack.prefix, told.stack.title
    assert done[f"block custom-webhook/{prefix}-pagerduty"] == "prune"
    assert done[f"automation {title} alerts: teams failed"] == "prune"
    assert done[f"automation {title} alerts: slack failed"] == "unchanged"


def test_a_channel_whose_secret_is_not_at_hand_stays_as_it_is(told):
    told.stack = replace(told.stack, alerts=replace(told.stack.alerts, channels=()))
    assert [action.what for action in told.register().actions if action.kind != "unchanged"] == []


def test_channels_come_from_the_callers_variables(monkeypatch):
    for kind in (PagerDuty, Slack, Teams):
        monkeypatch.delenv(kind.variable, raising=False)
    monkeypatch.setenv("SLACK_WEBHOOK_URL", "https://hooks.slack.com/services/T0/B0/secret")
    found, notes = channels(["email", "slack", "teams"])
    assert found == [Slack("https://hooks.slack.com/services/T0/B0/secret")]
    assert notes == ["alerts: TEAMS_WEBHOOK_URL is not set, so what was set up for teams before stays as it is"]


@pytest.mark.parametrize(
    ("name", "variable", "value", "told"),
    [
        ("pagerduty", "PAGERDUTY_ROUTING_KEY", "short-secret", "PAGERDUTY_ROUTING_KEY has 12 characters"),
        ("slack", "SLACK_WEBHOOK_URL", "hooks.slack.com/secret", "SLACK_WEBHOOK_URL: got no web address"),
        ("teams", "TEAMS_WEBHOOK_URL", "https://", "TEAMS_WEBHOOK_URL: got no web address"),
    ],
)
def test_a_wrong_secret_is_refused_and_never_shown(monkeypatch, name, variable, value, told):
    monkeypatch.setenv(variable, value)
    with pytest.raises(Refusal, match=told) as refusal:
        channels([name])
    assert "secret" not in str(refusal.value).replace(variable, "")


def test_on_call_where_only_mail_is_sent_is_a_problem():
    deployments = [{"file": "flows/a.py", "name": "d", "tags": ["on-call"]}, {"file": "b", "name": "e", "tags": []}]
    assert list(unpaged(deployments, ["email"])) == [
        "flows/a.py: deployment d: got the tag on-call where alerts go to email only; expected one of pagerduty, "
        "slack, teams in the environment's alerts as well."
    ]
    assert list(unpaged(deployments, ["email", "slack"])) == []
