"""Rows of an API land once for each of their versions, whatever it answers and wherever a run is stopped."""

import os
import random
import sys
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import httpx
import pytest
from killing import killed_after
from moving_api import EXACT, MovingApi, moving_api
from orders_fetched import ORDERS, PAGERS, declare, files, landed, load, run
from prefect import flow

from flows.shared import watermark
from flows.shared.data.formats import Parquet
from flows.shared.data.landing import Landing
from flows.shared.data.refused import DeclarationError
from flows.shared.fetch import run as running
from flows.shared.fetch.answer import rows_of
from flows.shared.fetch.pages import Offset, PageNumber, PagesRefusedError
from flows.shared.fetch.run import fetch
from flows.shared.http_api import ApiRefusedError, ApiUnreachableError

KILLS = int(os.environ.get("KILLS", "2"))
NOON = datetime(2024, 5, 1, 12, tzinfo=UTC)
EVERY_FORM = pytest.mark.parametrize("pages", PAGERS.values(), ids=list(PAGERS))
RUN = """
import sys
sys.path[:0] = ["tests", "tests/flows/fetch"]
import boto3, httpx, snowflake.connector
from orders_fetched import declare, run
print("begun", flush=True)
run(declare(bytes_per_file=1500), sys.argv[1], sys.argv[2])
"""


@flow(name="orders_fetched")
def orders_fetched(url: str):
    return fetch(declare(), url)


@EVERY_FORM
def test_every_form_of_pages_is_read_to_its_end(world, pages):
    with moving_api() as api:
        api.put(range(1, 26))
        [interval] = run(declare(pages=pages), api.url)
        assert sorted(landed(world)) == list(range(1, 26))
        # `since` and the address's own query are in each call, but where the API gives the next address itself.
        assert all("token" in asked for asked in api.asked if "cursor" not in asked)
        assert list(files(world)) == [f"landing/orders/{interval.file_name}-00001.jsonl.gz"]


@EVERY_FORM
@pytest.mark.parametrize("rows", [0, 1, 10])
def test_few_rows_are_an_end_and_no_row_is_no_file(world, pages, rows):
    with moving_api() as api:
        api.put(range(rows))
        run(declare(pages=pages), api.url)
        assert landed(world) == list(range(rows))
        assert len(files(world)) == (rows > 0)


def test_rows_land_as_they_were_received_and_load_exactly(world):
    with moving_api() as api:
        api.put([7])
        run(declare(), api.url)
    [text] = files(world).values()
    assert text == f'{{"id": 7, "amount": {EXACT},  "changed": "2024-05-01T12:00:00Z", "version": 1}}\n'
    world.wait()
    assert load().rows_inserted == 1
    assert world.query("SELECT AMOUNT FROM ORDERS") == [(Decimal(EXACT),)]


def test_each_run_asks_for_what_changed_since_the_last_one(world):
    with moving_api() as api:
        what = declare(until="until", overlap=timedelta(minutes=5))
        assert run(what, api.url, end=NOON)[0].last == watermark.START
        assert run(what, api.url, end=NOON) == []
        run(what, api.url, end=NOON + timedelta(hours=1))
        given = [(asked.get("since"), asked["until"]) for asked in api.asked]
        assert given == [
            (None, "2024-05-01T12:00:00Z"),
            ("2024-05-01T11:55:00Z", "2024-05-01T13:00:00Z"),
        ]


def test_a_long_time_is_fetched_in_intervals_each_of_which_stays_done(world):
    what = declare(until="until", begin=NOON, interval=timedelta(hours=1))
    with moving_api(faults=lambda number: "404" if number == 2 else "") as api:
        with pytest.raises(ApiRefusedError):
            run(what, api.url, end=NOON + timedelta(hours=4))
        done = run(what, api.url, end=NOON + timedelta(hours=3, minutes=30))
    assert [interval.last.hour for interval in done] == [14, 15]
    assert [asked["since"][11:13] for asked in api.asked] == ["12", "13", "14", "14", "15"]


def test_files_are_cut_between_rows_and_a_repeated_run_writes_the_same_ones(world):
    what = declare(bytes_per_file=500)
    with moving_api(faults=lambda number: "404" if number == 2 else "") as api:
        api.put(range(1, 26))
        with pytest.raises(ApiRefusedError):
            run(what, api.url)
        before = files(world)
        assert 0 < len(before) < 4
        run(what, api.url)
        assert before.items() <= files(world).items()
        assert landed(world) == list(range(1, 26))


@pytest.mark.parametrize("fault", ["500", "503", "429", "408", "reset", "half", "cut", "slow"])
def test_what_may_pass_is_asked_again(world, fault):
    with moving_api(faults=lambda number: fault if number in (0, 2) else "") as api:
        api.put(range(1, 16))
        run(declare(), api.url)
        assert landed(world) == list(range(1, 16))
        assert (len(api.asked), api.asked[0], api.asked[2]) == (4, api.asked[1], api.asked[3])


