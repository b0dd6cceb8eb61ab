"""Registration writes what differs and nothing else, and only for the infrastructure and image that the gate passed."""

import asyncio
from datetime import timedelta
from types import SimpleNamespace
from uuid import uuid4

import pytest
from gate_records import DIGEST, FINDING, gate_record
from prefect import flow
from prefect.client.schemas.objects import DeploymentSchedule
from prefect.client.schemas.responses import DeploymentResponse
from prefect.exceptions import ObjectNotFound
from prefect.schedules import Cron, Interval

from scripts import gate_store, register_flows
from scripts.discover_flows import Discovered
from scripts.environments import Environment
from scripts.plan_checks.record import RecordRefused
from scripts.refusal import Refusal
from scripts.register_flows import bring_work_pool, check_gate, desired_state, difference, print_actions

HOURLY = Cron("0 * * * *", timezone="Europe/Dublin")


@flow
def sample(days: int = 1) -> None:
    """A flow to deploy."""


def desired(environment="dev", **changes):
    arguments = {"name": "hourly", "tags": ["owner:team"], "schedules": [HOURLY], "parameters": {"days": 2}}
    deployment = sample.to_deployment(**arguments | changes)
    return desired_state(Discovered(deployment, sample), Environment(environment, None), f"DataFlows-{environment}")


def held(state, **changes):
    """What Prefect answers once `state` was written to it."""
    schedules = [
        DeploymentSchedule(deployment_id=uuid4(), **schedule.model_dump(include={"schedule", "active", "parameters"}))
        for schedule in state["schedules"]
    ]
    kept = {name: value for name, value in state.items() if name not in {"schedules", "concurrency_limit"}}
    # A deployment without a queue of its own gets the pool's default one.
    answer = kept | {"flow_id": uuid4(), "schedules": schedules, "work_queue_name": "default"}
    return DeploymentResponse(**answer | changes)


def test_a_deployment_that_is_not_there_is_created():
    assert difference(desired(), None) == "create"


def test_a_deployment_as_it_was_written_is_unchanged():
    assert difference(desired(), held(desired())) == "unchanged"


def test_the_order_of_tags_and_schedules_is_no_difference():
    daily = Interval(timedelta(days=1))
    state = desired(schedules=[HOURLY, daily], tags=["b", "a"])
    answer = held(desired(schedules=[daily, HOURLY], tags=["a", "b"]))
    answer.tags.reverse()
    assert difference(state, answer) == "unchanged"


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"description": "Another."}, "description"),
        ({"version": "2"}, "version"),
        ({"tags": ["owner:another"]}, "tags"),
        ({"tags": []}, "tags"),
        ({"parameters": {"days": 3}}, "parameters"),
        ({"parameters": {}}, "parameters"),
        ({"job_variables": {"cpu": 512}}, "job_variables"),
        ({"concurrency_limit": 1}, "concurrency_limit"),
        ({"work_queue_name": "fast"}, "work_queue_name"),
        ({"enforce_parameter_schema": False}, "enforce_parameter_schema"),
        ({"schedules": [Cron("0 * * * *", timezone="UTC")]}, "schedules"),
        ({"schedules": [HOURLY, Interval(timedelta(days=1))]}, "schedules"),
        ({"schedules": [Cron("0 * * * *", timezone="Europe/Dublin", parameters={"days": 9})]}, "schedules"),
        ({"schedules": []}, "schedules"),
    ],
    ids=range(14),  # Schedules hold the time they were made at: no name that two workers agree on.
)
def test_a_field_that_differs_is_named(changes, field):
    assert difference(desired(**changes), held(desired())) == f"update: {field}"


def test_another_place_of_the_flow_or_work_pool_is_a_difference():
    answer = held(desired(), entrypoint="elsewhere.py:sample", path="/opt", work_pool_name="another")
    assert difference(desired(), answer) == "update: entrypoint, path, work_pool_name"


def test_changed_parameters_of_the_flow_are_a_difference():
    answer = held(desired(), parameter_openapi_schema={"type": "object", "properties": {}})
    assert difference(desired(), answer) == "update: parameter_openapi_schema"


def test_a_limit_that_prefect_holds_is_compared_with_ours():
    limited = {
        "id": uuid4(),
        "active": True,
        "name": "limit",
        "limit": 1,
        "active_slots": 0,
        "slot_decay_per_second": 0,
    }
    assert difference(desired(concurrency_limit=1), held(desired(), global_concurrency_limit=limited)) == "unchanged"
    assert difference(desired(), held(desired(), global_concurrency_limit=limited)) == "update: concurrency_limit"


def test_an_interval_without_an_anchor_is_no_difference():
    """Its anchor is then the moment at which the flow's file was imported."""
    states = [desired(schedules=[Interval(timedelta(days=1))]) for _ in range(2)]
    assert difference(states[0], held(states[1])) == "unchanged"


def test_a_schedule_that_somebody_switched_by_hand_is_no_difference():
    answer = held(desired())
    answer.schedules[0].active = not answer.schedules[0].active
    assert difference(desired(), answer) == "unchanged"


