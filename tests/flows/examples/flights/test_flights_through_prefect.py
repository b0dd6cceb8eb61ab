"""Both flows through Prefect's own engine and server: result, artifact, metrics line, and what is retried."""

import json

import pytest
from prefect.client.orchestration import get_client

from flows.examples.flights import flights_to_warehouse as loading
from flows.examples.flights.warehouse_to_s3 import warehouse_to_s3
from flows.shared import s3, validation

pytestmark = pytest.mark.usefixtures("prefect_server")


def test_the_flows_run_retry_the_network_and_report(world, days, csv_rows, monkeypatch, capfd):
    list_files, calls = s3.list_files, []

    def fails_once(*args):
        calls.append(args)
        if len(calls) == 1:
            raise ConnectionResetError
        return list_files(*args)

    monkeypatch.setattr(s3, "list_files", fails_once)
    world.land(days)
    result = loading.flights_to_warehouse(settle_seconds=0)
    assert len(calls) == 2
    assert (result.rows_inserted, result.rows_quarantined) == (len(csv_rows), 0)
    assert loading.flights_to_warehouse(settle_seconds=0).rows_read == 0
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
    stage_files, calls = loading.stage_files, []
    monkeypatch.setattr(loading, "stage_files", lambda *args: calls.append(1) or stage_files(*args))
    name, frame = next(iter(days.items()))
    world.land({name: frame.with_columns(distance=-frame["distance"])})
    with pytest.raises(validation.TooManyRejectedError):
        loading.flights_to_warehouse(settle_seconds=0)
    assert len(calls) == 1
    [line] = [json.loads(line) for line in capfd.readouterr().out.splitlines() if line.startswith('{"_aws"')]
    assert (line["RowsRead"], line["RowsQuarantined"], line["RowsInserted"]) == (frame.height, frame.height, 0)