@pytest.mark.parametrize(("fault", "patience"), [("500", 1), ("429 after 86400", 60)])
def test_patience_ends_and_the_watermark_stays(world, fault, patience):
    faults = {"now": fault}
    with moving_api(faults=lambda number: faults["now"] if number else "") as api:
        api.put(range(1, 16))
        with pytest.raises(ApiUnreachableError, match=rf"Fetch orders_api from \S+/orders: got {fault[:3]} .*anew"):
            run(declare(patience_seconds=patience), api.url)
        faults["now"] = ""
        run(declare(), api.url)
        assert landed(world) == list(range(1, 16))


@pytest.mark.parametrize("status", ["400", "401", "404", "302"])
def test_a_refusal_ends_the_run_at_once_without_secrets(world, status):
    what = declare(headers=lambda: {"Authorization": "Bearer s3cr3t-token"})
    with moving_api(faults=lambda _: status) as api:
        with pytest.raises(
            ApiRefusedError, match=rf"/orders: got {status} \*\*\* \*\*\* is no good; expected 2xx"
        ) as error:
            run(what, api.url)
        assert (len(api.asked), api.headers[0]["Authorization"]) == (1, "Bearer s3cr3t-token")
    assert "hidden" not in str(error.value)


@pytest.mark.parametrize(
    ("raw", "calls", "message"),
    [
        (b"<html>Sign in with hidden-token", 3,
         r"/orders: got an answer that is no JSON.* 200 <html>Sign in with \*\*\*"),
        (b'{"data": "caf\xe9"}', 3, "no JSON"),
        ({"error": "no such table"}, 1,
         r'got nothing at data\.rows; expected the list .*200 \{"error": "no such table"\}'),
        ({"data": {"rows": {"1": 2}}}, 1, r"got a dict at data\.rows"),
    ],
)  # fmt: skip
def test_an_answer_that_cannot_be_used_is_told_with_its_beginning(world, raw, calls, message):
    with moving_api(raw=lambda _: raw) as api:
        with pytest.raises(ApiRefusedError, match=message) as error:
            run(declare(), api.url)
        assert len(api.asked) == calls
    assert "hidden" not in str(error.value)
    assert files(world) == {}


@pytest.mark.parametrize(
    ("pages", "raw", "message"),
    [
        ("cursor", {"rows": [{"id": 1}], "next": "c1"}, "got the same cursor twice"),
        ("cursor", lambda asked: {"rows": [{"id": 1}], "next": {"c1": "c2", "c2": "c3"}.get(asked.get("cursor"), "c1")},
         "got the same cursor twice"),
        ("cursor", {"rows": [], "next": "c1"}, "got a page without rows that has a next one"),
        ("cursor", {"rows": [{"id": 1}], "next": ["c"]}, "got a list at data.next; expected a cursor"),
        ("cursor", lambda asked: {"rows": [{"id": 1}], "next": f"c{asked.get('cursor')}"}, "got more than 30 pages"),
        ("keys", {"rows": [{"id": 1}]}, "got the same last id twice"),
        ("keys", {"rows": [{"name": 1}]}, "got a last row without a usable id"),
        ("offset", {"rows": [{"id": n} for n in range(10)]}, "got the same page again and again"),
        ("number", {"rows": [{"id": n} for n in range(10)]}, "got the same page again and again"),
        ("number", lambda _: {"rows": [{"id": os.urandom(4).hex()}]}, "got another page 1 at each of 10 looks"),
    ],
)  # fmt: skip
def test_pages_without_an_end_are_refused(world, pages, raw, message):
    answers = raw if callable(raw) else lambda _: raw
    refused = pytest.raises(PagesRefusedError, match=rf"Fetch orders_api from \S+/orders: {message}")
    with moving_api(raw=lambda asked: {"data": answers(asked)}) as api, refused:
        run(declare(pages=PAGERS[pages], most_pages=30), api.url)


def test_a_next_page_on_another_host_is_not_asked_for():
    link = {"Link": '<https://elsewhere.example/2>; rel="next"'}
    answer = httpx.Response(200, headers=link, request=httpx.Request("GET", "https://crm.example"))
    reading = PAGERS["link"].read(lambda: (answer, {}, ["a row"]), PagesRefusedError)
    next(reading)
    with pytest.raises(PagesRefusedError, match=r"got a next page at elsewhere\.example"):
        next(reading)


def read(pages, api):
    """The ids of the rows that a pager finds, without a server."""

    def ask(address="http://127.0.0.1/orders", **own):
        api.before(len(api.asked))
        api.asked.append({**httpx.URL(address).params, **own})
        body, headers = api.page(api.asked[-1], "http://127.0.0.1/orders")
        answer = httpx.Response(200, headers=headers, request=httpx.Request("GET", address))
        return answer, *rows_of(body.decode(), "data.rows", ["id", "changed"])

    return {int(row.values["id"]) for page in pages.read(ask, PagesRefusedError) for row in page}


