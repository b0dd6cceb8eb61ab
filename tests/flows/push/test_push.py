"""Changed rows reach an API once, whatever it answers and wherever a run is stopped."""

import os
import random
import sys
from decimal import Decimal

import pytest
from customers import declare, fill, ids, letters, run
from failing_api import failing_api
from killing import killed_after
from prefect import flow

from flows.shared.data.export_values import ExportValueError
from flows.shared.data.refused import DeclarationError
from flows.shared.http_api import ApiRefusedError, ApiUnreachableError
from flows.shared.push import outbox as outboxes
from flows.shared.push import run as running
from flows.shared.push.run import TooManyRejectedError, push
from flows.shared.watermark import WatermarkMovedError

KILLS = int(os.environ.get("KILLS", "2"))
NEWEST = "SELECT CUSTOMER_ID, CHANGED_AT FROM CUSTOMERS"
RUN = """
import sys
sys.path.insert(0, "tests/flows/push")
import boto3, httpx, snowflake.connector
from customers import declare, run
print("begun", flush=True)
run(declare(), sys.argv[1], sys.argv[2])
"""


@flow(name="customers_sent")
def customers_sent(url: str, send_again: bool = False):
    return push(declare(), url, send_again=send_again, settle_seconds=0)


def test_what_changed_since_the_last_run_is_sent_once_in_order(world):
    fill(world, range(1, 26))
    fill(world, [3], minute=1)
    with failing_api() as api:
        progress, _ = run(declare(), api.url)
        assert ids(api.taken) == [1, 2, *range(4, 26), 3]
        assert [len(rows) for _, rows in api.seen] == [10, 10, 5]
        assert (progress.rows_done, progress.calls, progress.rows_rejected) == (25, 3, 0)
        assert run(declare(), api.url)[0].calls == 0
        world.query("UPDATE CUSTOMERS SET CHANGED_AT = SYSDATE() WHERE CUSTOMER_ID = 7")
        run(declare(), api.url)
        assert ids(api.taken[25:]) == [7]


def test_values_arrive_exactly(world):
    fill(world, [7])
    world.query("UPDATE CUSTOMERS SET REVENUE = 1234567890123456.70, SCORE = 0.1")
    with failing_api() as api:
        run(declare(), api.url)
        assert api.taken == [
            {
                "customer_id": 7, "name": 'n7 "é', "revenue": "1234567890123456.70", "score": 0.1,
                "changed_at": "2024-05-01T12:00:00.000000Z",
            }
        ]  # fmt: skip


def test_a_row_has_decimals_and_floats_whatever_its_text_looks_like():
    row = outboxes.row_of('{"customer_id":1,"name":"a","revenue":2,"score":1,"changed_at":"x"}', declare())
    assert (row["revenue"], row["score"]) == (Decimal(2), 1.0)
    assert (type(row["revenue"]), type(row["score"])) == (Decimal, float)


def test_a_call_holds_no_more_rows_and_bytes_than_declared(world):
    fill(world, range(1, 6))
    with failing_api() as api:
        run(declare(bytes_per_call=250), api.url)
        assert [len(rows) for _, rows in api.seen] == [2, 2, 1]


def test_no_more_calls_are_made_in_a_second_than_declared(world):
    fill(world, range(1, 6))
    with failing_api() as api:
        run(declare(rows_per_call=1, calls_per_second=10), api.url)
        assert len(api.times) == 5
        assert api.times[-1] - api.times[0] >= 0.4 - 0.05


@pytest.mark.parametrize(
    "fault", ["500", "503", "429", "408", "409", "reset before", "reset after", "half", "cut", "slow"]
)
def test_what_may_pass_is_repeated_with_the_same_key_and_taken_once(world, fault):
    fill(world, range(1, 16))
    with failing_api(faults=lambda number: fault if number in (0, 2) else "") as api:
        run(declare(), api.url)
        assert ids(api.taken) == list(range(1, 16))
        keys = [key for key, _ in api.seen]
        assert (keys[0], keys[2]) == (keys[1], keys[3])
        assert (len(set(keys)), api.told) == (2, [])


@pytest.mark.parametrize("fault", ["429 after 2", "503 after 2"])
def test_the_next_call_waits_as_long_as_the_api_asks(world, fault):
    """In seconds, or until a date, whose seconds are whole."""
    fill(world, [1])
    with failing_api(faults=lambda number: fault if number == 0 else "") as api:
        run(declare(), api.url)
        assert api.times[1] - api.times[0] >= 0.95
        assert ids(api.taken) == [1]


