"""Whenever a registration ends, nothing is half done: what was good before is good still, and the next one finishes."""

import asyncio
import pickle
import signal
import subprocess
import sys
from dataclasses import replace

import httpx
import pytest
from forked_import import imported
from repositories import SETTINGS

from scripts.registration import api
from scripts.registration.alerts import Alerts
from scripts.registration.api import Prefect
from scripts.registration.channels import PagerDuty, Place
from scripts.registration.run import Options, register
from scripts.shared.environments import ROOT
from scripts.shared.refusal import Refusal

ON_CALL = SETTINGS.replace('["owner:team"]', '["owner:team", "on-call"]')
RUNBOOK = "https://example.com/docs/on-call.md"


def alerts(stack):
    """Alerts to PagerDuty, which is not there."""
    place = Place("dev", stack, "http://127.0.0.1:4200", RUNBOOK, "eu-west-1", "/DataFlows/Dev/flow")
    return Alerts(("pagerduty",), (PagerDuty("0" * 32, "http://127.0.0.1:9/v2/enqueue"),), place)


class Killed(BaseException):
    """Ends a registration as a signal would: nothing of it runs any more."""


def is_write(request):
    return request.method != "GET" and not request.url.path.endswith(("/filter", "/count"))


class EndsAfter(httpx.AsyncHTTPTransport):
    """A connection whose client is dead, or whose server is gone, once `writes` writes have been carried out."""

    def __init__(self, writes, error=Killed):
        super().__init__()
        self.left, self.error, self.last = writes, error, ""

    async def handle_async_request(self, request):
        if self.left <= 0:
            raise self.error("it is over")
        answer = await super().handle_async_request(request)
        await answer.aread()
        if is_write(request) and answer.status_code < 400:
            self.left, self.last = self.left - 1, request.url.path
            if self.left <= 0:
                raise self.error("it is over")  # Carried out, and nobody knows.
        return answer


@pytest.fixture
def before(repository):
    """Ten flows, registered, of which the next registration keeps four, changes four and prunes two."""
    repository.stack = replace(repository.stack, results_bucket="bucket")
    for number in range(10):
        repository.flow(f"flow{number:02}")
    repository.register()
    return repository


@pytest.fixture
def changed(before):
    """The repository with twelve flows that differ from what is registered in every way there is."""
    for number in (8, 9):
        (before.root / f"flows/flow{number:02}.py").unlink()
    for number in (0, 1, 2, 3):
        before.flow(f"flow{number:02}", ON_CALL, about=" again")
    for number in range(10, 14):
        before.flow(f"flow{number:02}")
    before.file("flows/shared/concurrency.py", 'LIMITS = {"data-flows.killed": 1}\n')
    template = before.stack.template | {"job_configuration": {"command": "x"}}
    before.stack = replace(before.stack, template=template, alerts=alerts(before.stack.title))
    return before


def content(held):
    """What matters of deployments, by name."""
    kept = ("tags", "schedules", "parameters", "entrypoint", "description", "labels", "work_pool_name")
    found = {}
    for name, each in held.items():
        found[name] = {field: each[field] for field in kept}
        found[name]["schedules"] = [(one["schedule"], one["active"]) for one in each["schedules"]]
    return found


def test_killed_after_every_single_write_it_finishes_and_no_deployment_is_lost_on_the_way(changed):
    old = content(changed.held())
    states, kills, writes = [], 0, 1
    while True:
        try:
            changed.register(transport := EndsAfter(writes))
        except Killed:
            kills += 1
            # A flow is made anew for its deployment: killed after it again and again there would be no progress.
            writes = 2 if transport.last.endswith("/flows/") else 1
            states.append(content(changed.held()))
        else:
            break
    new = content(changed.held())
    assert changed.actions(full=True) == {}
    assert len(new) == 12
    # Pool, variable, limit, block; two for each of four new ones; four changed; five automations; two pruned.
    assert kills >= 4 + 8 + 4 + 5 + 2
    for state in states:
        # Each is as it was or as it is to be, whole; none is missing that was there and stays.
        assert all(each in (old.get(name), new.get(name)) for name, each in state.items())
        assert set(old) & set(new) <= set(state)
    assert set(new) < set(states[-7]), "expected what is pruned to go last"


