"""Both flows through Prefect's own engine and server: result, artifact, metrics line, and what is retried."""

import json

import pytest
from prefect.client.orchestration import get_client

from flows.examples.flights.flights_to_warehouse import flights_to_warehouse
from flows.examples.flights.warehouse_to_s3 import warehouse_to_s3
from flows.shared.data import load as loading
from flows.shared.data import stage_files as staging
from flows.shared.data.validation import TooManyRejectedError

pytestmark = pytest.mark.usefixtures("prefect_server")


@pytest.fixture(autouse=True)
def what_just_landed_is_taken(monkeypatch):
    monkeypatch.setitem(loading.load.__kwdefaults__, "settle_seconds", 0)


def test_the_flows_run_retry_the_network_and_report(world, days, csv_rows, monkeypatch, capfd):
    list_landing, calls = loading.list_landing, []

    def fails_once(*args):
        calls.append(args)
        if len(calls) == 1:
            raise ConnectionResetError
        return list_landing(*args)

    monkeypatch.setattr(loading, "list_landing", fails_once)
    world.land(days)
    result = flights_to_warehouse()
    assert len(calls) == 2
    assert (result.rows_inserted, result.rows_quarantined) == (len(csv_rows), 0)
    assert flights_to_warehouse().rows_read == 0
    assert warehouse_to_s3().rows_written == len({row["carrier"] for row in csv_rows})

    lines = [json.loads(line) for line in capfd.readouterr().out.splitlines() if line.startswith('{"_aws"')]
    assert [(line["Flow"], line["RowsRead"]) for line in lines] == [
        ("flights_to_warehouse", len(csv_rows)),
        ("flights_to_warehouse", 0),
        ("warehouse_to_s3", len({row["carrier"] for row in csv_rows})),
    ]
    with get_client(sync_client=True) as client:
        keys = {artifact.key for artifact in client.read_artifacts()}
    assert {"flights-to-warehouse-figures", "warehouse-to-s3-figures"} <= keys


def test_too_many_rejected_rows_are_not_retried_and_counted(world, days, monkeypatch, capfd):
    stage_files, calls = staging.stage_files, []
    monkeypatch.setattr(staging, "stage_files", lambda *args: calls.append(1) or stage_files(*args))
    name, frame = next(iter(days.items()))
    world.land({name: frame.with_columns(distance=-frame["distance"])})
    with pytest.raises(TooManyRejectedError):
        flights_to_warehouse()
    assert len(calls) == 1
    [line] = [json.loads(line) for line in capfd.readouterr().out.splitlines() if line.startswith('{"_aws"')]
    assert (line["RowsRead"], line["RowsQuarantined"], line["RowsInserted"]) == (frame.height, frame.height, 0)
