"""A schedule or deployment that a person switched in Prefect stays so, through any number of registrations."""

from dataclasses import replace

import httpx
import pytest
from repositories import SETTINGS

from scripts.shared.environments import Environment


def switch(repository, name, *, active, number=0):
    """Switch a schedule as a person does in Prefect's pages."""
    deployment = repository.held()[name]
    place = f"deployments/{deployment['id']}/schedules/{deployment['schedules'][number]['id']}"
    repository.ask(place, "PATCH", active=active)


def states(repository, name):
    held = repository.held()[name]["schedules"]
    return {each["schedule"].get("cron", each["id"]): each["active"] for each in held}


def test_schedules_are_active_in_prod_only(repository):
    repository.flow("plain")
    repository.register()
    assert states(repository, "plain/hourly") == {"5 * * * *": False}


class TestProd:
    """In prod schedules are active, unless a person paused them."""

    @pytest.fixture
    def prod(self, repository):
        environment = Environment("prod", repository.environment.directory)
        repository.environment = environment
        repository.facts = replace(repository.facts, environment=environment, pool=environment.title)
        crons = ", ".join(f'Cron("{minute} * * * *", timezone="UTC")' for minute in (5, 6))
        self.settings = f'tags=["owner:team"], schedules=[{crons}]'
        repository.flow("plain", self.settings)
        repository.register()
        yield repository
        for each in repository.held().values():
            repository.ask(f"deployments/{each['id']}", "DELETE")

    def test_a_schedule_paused_by_a_person_stays_paused_through_any_number_of_registrations(self, prod):
        assert states(prod, "plain/hourly") == {"5 * * * *": True, "6 * * * *": True}
        paused = [each["schedule"]["cron"] for each in prod.held()["plain/hourly"]["schedules"]].index("5 * * * *")
        switch(prod, "plain/hourly", active=False, number=paused)
        assert prod.actions() == {}
        for number in range(3):
            prod.flow("plain", self.settings, imports=f"X = {number}")
            assert prod.actions() == {"plain/hourly": "update: flows/plain.py changed"}
            assert states(prod, "plain/hourly") == {"5 * * * *": False, "6 * * * *": True}

    def test_one_paused_while_it_is_being_registered_stays_paused_too(self, prod):
        """Between reading all deployments and writing this one."""

        class Pausing(httpx.AsyncHTTPTransport):
            paused = False

            async def handle_async_request(self, request):
                if not self.paused and request.method == "GET" and "/deployments/" in request.url.path:
                    self.paused = True
                    switch(prod, "plain/hourly", active=False)
                return await super().handle_async_request(request)

        prod.flow("plain", self.settings, imports="X = 1")
        transport = Pausing()
        prod.register(transport)
        assert transport.paused
        assert sorted(states(prod, "plain/hourly").values()) == [False, True]

    def test_a_schedule_removed_in_code_is_removed_with_its_runs(self, prod):
        prod.flow("plain", SETTINGS)
        assert prod.actions() == {"plain/hourly": "update: schedules, flows/plain.py changed"}
        assert states(prod, "plain/hourly") == {"5 * * * *": True}
        prod.flow("plain", 'tags=["owner:team"]')
        prod.register()
        assert states(prod, "plain/hourly") == {}

    def test_a_deployment_that_a_person_paused_stays_paused(self, prod):
        identity = prod.held()["plain/hourly"]["id"]
        prod.ask(f"deployments/{identity}/pause_deployment")
        prod.flow("plain", self.settings, imports="X = 1")
        prod.register()
        assert prod.held()["plain/hourly"]["paused"] is True


def test_a_deployment_of_that_name_by_other_means_is_taken_over_with_its_paused_schedule(repository):
    repository.flow("empty")
    repository.register()
    flow = repository.ask("flows/", name="plain")
    schedule = {"schedule": {"cron": "5 * * * *", "timezone": "UTC"}, "active": False}
    repository.ask(
        "deployments/",
        name="hourly",
        flow_id=flow["id"],
        work_pool_name=repository.environment.title,
        schedules=[schedule],
        pull_steps=[{"prefect.deployments.steps.set_working_directory": {"directory": "/elsewhere"}}],
    )
    repository.flow("plain")
    actions = repository.actions()
    assert "pull_steps, tags" in actions["plain/hourly"]
    assert actions["plain/hourly"].startswith("update: ")
    assert repository.held()["plain/hourly"]["pull_steps"] == []
    assert states(repository, "plain/hourly") == {"5 * * * *": False}
