"""A schedule or deployment that a person switched in Prefect stays so, through any number of registrations."""

from dataclasses import replace

import httpx
import pytest
from repositories import SETTINGS


def switch(repository, name, *, active, number=0):
    """Switch a schedule as a person does in Prefect's pages."""
    deployment = repository.held()[name]
    place = f"deployments/{deployment['id']}/schedules/{deployment['schedules'][number]['id']}"
    repository.ask(place, "PATCH", active=active)


def states(repository, name):
    held = repository.held()[name]["schedules"]
    return {each["schedule"].get("cron", each["id"]): each["active"] for each in held}


CRONS = ", ".join(f'Cron("{minute} * * * *", timezone="UTC")' for minute in (5, 6))
TWO = f'tags=["owner:team"], schedules=[{CRONS}]'


@pytest.fixture
def active(repository):
    """A repository whose stack has active schedules, with one flow of two schedules, registered."""
    repository.stack = replace(repository.stack, has_active_schedules=True)
    repository.flow("plain", TWO)
    repository.register()
    return repository


def test_schedules_are_active_where_the_stack_says_so(active):
    assert states(active, "plain/hourly") == {"5 * * * *": True, "6 * * * *": True}
    active.stack = replace(active.stack, has_active_schedules=False)
    assert active.actions() == {"plain/hourly": "update: schedule.active"}
    assert states(active, "plain/hourly") == {"5 * * * *": False, "6 * * * *": False}


def test_a_schedule_paused_by_a_person_stays_paused_through_any_number_of_registrations(active):
    paused = [each["schedule"]["cron"] for each in active.held()["plain/hourly"]["schedules"]].index("5 * * * *")
    switch(active, "plain/hourly", active=False, number=paused)
    assert active.actions() == {}
    assert active.actions(full=True) == {}
    for number in range(3):
        active.flow("plain", TWO, about=f" {number}")
        assert active.actions() == {"plain/hourly": "update: description"}
        assert states(active, "plain/hourly") == {"5 * * * *": False, "6 * * * *": True}


def test_one_paused_while_it_is_being_registered_stays_paused_too(active):
    """Between reading all deployments and writing this one."""

    class Pausing(httpx.AsyncHTTPTransport):
        paused = False

        async def handle_async_request(self, request):
            if not self.paused and request.method == "GET" and "/deployments/" in request.url.path:
                self.paused = True
                switch(active, "plain/hourly", active=False)
            return await super().handle_async_request(request)

    active.flow("plain", TWO, about=" again")
    transport = Pausing()
    active.register(transport)
    assert transport.paused
    assert sorted(states(active, "plain/hourly").values()) == [False, True]


def test_a_schedule_removed_in_code_is_removed_with_its_runs(active):
    active.flow("plain", SETTINGS)
    assert active.actions() == {"plain/hourly": "update: schedule"}
    assert states(active, "plain/hourly") == {"5 * * * *": True}
    active.flow("plain", 'tags=["owner:team"]')
    active.register()
    assert states(active, "plain/hourly") == {}


def test_a_deployment_that_a_person_paused_stays_paused(active):
    identity = active.held()["plain/hourly"]["id"]
    active.ask(f"deployments/{identity}/pause_deployment")
    active.flow("plain", TWO, about=" again")
    active.register()
    assert active.held()["plain/hourly"]["paused"] is True


def test_a_deployment_that_nobody_switched_is_paused_as_the_code_says(active):
    for settings, paused in ((f"{TWO}, paused=True", True), (TWO, False)):
        active.flow("plain", settings)
        assert active.actions() == {"plain/hourly": "update: paused"}
        assert active.held()["plain/hourly"]["paused"] is paused


def test_a_deployment_of_that_name_by_other_means_is_taken_over_with_its_paused_schedule(repository):
    repository.flow("empty")
    repository.register()
    flow = repository.ask("flows/", name="plain")
    schedule = {"schedule": {"cron": "5 * * * *", "timezone": "UTC"}, "active": False}
    repository.ask(
        "deployments/",
        name="hourly",
        flow_id=flow["id"],
        work_pool_name=repository.stack.title,
        schedules=[schedule],
        pull_steps=[{"prefect.deployments.steps.set_working_directory": {"directory": "/elsewhere"}}],
    )
    repository.flow("plain")
    actions = repository.actions()
    assert "pull_steps, tags" in actions["plain/hourly"]
    assert actions["plain/hourly"].startswith("update: ")
    assert repository.held()["plain/hourly"]["pull_steps"] == []
    assert states(repository, "plain/hourly") == {"5 * * * *": False}