@pytest.mark.parametrize(("fault", "patience"), [("500", 1), ("429 after 86400", 60)])
def test_patience_ends_and_the_next_run_goes_on_with_the_same_rows(world, fault, patience):
    fill(world, range(1, 26))
    faults = {"now": fault}
    with failing_api(faults=lambda number: faults["now"] if number else "") as api:
        with pytest.raises(ApiUnreachableError, match=rf"Push customers to \S+/customers: got {fault[:3]} .*next run"):
            run(declare(patience_seconds=patience), api.url)
        assert ids(api.taken) == list(range(1, 11))
        faults["now"] = ""
        fill(world, range(5, 15), minute=9)  # What is in the outbox goes first, as it was.
        run(declare(rows_per_call=4), api.url)
        assert ids(api.taken) == list(range(1, 26))
        assert (len({key for key, _ in api.seen}), api.told) == (3, [])


@pytest.mark.parametrize("status", ["401", "403", "404", "302"])
def test_a_refused_call_ends_the_run_without_the_token_in_its_message(world, status, monkeypatch):
    fill(world, [1])
    monkeypatch.setattr("failing_api.OK", b"Bearer s3cr3t-token is wrong")
    what = declare(headers=lambda: {"Authorization": "Bearer s3cr3t-token"})
    with failing_api(faults=lambda _: status) as api:
        with pytest.raises(ApiRefusedError) as error:
            run(what, api.url)
        assert api.headers[0]["Authorization"] == "Bearer s3cr3t-token"
    assert f"got {status} *** *** is wrong; expected 2xx" in str(error.value)
    assert "hidden" not in str(error.value)
    with failing_api() as api:
        run(what, api.url)
        assert ids(api.taken) == [1]


def test_an_address_that_is_none_is_refused(world):
    fill(world, [1])
    with pytest.raises(ApiRefusedError, match=r"Push customers to crm\.example: got no address"):
        run(declare(), "crm.example")


@pytest.mark.parametrize("rejects_rows", [True, False])
def test_rows_that_the_api_refuses_are_dead_letters_and_all_others_arrive(world, rejects_rows):
    """Whether its answer names them, or it refuses the call."""
    fill(world, range(1, 26))
    with failing_api(bad=lambda row: row["customer_id"] in (4, 15, 16), rejects_rows=rejects_rows) as api:
        progress, open_letters = run(declare(), api.url)
        assert (progress.rows_rejected, open_letters) == (3, 3)
        assert sorted(ids(api.taken)) == [n for n in range(1, 26) if n not in (4, 15, 16)]
        assert api.told == []
    assert set(letters(world)) == {4, 15, 16}
    assert letters(world)[4].startswith("no good: {'customer_id': 4" if rejects_rows else '422 {"ok": true}')


def test_dead_letters_are_sent_again_until_they_are_taken(world):
    fill(world, range(1, 6))
    bad = {2, 4}
    with failing_api(bad=lambda row: row["customer_id"] in bad, rejects_rows=True) as api:
        run(declare(), api.url)
        bad.discard(2)
        assert running.send_dead_letters.fn(declare(), api.url, "again") == 1
        assert (ids(api.taken), set(letters(world))) == ([1, 3, 5, 2], {4})
        bad.clear()
        assert running.send_dead_letters.fn(declare(), api.url, "again") == 1
        assert running.send_dead_letters.fn(declare(), api.url, "again") == 0
        assert (ids(api.taken), letters(world)) == ([1, 3, 5, 2, 4], {})


def test_a_newer_version_that_is_taken_settles_a_dead_letter(world):
    fill(world, [1, 2])
    with failing_api(bad=lambda row: row["customer_id"] == 2, rejects_rows=True) as api:
        run(declare(), api.url)
    world.query("UPDATE CUSTOMERS SET CHANGED_AT = SYSDATE() WHERE CUSTOMER_ID = 2")
    with failing_api() as api:
        run(declare(), api.url)
        assert running.send_dead_letters.fn(declare(), api.url, "again") == 0
        assert ids(api.taken) == [2]


def test_too_many_refused_rows_stop_the_run_and_the_next_one_goes_on(world):
    fill(world, range(1, 26))
    with failing_api(bad=lambda row: row["customer_id"] < 4, rejects_rows=True) as api:
        with pytest.raises(TooManyRejectedError, match=r"got more than 2 rows .*/push/customers/"):
            run(declare(most_rejected=2), api.url)
        assert ids(api.taken) == list(range(4, 11))
        run(declare(most_rejected=2), api.url)
        assert ids(api.taken) == list(range(4, 26))


