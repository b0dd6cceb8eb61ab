"""Registration against a real Prefect server: only what changed is written, and only what is ours is pruned."""

import json
from dataclasses import replace

import httpx
import pytest
from repositories import SETTINGS

from scripts.registration import api
from scripts.registration import registered as registered_deployments
from scripts.shared.refusal import Refusal

RICH = """
    description="Every kind of setting.",
    parameters={"days": 2},
    job_variables={"cpu": 512, "memory": 1024},
    concurrency_limit=2,
    work_queue_name="default",
    tags=["owner:team", "b", "a"],
    schedules=[
        Cron("5 * * * *", timezone="UTC"),
        Cron("30 6 * * *", timezone="America/New_York", parameters={"days": 3}),
        Interval(timedelta(hours=2), timezone="UTC"),
        Interval(timedelta(hours=3), timezone="UTC", anchor_date=datetime(2026, 1, 1, tzinfo=UTC)),
        RRule("FREQ=DAILY;COUNT=5", timezone="UTC"),
        RRule("FREQ=MINUTELY;INTERVAL=10", timezone="UTC"),
    ],
"""
IMPORTS = "from datetime import UTC, datetime"


@pytest.fixture
def registered(repository):
    """Two flows, registered: one plain and one with every kind of setting."""
    repository.flow("plain")
    repository.flow("rich", RICH, IMPORTS)
    repository.actions()
    return repository


def test_everything_is_created_once_and_then_nothing_is_written(repository):
    repository.flow("plain")
    repository.flow("rich", RICH, IMPORTS)
    pool = f"work pool {repository.stack.title}"
    assert repository.actions() == {pool: "create", "plain/hourly": "create", "rich/hourly": "create"}
    before = repository.held()
    for options in ({}, {"full": True}, {"dry_run": True}):
        report = repository.register(**options)
        assert {action.kind for action in report.actions} == {"unchanged"}
        assert report.writes == 0
    assert {name: each["updated"] for name, each in repository.held().items()} == {
        name: each["updated"] for name, each in before.items()
    }


def test_the_pool_takes_as_many_runs_at_once_as_the_environment_says_and_keeps_what_was_set_by_hand(repository):
    repository.flow("plain")
    pool = repository.stack.title

    def limit():
        return repository.ask(f"work_pools/{pool}", "GET")["concurrency_limit"]

    repository.stack = replace(repository.stack, at_once=8)
    repository.register()
    assert limit() == 8
    repository.stack = replace(repository.stack, at_once=9)
    assert repository.actions() == {f"work pool {pool}": "update: concurrency_limit"}
    assert limit() == 9
    repository.stack = replace(repository.stack, at_once=None)
    assert repository.actions() == {}
    assert limit() == 9


@pytest.mark.parametrize("full", [True, False])
def test_each_deployment_is_written_and_counted_once(repository, full):
    for name in ("one", "two"):
        repository.flow(name)
    for changed, unchanged in ((2, 0), (1, 1)):
        kinds = [action.kind for action in repository.register(full=full).actions if action.is_deployment]
        assert (kinds.count("unchanged"), len(kinds)) == (unchanged, changed + unchanged)
        repository.flow("two", about=" again")


def test_the_requests_of_an_unchanged_registration_are_as_many_whatever_the_number_of_flows(repository):
    repository.flow("first")
    repository.register()
    one = repository.register()
    for number in range(8):
        repository.flow(f"more{number}")
    repository.register()
    many = repository.register()
    assert (one.writes, many.writes) == (0, 0)
    assert one.reads == many.reads <= 8


def test_only_the_changed_deployment_is_written_and_each_change_is_named(registered):
    before = registered.held()["plain/hourly"]["updated"]
    registered.flow("rich", 'tags=["owner:other"], schedule=Cron("6 * * * *", timezone="UTC")', IMPORTS)
    assert registered.actions() == {
        "rich/hourly": "update: concurrency_limit, concurrency_options, description, job_variables.cpu, "
        "job_variables.memory, parameters.days, schedule, tags",
    }
    assert registered.actions(full=True) == {}
    held = registered.held()
    assert held["plain/hourly"]["updated"] == before
    assert [each["schedule"]["cron"] for each in held["rich/hourly"]["schedules"]] == ["6 * * * *"]
    assert held["rich/hourly"]["global_concurrency_limit"]["limit"] == 1


