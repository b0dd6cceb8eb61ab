"""Registration that tolerates what is wrong: sound files are registered, and of a wrong one everything stays."""

import pytest

from scripts.shared.refusal import Refusal

EVENT = """
    triggers=[DeploymentEventTrigger(name="when it lands", expect={"landed"})],
    tags=["owner:team"],
"""
IMPORTS = "from prefect.events import DeploymentEventTrigger"
CHANGED = 'parameters={"days": 2}, tags=["owner:team"]'


@pytest.fixture
def registered(repository):
    """Two flows, registered; one of them is started by an event."""
    repository.flow("sound")
    repository.flow("event", EVENT, IMPORTS)
    repository.actions()
    return repository


def wrong(repository):
    """Break the file of one flow, and change the other."""
    repository.file("flows/event.py", "def broken(:\n")
    repository.flow("sound", CHANGED)


def triggers(repository):
    """Names of this stack's triggers."""
    there = repository.ask("automations/filter", limit=200)
    return [each["name"] for each in there if each["name"].startswith(f"{repository.stack.title} trigger")]


def test_a_sound_file_is_registered_and_of_the_broken_one_deployment_and_trigger_stay(registered):
    wrong(registered)
    before = triggers(registered)
    report = registered.register(tolerant=True)
    assert [action.what for action in report.actions if action.kind != "unchanged"] == ["sound/hourly"]
    assert set(registered.held()) == {"sound/hourly", "event/hourly"}
    assert len(before) == 1
    assert triggers(registered) == before
    assert report.imported.broken == {"flows/event.py"}
    assert [problem.partition(":")[0] for problem in report.imported.problems] == ["flows/event.py"]


def test_without_tolerance_nothing_is_written(registered):
    wrong(registered)
    with pytest.raises(Refusal, match=r"flows/event\.py:1: got `def broken\(:`"):
        registered.register()
    assert registered.held()["sound/hourly"]["parameters"] == {}


def test_what_does_not_fit_the_environment_holds_up_its_own_file_only(registered):
    registered.flow("event", 'job_variables={"cpu": 3}, tags=["owner:team"]')
    registered.flow("sound", CHANGED)
    report = registered.register(tolerant=True)
    assert [action.what for action in report.actions if action.kind != "unchanged"] == ["sound/hourly"]
    assert report.imported.broken == {"flows/event.py"}


def test_flows_that_import_a_broken_file_are_broken_with_it(registered):
    registered.file("flows/shared/odd.py", "def broken(:\n")
    registered.flow("event", EVENT, f"from flows.shared import odd\n{IMPORTS}")
    report = registered.register(tolerant=True)
    assert report.imported.broken == {"flows/event.py"}
    assert "event/hourly" in registered.held()


def test_limits_that_cannot_be_read_stay_as_they_are(registered):
    registered.file("flows/shared/concurrency.py", 'LIMITS = {"data-flows.tolerant": 2}\n')
    registered.register()
    registered.file("flows/shared/concurrency.py", "LIMITS = make()\n")
    registered.flow("sound", CHANGED)
    report = registered.register(tolerant=True)
    assert [action.what for action in report.actions if action.kind != "unchanged"] == ["sound/hourly"]
    there = registered.ask("v2/concurrency_limits/filter", limit=200)
    assert "tag:data-flows.tolerant" in [each["name"] for each in there]


def test_when_nothing_is_wrong_what_is_no_longer_in_code_is_pruned(registered):
    (registered.root / "flows" / "event.py").unlink()
    assert registered.actions(tolerant=True)["event/hourly"] == "prune: no longer in code"