@EVERY_FORM
def test_rows_that_stay_are_never_lost_while_others_come_and_go(pages):
    """Between calls, rows are deleted and inserted anywhere: more of them than an overlap holds, and whole pages."""
    stay = set(range(3, 200, 3))
    for seed in range(40):
        chance = random.Random(seed)  # noqa: S311 (no secret)
        api = MovingApi()
        api.put(range(1, 200))

        def move(number, api=api, chance=chance):
            if 1 <= number <= 12:
                others = [n for n in api.rows if n not in stay]
                for each in chance.sample(others, min(len(others), chance.choice([0, 2, 9, 25]))):
                    del api.rows[each]
                api.put(n for n in chance.sample(range(200), chance.choice([0, 3, 15])) if n not in stay)

        api.before = move
        assert stay <= read(pages, api), f"seed {seed}"


@pytest.mark.parametrize(
    ("pages", "lost"),
    [
        (PageNumber(moves=False), set(range(11, 16))),
        (PageNumber(), set()),
        (Offset(limit=10, overlap=0), set(range(11, 16))),
        (Offset(limit=10, overlap=3), set()),
    ],
)
def test_only_the_second_look_finds_rows_that_moved_to_a_page_that_was_read(pages, lost):
    api = MovingApi(before=lambda number: number == 1 and [api.rows.pop(n) for n in range(1, 6)])
    api.put(range(1, 31))
    assert set(range(6, 31)) - read(pages, api) == lost


def test_a_row_that_changes_while_pages_are_read_lands_in_its_new_version_too(world):
    with moving_api(before=lambda number: number == 1 and api.put([9], "2024-05-01T12:01:00Z")) as api:
        api.put(range(1, 16))
        run(declare(pages=Offset(limit=10, overlap=3)), api.url)
        assert sorted(landed(world)) == sorted([*range(1, 16), 9])
    world.wait()
    load()
    assert world.query("SELECT COUNT(*), SUM(VERSION) FROM ORDERS") == [(15, 16)]


def test_parameters_can_be_the_body_of_a_post(world):
    what = declare(
        body=lambda parameters: {**parameters, "sort": "id"}, pages=PAGERS["offset"], parameters={"kind": "x"}
    )
    with moving_api() as api:
        api.put(range(1, 13))
        run(what, api.url)
        assert landed(world) == list(range(1, 13))
        assert {**api.asked[0]} == {"token": "hidden-token", "kind": "x", "sort": "id", "offset": "0", "limit": "10"}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"name": "No name"}, "Fetch No name: name: got 'No name'"),
        (
            {"landing": Landing("a", ORDERS.rows, key=["id"], prefix="landing/a/", table="A", format=Parquet())},
            r"landing: got a data set of Parquet; expected format=JsonLines\(\)",
        ),
        ({"calls_per_second": 0}, "calls_per_second: got 0; expected more than 0"),
        ({"since": "", "until": "until"}, "until: got it without since"),
        ({"interval": timedelta(hours=1)}, "interval: got it without since, until or begin"),
        ({"overlap": timedelta(-1)}, "overlap: got -1 day"),
        ({"pages": Offset(limit=10, overlap=10)}, "pages: got overlap=10; expected 0 or more, below 10"),
    ],
)  # fmt: skip
def test_a_declaration_that_cannot_work_is_refused(changes, message):
    with pytest.raises(DeclarationError, match=message):
        declare(**changes)


@pytest.mark.usefixtures("prefect_server")
def test_a_flow_lands_and_reports(world, capfd):
    with moving_api() as api:
        api.put(range(1, 26))
        result = orders_fetched(api.url)
    assert (result.intervals, result.files, result.rows) == (1, 1, 25)
    assert '"Intervals":1,"Files":1,"Rows":25' in capfd.readouterr().out


def test_killed_at_any_moment_and_run_again_no_version_is_lost_or_loaded_twice(world):
    """With an API that fails in every way, and rows that change between the runs."""
    kinds = [*[""] * 18, "500", "429", "reset", "half", "cut"]
    chance = random.Random(17)  # noqa: S311 (no secret)

    def changed():
        return f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"

    with moving_api(faults=lambda _: chance.choice(kinds)) as api:
        command = [sys.executable, "-c", RUN, api.url]
        api.put(range(1, 101), changed())
        seconds = killed_after(None, [*command, "whole"])
        for number in range(KILLS):
            world.wait()
            api.put(chance.sample(range(1, 101), 30), changed())
            killed_after(chance.uniform(0, seconds), [*command, f"killed-{number}"])
            load(f"load-{number}")  # Whatever is there is whole.
        for run_id in ("what was left", "what changed since"):
            killed_after(None, [*command, run_id])
        world.wait()
        load("last")
        expected = [(n, version) for n, (_, version) in sorted(api.rows.items())]
        assert world.query("SELECT ID, VERSION FROM ORDERS ORDER BY ID") == expected
    states = dict(world.query("SELECT NAME, LOADED_UNTIL FROM LOAD_WATERMARKS WHERE NAME LIKE 'orders_api%'"))
    assert len(set(states.values())) == 1
    assert (
        running.begin_interval.fn(declare(), "nothing is left", min(states.values()).replace(tzinfo=UTC)).interval
        is None
    )