def test_a_change_of_what_nobody_registers_is_no_change(registered):
    """A run finds its code in the image."""
    path = registered.root / "flows/plain.py"
    path.write_text(path.read_text().replace("deployments =", "X = 1  # Another source.\n\ndeployments ="))
    registered.file("flows/shared/helper.py", "X = 1\n")
    registered.stack = replace(registered.stack, version="another image")
    assert registered.actions() == {}


def test_the_version_of_a_deployment_is_that_of_its_last_change(registered):
    registered.stack = replace(registered.stack, version="another image")
    registered.flow("plain", about=" again")
    registered.register()
    assert {name: each["version"] for name, each in registered.held().items()} == {
        "plain/hourly": "another image",
        "rich/hourly": "digest commit",
    }


def test_what_prefect_shows_of_a_deployment_comes_from_its_code(registered):
    held = registered.held()["plain/hourly"]
    assert held["description"] == "Flow plain."
    assert held["parameter_openapi_schema"]["properties"]["days"]["description"] == "How many."
    assert held["entrypoint"] == "flows/plain.py:plain"
    assert (held["path"], held["pull_steps"]) == (".", [])
    assert f"data-flows.stack:{registered.stack.title}" in held["tags"]


def test_what_was_edited_by_hand_is_mended_by_a_full_registration(registered):
    identity = registered.held()["plain/hourly"]["id"]
    registered.ask(f"deployments/{identity}", "PATCH", parameters={"days": 99})
    assert registered.actions() == {}
    assert registered.actions(full=True) == {"plain/hourly": "update: parameters.days"}
    assert registered.held()["plain/hourly"]["parameters"] == {}


def test_one_of_many_that_changed_is_found_without_reading_the_others(repository):
    for number in range(24):
        repository.flow(f"flow{number}")
    repository.register()
    repository.flow("flow7", about=" again")
    read = []

    class Counting(httpx.AsyncHTTPTransport):
        async def handle_async_request(self, request):
            answer = await super().handle_async_request(request)
            if request.url.path.endswith("/deployments/filter"):
                read.extend(json.loads(await answer.aread()))
            return answer

    report = repository.register(Counting())
    assert [action.what for action in report.actions if action.kind == "update"] == ["flow7/hourly"]
    assert len(read) < 12
    assert report.writes - report.repeated == 1
    assert repository.actions(full=True) == {}
    read.clear()
    assert {action.kind for action in repository.register(Counting()).actions} == {"unchanged"}
    assert read == []


def test_a_deployment_or_tag_that_somebody_took_away_is_put_back(registered):
    held = registered.held()
    registered.ask(f"deployments/{held['plain/hourly']['id']}", "DELETE")
    registered.ask(f"deployments/{held['rich/hourly']['id']}", "PATCH", tags=["mine"])
    assert registered.actions() == {"plain/hourly": "create", "rich/hourly": "update: tags"}
    assert registered.actions(full=True) == {}


def test_what_is_no_longer_in_code_is_pruned_and_its_scheduled_runs_are_told(registered):
    identity = registered.held()["plain/hourly"]["id"]
    for day in (1, 2):
        state = {"type": "SCHEDULED", "state_details": {"scheduled_time": f"2099-01-0{day}T00:00:00Z"}}
        registered.ask(f"deployments/{identity}/create_flow_run", state=state)
    (registered.root / "flows/plain.py").unlink()
    said = "prune: no longer in code; 2 scheduled runs go with it, the next of 2099-01-01T00:00Z"
    assert registered.actions(dry_run=True) == {"plain/hourly": said}
    assert registered.actions(keep=True) == {}
    assert "plain/hourly" in registered.held()
    assert registered.actions() == {"plain/hourly": said}
    assert set(registered.held()) == {"rich/hourly"}
    assert registered.actions() == {}


def test_a_renamed_deployment_is_created_before_the_old_one_goes(registered):
    path = registered.root / "flows/plain.py"
    path.write_text(path.read_text().replace('name="hourly"', 'name="daily"'))
    assert list(registered.actions()) == ["plain/daily", "plain/hourly"]