@pytest.mark.parametrize(("environment", "active"), [("local", False), ("dev", False), ("prod", True)])
def test_schedules_are_active_in_prod_only(environment, active):
    [schedule] = desired(environment)["schedules"]
    assert schedule.active is active


def test_a_deployment_carries_the_tag_of_its_environment_and_runs_from_the_images_folder():
    state = desired("prod")
    assert state["tags"] == ["data-flows:prod", "owner:team"]
    assert (state["path"], state["work_pool_name"]) == (".", "DataFlows-prod")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"findings": (FINDING,)}, r"the gate did not pass \(1 finding\)"),
        ({"image_digest": "sha256:" + "b" * 64}, "it is of image sha256:bbbbbbbbbbbb…, not sha256:aaaaaaaaaaaa…"),
        ({"environment": "prod"}, "it is of environment prod, not dev"),
        ({"rules": []}, "it was not checked for alarms_act, "),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, dict) else "",
)
def test_flows_are_not_registered_when_the_applied_record_does_not_fit(monkeypatch, tmp_path, changes, said):
    monkeypatch.setattr(gate_store, "stored", lambda _: gate_record(**changes))
    with pytest.raises(RecordRefused, match=said):
        check_gate(Environment("dev", tmp_path), DIGEST)


def test_flows_of_the_image_that_the_gate_passed_are_registered(monkeypatch, tmp_path):
    monkeypatch.setattr(gate_store, "stored", lambda _: gate_record())
    check_gate(Environment("dev", tmp_path), DIGEST)


@pytest.mark.parametrize("broken", ["check_gate", "discover"])
def test_nothing_is_written_when_the_gate_refuses_or_a_flow_is_broken(monkeypatch, broken):
    written = []

    def refuse(*_):
        raise Refusal("flows/broken.py: import failed", 1)

    async def register(*_, **__):
        written.append("all of it")
        return []

    monkeypatch.setattr(register_flows, "check_gate", lambda *_: None)
    monkeypatch.setattr(register_flows, "discover", list)
    monkeypatch.setattr(register_flows, "register", register)
    monkeypatch.setattr(gate_store, "stored_output", lambda *_: {})
    monkeypatch.setattr("scripts.prefect_api.configure", lambda _: "")
    monkeypatch.setattr("sys.argv", ["register_flows", "--env", "dev"])
    register_flows.main()
    assert written.pop()
    monkeypatch.setattr(register_flows, broken, refuse)
    with pytest.raises(Refusal, match="import failed"):
        register_flows.main()
    assert written == []


class Pools:
    """A Prefect client with at most one work pool; `written` is what was written."""

    def __init__(self, pool=None):
        self.pool = pool
        self.written = []

    async def read_work_pool(self, name):
        assert name == "DataFlows-Dev"
        if self.pool is None:
            raise ObjectNotFound(None)
        return self.pool

    async def create_work_pool(self, pool):
        self.written.append((pool.name, pool.type, pool.base_job_template))

    async def update_work_pool(self, name, pool):
        self.written.append((name, pool.base_job_template))


TEMPLATE = {"job_configuration": {}, "variables": {"properties": {"cpu": {}}}}


def bring(client, *, dry_run=False):
    return asyncio.run(bring_work_pool(client, "DataFlows-Dev", TEMPLATE, dry_run=dry_run))


def test_a_missing_work_pool_is_created_with_the_template_of_terraform():
    client = Pools()
    assert bring(client) == "create"
    assert client.written == [("DataFlows-Dev", "ecs", TEMPLATE)]


def test_a_work_pool_with_another_template_gets_that_of_terraform():
    client = Pools(SimpleNamespace(type="ecs", base_job_template={}))
    assert bring(client) == "update: base_job_template"
    assert client.written == [("DataFlows-Dev", TEMPLATE)]


def test_a_work_pool_that_is_right_is_left_alone():
    client = Pools(SimpleNamespace(type="ecs", base_job_template=TEMPLATE))
    assert bring(client) == "unchanged"
    assert client.written == []


def test_a_work_pool_of_another_type_is_refused_and_left_alone():
    client = Pools(SimpleNamespace(type="process", base_job_template={}))
    with pytest.raises(Refusal, match="Work pool DataFlows-Dev: got type process; expected ecs") as refused:
        bring(client)
    assert refused.value.exit_code == 1
    assert client.written == []


@pytest.mark.parametrize("pool", [None, SimpleNamespace(type="ecs", base_job_template={})])
def test_a_dry_run_writes_no_work_pool(pool):
    client = Pools(pool)
    assert bring(client, dry_run=True) != "unchanged"
    assert client.written == []


def test_the_last_line_counts_what_was_written(capsys):
    print_actions([("work pool", "create"), ("a/x", "create"), ("b/x", "unchanged"), ("c/x", "update: tags")])
    assert capsys.readouterr().out.splitlines()[-1] == "3 deployments: 2 written, 1 unchanged"