def test_a_row_without_a_time_of_change_is_refused_not_left_out(world):
    fill(world, [1, 2])
    world.query("UPDATE CUSTOMERS SET CHANGED_AT = NULL WHERE CUSTOMER_ID = 2")
    with failing_api() as api, pytest.raises(ExportValueError, match="changed_at: got NULL"):
        run(declare(), api.url)
    assert api.seen == []


def test_rows_that_are_still_being_written_wait(world):
    fill(world, [1])
    world.query("UPDATE CUSTOMERS SET CHANGED_AT = SYSDATE()")
    with failing_api() as api:
        run(declare(), api.url, settle=3600)
        assert api.seen == []
        run(declare(), api.url)
        assert ids(api.taken) == [1]


def test_of_two_runs_that_begin_at_once_one_takes_the_rows(world, monkeypatch):
    fill(world, [1])
    write = outboxes.write_export

    def meanwhile(*arguments):
        monkeypatch.setattr(outboxes, "write_export", write)
        running.take_changes.fn(declare(), "other", 0)
        return write(*arguments)

    monkeypatch.setattr(outboxes, "write_export", meanwhile)
    with pytest.raises(WatermarkMovedError):
        running.take_changes.fn(declare(), "run", 0)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"key": []}, "Push customers: key: got no column"),
        ({"key": ["id"]}, "Push customers: id: got a key or changed_at that is no column"),
        ({"key": ["score"]}, "score: got a key or changed_at that is no column, or nullable"),
        ({"changed_at": "name"}, "name: got text; expected a dy.Datetime"),
        (
            {"rows_per_call": 0, "calls_per_second": 0},
            "rows_per_call: got 0; expected more than 0; calls_per_s",
        ),
        ({"idempotency_header": "a: b"}, "idempotency_header: got 'a: b'"),
        ({"name": "No name"}, "Push No name: name: got 'No name'"),
        ({"query": " "}, "query: got nothing"),
    ],
)
def test_a_declaration_that_cannot_work_is_refused(changes, message):
    with pytest.raises(DeclarationError, match=message):
        declare(**changes)


@pytest.mark.usefixtures("prefect_server")
def test_a_flow_sends_and_reports(world, capfd):
    fill(world, range(1, 6))
    with failing_api(bad=lambda row: row["customer_id"] == 2, rejects_rows=True) as api:
        result = customers_sent(api.url)
        assert (result.rows_read, result.rows_sent, result.rows_rejected, result.dead_letters) == (5, 4, 1, 1)
        api.bad = lambda _: False
        again = customers_sent(api.url, send_again=True)
        assert (again.rows_read, again.rows_sent_again, again.dead_letters) == (0, 1, 0)
    assert '"RowsRead":5,"RowsSent":4,"RowsRejected":1' in capfd.readouterr().out


def test_killed_at_any_moment_and_run_again_each_version_is_taken_once(world):
    """With an API that fails in every way, and rows that change between the runs."""
    kinds = [*[""] * 18, "500", "429", "reset before", "reset after", "half", "cut"]
    chance = random.Random(17)  # noqa: S311 (no secret)
    # Most moments lie between what the API takes and its answer.
    options = {"bad": lambda row: row["customer_id"] == 13, "answers_after_seconds": 0.2}
    with failing_api(faults=lambda _: chance.choice(kinds), **options) as api:
        command = [sys.executable, "-c", RUN, api.url]

        fill(world, range(1, 101))
        seconds = killed_after(None, [*command, "whole"])
        for number in range(KILLS):
            third = "UPDATE CUSTOMERS SET CHANGED_AT = SYSDATE() WHERE MOD(CUSTOMER_ID, 3) = %s"
            world.query(third, [str(number % 3)])
            killed_after(chance.uniform(0, seconds), [*command, f"killed-{number}"])
            taken = [(row["customer_id"], row["changed_at"]) for row in api.taken]
            assert len(taken) == len(set(taken)), "a version was taken twice"
        for run_id in ("what was left", "what changed since"):
            killed_after(None, [*command, run_id])
        taken = [(row["customer_id"], row["changed_at"]) for row in api.taken]
        assert len(taken) == len(set(taken)), "a version was taken twice"
        newest = {customer: f"{at:%Y-%m-%dT%H:%M:%S.%f}Z" for customer, at in world.query(NEWEST)}
        del newest[13]
        assert dict(sorted(taken)) == newest, "a version was lost"
        assert api.told == []
        assert set(letters(world)) == {13}
