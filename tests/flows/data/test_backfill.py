"""A past interval is loaded by runs of the data set's own deployment, so many at once; what failed is named."""

import asyncio
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
from orders import ORDERS
from prefect import flow

from flows.shared.data import backfill as backfilling
from flows.shared.data.listing import StoredFile

pytestmark = pytest.mark.usefixtures("prefect_server")
NOON = datetime(2024, 5, 1, 12, tzinfo=UTC)
# Three files of the first day, none of the second, one of the third.
FILES = [
    StoredFile(f"landing/orders/{n}", 1, NOON + timedelta(hours=hours), "e") for n, hours in enumerate([0, 1, 2, 48])
]


class Prefect:
    """Prefect's deployment of the loader: it keeps runs by their key, and says how many ran at once."""

    def __init__(self, *failing):
        self.runs, self.failing, self.running, self.most = {}, set(failing), 0, 0

    async def run(self, deployment, parameters, idempotency_key, **_):
        if idempotency_key not in self.runs:
            self.running += 1
            self.most = max(self.most, self.running)
            await asyncio.sleep(0.01)
            self.running -= 1
            name = "Failed" if str(parameters.get("since", parameters.get("files"))) in self.failing else "Completed"
            state = SimpleNamespace(name=name, is_completed=lambda: name == "Completed")
            self.runs[idempotency_key] = SimpleNamespace(
                parameters=parameters, state=state, created=datetime.now(UTC), deployment=deployment
            )
        return self.runs[idempotency_key]

    @property
    def parameters(self):
        return [run.parameters for run in self.runs.values()]


@pytest.fixture
def prefect(monkeypatch):
    prefect = Prefect()
    monkeypatch.setattr(backfilling, "arun_deployment", prefect.run)
    monkeypatch.setattr(backfilling, "list_interval", lambda *_: FILES)
    return prefect


def run(**options):
    @flow(name="orders_backfilled")
    async def backfilled():
        return await backfilling.backfill(ORDERS, "orders_to_warehouse/hourly", NOON, **options)

    return asyncio.run(backfilled())


def test_each_day_with_files_is_a_run(prefect):
    result = run(parameters={"max_rejected_percent": 5})
    assert (result.files, result.runs, result.runs_before) == (4, 2, 0)
    assert prefect.parameters == [
        {"max_rejected_percent": 5, "since": "2024-05-01T12:00:00+00:00", "until": "2024-05-01T14:00:01+00:00"},
        {"max_rejected_percent": 5, "since": "2024-05-03T12:00:00+00:00", "until": "2024-05-03T12:00:01+00:00"},
    ]


def test_so_many_files_are_a_run_and_so_many_runs_go_at_once(prefect):
    run(by=1, at_once=2)
    assert [each["files"] for each in prefect.parameters] == [[file.key] for file in FILES]
    assert prefect.most == 2


def test_a_part_that_fails_is_named_and_the_others_are_loaded(prefect):
    prefect.failing = {"['landing/orders/1']"}
    with pytest.raises(backfilling.BackfillError, match=r"1 of 4 parts .*files 2 to 2: Failed.* name='may'"):
        run(by=1, name="may")
    assert len(prefect.runs) == 4


def test_started_again_by_its_name_only_what_failed_is_repeated(prefect):
    prefect.failing = {"['landing/orders/1']"}
    with pytest.raises(backfilling.BackfillError):
        run(by=1, name="may")
    prefect.failing = set()
    result = run(by=1, name="may")
    assert (result.runs, result.runs_before, len(prefect.runs)) == (4, 3, 5)
    assert run(by=1, name="june").runs_before == 0


def test_the_interval_is_half_open(world):
    world.s3.put_object(Bucket=world.bucket, Key="landing/orders/1.parquet", Body=b"x")
    world.wait()
    [file] = backfilling.list_interval.fn(ORDERS, NOON, None)
    assert backfilling.list_interval.fn(ORDERS, file.last_modified, file.last_modified + timedelta(seconds=1)) == [file]
    assert backfilling.list_interval.fn(ORDERS, NOON, file.last_modified) == []
