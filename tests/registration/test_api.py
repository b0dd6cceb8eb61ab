"""Requests are repeated while Prefect is busy or away, and its refusals are told in words."""

import asyncio
import json
import time

import httpx
import pytest

from scripts.registration import api
from scripts.registration.api import Conflict, Prefect
from scripts.shared.refusal import Refusal

URL = "http://127.0.0.1:1/api"


@pytest.fixture(autouse=True)
def caller(monkeypatch):
    """A caller with an address and nothing else, and no patience."""
    for name in ("PREFECT_API_KEY", "PREFECT_API_AUTH_STRING", "PREFECT_CLIENT_CUSTOM_HEADERS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PREFECT_API_URL", URL)
    monkeypatch.setattr(api, "_backoff", lambda _: 0)


class Answers(httpx.AsyncBaseTransport):
    """Answers one request after the other: a status, a response or an error; the last one for ever."""

    def __init__(self, *answers):
        self.answers, self.requests = list(answers), []

    async def handle_async_request(self, request):
        self.requests.append(request)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return httpx.Response(answer, json="3.8.8") if isinstance(answer, int) else answer


def ask(transport, call):
    async def run():
        async with Prefect(transport) as prefect:
            return await call(prefect), prefect

    return asyncio.run(run())


def read(transport):
    return ask(transport, lambda prefect: prefect.read("admin/version"))


@pytest.mark.parametrize(
    "trouble", [429, 502, 503, 504, httpx.ConnectError("refused"), httpx.ReadError("reset"), httpx.ReadTimeout("slow")]
)
def test_a_server_that_is_busy_or_away_is_asked_again(trouble, capsys):
    answer, prefect = read(Answers(*[trouble] * 5, 200))
    assert (answer, prefect.reads, prefect.busy) == ("3.8.8", 6, 5)
    assert "trying again for 60 s" in capsys.readouterr().err


def test_a_hiccup_is_not_worth_a_word(capsys):
    read(Answers(*[503] * 4, 200))
    assert capsys.readouterr() == ("", "")


def test_the_time_that_a_server_asks_for_is_given():
    began = time.monotonic()
    read(Answers(httpx.Response(429, headers={"Retry-After": "1"}), 200))
    assert time.monotonic() - began >= 1


def test_a_server_that_stays_away_is_given_up(monkeypatch):
    monkeypatch.setattr(api, "RETRY_SECONDS", 0.05)
    transport = Answers(httpx.ConnectError("connection refused"))
    with pytest.raises(
        Refusal, match=r"admin/version: connection refused, for .* s; expected it to answer: is it running"
    ):
        read(transport)
    assert len(transport.requests) > 2


@pytest.mark.parametrize("status", [401, 403])
def test_a_credential_that_is_not_accepted_is_named_and_not_shown(monkeypatch, status):
    with pytest.raises(
        Refusal, match=f"got {status}; expected it to accept a request without credentials: set PREFECT"
    ):
        read(Answers(status))
    monkeypatch.setenv("PREFECT_API_KEY", "pnu_secret")
    with pytest.raises(Refusal, match="expected it to accept PREFECT_API_KEY") as refused:
        read(Answers(status))
    assert "pnu_secret" not in str(refused.value)


def test_credentials_go_with_every_request(monkeypatch):
    monkeypatch.setenv("PREFECT_API_AUTH_STRING", "admin:word")
    monkeypatch.setenv("PREFECT_CLIENT_CUSTOM_HEADERS", '{"X-Proxy": "yes"}')
    transport = Answers(200)
    read(transport)
    assert transport.requests[0].headers["Authorization"] == "Basic YWRtaW46d29yZA=="
    assert transport.requests[0].headers["X-Proxy"] == "yes"
    monkeypatch.setenv("PREFECT_API_KEY", "pnu_x")
    read(transport)
    assert transport.requests[1].headers["Authorization"] == "Bearer pnu_x"


def check(answer, url=URL):
    return ask(Answers(answer), lambda prefect: prefect.check_version())


@pytest.mark.parametrize(
    ("theirs", "fits"),
    [("3.8.8", True), ("3.8.0", True), ("3.9.1", True), ("3.7.9", False), ("2.20.0", False), ("4.0", False)],
)
def test_a_server_of_another_version_is_told_with_the_one_that_is_wanted(monkeypatch, theirs, fits):
    monkeypatch.setattr(api, "version", lambda _: "3.8.8")
    if fits:
        check(httpx.Response(200, json=theirs))
        return
    with pytest.raises(Refusal, match=rf"got version {theirs}; expected 3\.8 or a later 3\.x"):
        check(httpx.Response(200, json=theirs))


def test_what_is_no_prefect_api_is_told():
    for answer in (httpx.Response(404), httpx.Response(200, json={"hello": "world"})):
        with pytest.raises(Refusal, match="got no Prefect API; expected PREFECT_API_URL to be its address"):
            check(answer)


def test_prefect_cloud_is_always_new_enough(monkeypatch):
    monkeypatch.setenv("PREFECT_API_URL", "https://api.prefect.cloud/api/accounts/a/workspaces/w")
    _, prefect = check(404)
    assert prefect.reads == 0


def test_a_refusal_repeats_what_the_server_said_but_not_what_it_was_sent():
    said = {
        "exception_detail": [{"loc": ["body", "name"], "msg": "too long", "input": "secret"}],
        "request_body": "secret",
    }
    transport = Answers(httpx.Response(422, json=said))
    with pytest.raises(Refusal, match=r"Prefect: POST x/: got 422: body\.name: too long$"):
        ask(transport, lambda prefect: prefect.write("POST", "x/", {"name": "secret"}))
    transport = Answers(httpx.Response(404, json={"detail": 'Work pool "P" not found.'}))
    with pytest.raises(Refusal, match='POST deployments/: got 404: Work pool "P" not found'):
        ask(transport, lambda prefect: prefect.write("POST", "deployments/", {}))


def test_a_conflict_is_the_callers_to_judge_and_what_is_gone_is_deleted():
    with pytest.raises(Conflict, match="there already"):
        ask(Answers(httpx.Response(409, json={"detail": "there already"})), lambda p: p.write("POST", "x/", {}))
    assert ask(Answers(404), lambda p: p.write("DELETE", "x/1"))[0] is None


def test_all_pages_are_read():
    pages = [httpx.Response(200, json=[{}] * count) for count in (200, 200, 7)]
    transport = Answers(*pages)
    found, prefect = ask(transport, lambda p: p.read_all("x/filter", tags=["a"]))
    assert (len(found), prefect.reads) == (407, 3)
    offsets = [json.loads(request.content)["offset"] for request in transport.requests]
    assert offsets == [0, 200, 400]