CHILD = """
import asyncio, os, pickle, signal, sys
import httpx
from scripts.registration.api import Prefect
from scripts.registration.run import Options, register

class Suicidal(httpx.AsyncHTTPTransport):
    left = int(sys.argv[1])

    async def handle_async_request(self, request):
        answer = await super().handle_async_request(request)
        if request.method != "GET" and not request.url.path.endswith(("/filter", "/count")):
            Suicidal.left -= 1
            if Suicidal.left == 0:
                os.kill(os.getpid(), signal.SIGKILL)
        return answer

async def main():
    root, imported, stack = pickle.load(sys.stdin.buffer)
    async with Prefect(Suicidal()) as prefect:
        await register(root, imported, stack, Options(), prefect)

asyncio.run(main())
"""


def test_a_process_that_is_killed_leaves_the_same(changed):
    given = pickle.dumps((changed.root, imported(changed.root), changed.stack))
    old = content(changed.held())
    for writes in (2, 5, 9):
        answer = subprocess.run(
            [sys.executable, "-c", CHILD, str(writes)], input=given, cwd=ROOT, capture_output=True, check=False
        )
        assert answer.returncode == -signal.SIGKILL, answer.stderr
        assert set(old) <= set(changed.held())
    changed.register()
    assert changed.actions(full=True) == {}
    assert len(changed.held()) == 12


def test_a_server_that_goes_away_is_told_with_what_is_done_and_the_next_registration_goes_on(changed, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(api, "RETRY_SECONDS", 2)
        with pytest.raises(
            Refusal, match=r"(it is over|got 503), for 2 s; .*\n\d+ of 19 writes are done\. The next is"
        ) as refused:
            changed.register(EndsAfter(10, httpx.ConnectError))
    assert refused.value.exit_code == 2
    changed.register()
    assert changed.actions(full=True) == {}


def test_an_answer_that_is_lost_is_asked_for_again_and_nothing_is_made_twice(changed):
    class Forgetful(httpx.AsyncHTTPTransport):
        lost = frozenset()

        async def handle_async_request(self, request):
            answer = await super().handle_async_request(request)
            await answer.aread()
            which = (request.method, str(request.url), request.content)
            if is_write(request) and answer.status_code < 400 and which not in self.lost:
                self.lost |= {which}
                raise httpx.ReadError("lost")
            return answer

    changed.register(Forgetful())
    assert changed.actions(full=True) == {}
    assert len(automations(changed)) == 5
    assert len(changed.held()) == 12


def automations(repository):
    prefix = f"{repository.stack.title} alerts: "
    found = repository.ask("automations/filter", limit=200)
    return [each["name"] for each in found if each["name"].startswith(prefix)]


def test_two_at_once_end_in_the_state_of_one(changed):
    found = imported(changed.root)

    async def one():
        async with Prefect() as prefect:
            await register(changed.root, found, changed.stack, Options(), prefect)

    async def both():
        await asyncio.gather(one(), one())

    asyncio.run(both())
    assert changed.actions(full=True) == {}
    assert len(changed.held()) == 12
    assert sorted(automations(changed)) == sorted(set(automations(changed)))
    assert len(automations(changed)) == 5


def test_when_no_channel_is_named_any_more_the_automations_and_their_secret_go(changed):
    changed.register()
    changed.stack = replace(changed.stack, alerts=Alerts(("email",)))
    title = changed.stack.title
    done = changed.actions()
    assert {name: said for name, said in done.items() if name.startswith("automation")} == {
        f"automation {title} alerts: pagerduty {name}": "prune: no longer in code"
        for name in ("failed", "late", "stuck", "silent", "recovered")
    }
    assert done[f"block custom-webhook/{title.lower()}-pagerduty"] == "prune: nothing uses it any more"
    assert automations(changed) == []
    assert changed.actions() == {}