def test_deployments_of_others_are_never_pruned(registered):
    pool = registered.stack.title
    flow = registered.ask("flows/", name="foreign")
    registered.ask(
        "deployments/", name="theirs", flow_id=flow["id"], work_pool_name=pool, tags=["data-flows.stack:Other-Dev"]
    )
    (registered.root / "flows/plain.py").unlink()
    assert list(registered.actions()) == ["plain/hourly"]
    assert "foreign/theirs" in registered.held()


def test_a_name_that_another_environment_holds_in_this_prefect_is_refused(registered):
    """Flows registered with the wrong environment: the address is another's."""
    identity = registered.held()["plain/hourly"]["id"]
    registered.ask(f"deployments/{identity}", "PATCH", tags=["owner:team", "data-flows.stack:Another"])
    with pytest.raises(
        Refusal, match=r"Deployment plain/hourly: got one of data-flows\.stack:Another in this Prefect; expected"
    ):
        registered.register()


def test_only_what_fits_is_registered_and_pruned(registered):
    registered.flow("plain", about=" again")
    registered.flow("rich", SETTINGS)
    registered.flow("third")
    assert list(registered.actions(only="pl*")) == ["plain/hourly"]
    assert list(registered.actions(only="flows/third.py")) == ["third/hourly"]
    for gone in ("plain", "third"):
        (registered.root / f"flows/{gone}.py").unlink()
    assert list(registered.actions(only="plain/*")) == ["plain/hourly"]
    assert set(registered.held()) == {"rich/hourly", "third/hourly"}
    with pytest.raises(Refusal, match='ONLY is "nothing"; expected a name that matches one of rich/'):
        registered.register(only="nothing")
    assert set(registered.actions()) == {"rich/hourly", "third/hourly"}


def test_a_dry_run_tells_what_would_be_done_and_does_nothing(repository):
    repository.flow("plain")
    told = repository.actions(dry_run=True)
    assert told == repository.actions(dry_run=True)
    assert set(told.values()) == {"create"}
    assert repository.held() == {}
    assert told == repository.actions()


def test_everything_wrong_is_told_at_once_and_nothing_is_written(registered):
    registered.flow("plain", about=" again")
    registered.flow("a_new_one")
    registered.file("flows/broken.py", "import no_such_module\n")
    registered.flow("wrong", 'tags=[], work_queue_name="slow", job_variables={"cpu": 3}')
    registered.file("flows/shared/concurrency.py", 'LIMITS = {"x": 1}\n')
    before = registered.held()
    with pytest.raises(Refusal) as refused:
        registered.register()
    assert refused.value.exit_code == 1
    said = str(refused.value).splitlines()
    assert [line.partition(":")[0] for line in said] == [
        "flows/broken.py", "flows/wrong.py", "flows/shared/concurrency.py", "flows/wrong.py", "flows/wrong.py",
    ]  # fmt: skip
    for part in ("no_such_module", "no tags", "cpu 3", "work queue slow", "begins with data-flows."):
        assert part in str(refused.value)
    assert registered.held() == before


def test_what_is_wrong_with_the_code_is_told_before_what_is_wrong_with_the_pool(repository):
    repository.ask("work_pools/", name=repository.stack.title, type="docker")
    repository.file("flows/empty.py", "x = 1\n")
    with pytest.raises(Refusal, match=r"flows/empty\.py: got no `deployments`"):
        repository.register()
    repository.flow("empty")
    with pytest.raises(Refusal, match="got type docker; expected ecs"):
        repository.register()


def test_more_deployments_than_prefect_returns_at_once_are_all_known(repository, monkeypatch):
    """Pages of five, as two hundred would take long to make."""
    for module in (api, registered_deployments):
        monkeypatch.setattr(module, "PAGE", 5)
    for number in range(12):
        repository.flow(f"flow{number}")
    assert len(repository.actions()) == 13
    assert repository.actions(full=True) == {}
    for number in (3, 11):
        (repository.root / f"flows/flow{number}.py").unlink()
    assert set(repository.actions()) == {"flow3/hourly", "flow11/hourly"}
    for number in range(6):
        repository.flow(f"new{number}")
    assert len(repository.actions()) == 6
