"""A deployment starts when another one completes, or an event arrives: triggers are registered, compared and pruned."""

import os
from datetime import UTC, datetime
from uuid import uuid4

import httpx
import pytest
from patience import until

OWNER = 'tags=["owner:team"]'
IMPORTS = "from prefect.events import DeploymentEventTrigger"


def trigger(**changes):
    """Settings of a deployment that runs when deployment `first/hourly` has completed."""
    match = '{"prefect.resource.id": "prefect.flow-run.*"}'
    related = '{"prefect.resource.role": "flow", "prefect.resource.name": "first"}'
    given = {"expect": '["prefect.flow-run.Completed"]', "match": match, "match_related": related} | changes
    fields = ", ".join(f"{name}={value}" for name, value in given.items())
    return f'{OWNER}, triggers=[DeploymentEventTrigger(name="after first", parameters={{"days": 7}}, {fields})]'


@pytest.fixture
def chained(repository):
    """A flow that follows another one, registered."""
    repository.flow("first", OWNER)
    repository.flow("second", trigger(), IMPORTS)
    repository.register()
    return repository


def automation_name(repository):
    return f"automation {repository.stack.title} trigger: second/hourly: after first"


def runs_of(repository, deployment):
    """Runs of the deployment."""
    identity = repository.held()[deployment]["id"]
    return repository.ask("flow_runs/filter", deployments={"id": {"any_": [identity]}})


def test_a_deployment_runs_when_another_one_has_completed(chained):
    identity = chained.held()["first/hourly"]["id"]
    first = chained.ask(f"deployments/{identity}/create_flow_run", state={"type": "SCHEDULED"})
    for kind in ("RUNNING", "COMPLETED"):
        chained.ask(f"flow_runs/{first['id']}/set_state", state={"type": kind}, force=True)
    [run] = until(lambda: runs_of(chained, "second/hourly"))
    assert run["parameters"] == {"days": 7}


def test_a_deployment_runs_when_an_event_arrives(repository):
    repository.flow("second", trigger(expect='["file.landed"]', match="{}", match_related="{}"), IMPORTS)
    repository.register()
    event = {
        "event": "file.landed",
        "resource": {"prefect.resource.id": "s3.bucket.landing"},
        "id": str(uuid4()),
        "occurred": datetime.now(UTC).isoformat(),
    }
    httpx.post(f"{os.environ['PREFECT_API_URL']}/events", json=[event], trust_env=False).raise_for_status()
    assert until(lambda: runs_of(repository, "second/hourly"))


def test_unchanged_nothing_is_written_and_a_change_is_told(chained):
    assert chained.actions() == {}
    chained.flow("second", trigger(within=60), IMPORTS)
    assert chained.actions() == {automation_name(chained): "update: trigger"}


def test_a_switch_by_hand_stays(chained):
    [held] = [each for each in chained.ask("automations/filter", limit=200) if each["name"] in automation_name(chained)]
    chained.ask(f"automations/{held['id']}", "PATCH", enabled=False)
    chained.flow("second", trigger(within=60), IMPORTS)
    chained.register()
    assert chained.ask(f"automations/{held['id']}", "GET")["enabled"] is False


def test_a_trigger_that_is_no_longer_in_code_goes(chained):
    chained.flow("second", OWNER)
    assert chained.actions(only="first*") == {}
    assert chained.actions()[automation_name(chained)] == "prune: no longer in code"


def test_the_trigger_of_a_deployment_that_goes_goes_too(chained):
    (chained.root / "flows/second.py").unlink()
    done = chained.actions()
    assert done["second/hourly"].startswith("prune")
    assert done[automation_name(chained)] == "prune: no longer in code"


def test_only_one_deployment_adds_the_triggers_of_no_other(repository):
    repository.flow("first", OWNER)
    repository.flow("second", OWNER)
    repository.register()
    for name in ("first", "second"):
        repository.flow(name, trigger(), IMPORTS)
    written = repository.actions(only="first")
    title = repository.stack.title
    assert written[f"automation {title} trigger: first/hourly: after first"] == "create"
    assert f"automation {title} trigger: second/hourly: after first" not in written
