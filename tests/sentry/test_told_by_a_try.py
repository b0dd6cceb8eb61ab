"""`make try` tells Sentry as a task does, with a tag that says that a developer ran it and not the image."""

from datetime import timedelta
from pathlib import Path

from prefect import flow
from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import WorkPoolCreate
from sentry_receiver import receiving

from scripts.trying import choice, execution
from scripts.trying.variables import TaskDefinition


def test_a_try_that_fails_is_told(prefect_server, monkeypatch):
    @flow
    def orders():
        raise ValueError("got nothing; expected an order")

    deployment = orders.to_deployment("daily", tags=["owner:harbour-team"])
    monkeypatch.setattr(choice, "load", lambda *_: (orders, deployment))
    with get_client(sync_client=True) as client:
        client.create_work_pool(WorkPoolCreate(name="harbour", type="process"), overwrite=True)
    with receiving() as sentry:
        monkeypatch.setenv("SENTRY_DSN", sentry.dsn)
        definition = TaskDefinition({}, 1 << 20, timedelta(days=1), "harbour")
        assert execution.execute(Path("flows/orders.py"), "orders", {}, definition) == 1
    (event,) = sentry.events
    assert event["exception"]["values"][-1]["value"] == "got nothing; expected an order"
    assert {name: event["tags"][name] for name in ("flow", "deployment", "owner", "try")} == {
        "flow": "orders",
        "deployment": "daily",
        "owner": "harbour-team",
        "try": "yes",
    }
    assert "release" not in event
