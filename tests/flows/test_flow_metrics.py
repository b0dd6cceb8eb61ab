"""The metrics line is what CloudWatch's embedded metric format asks for."""

import json

from flows.shared.metrics import embedded_metrics, report


def test_the_line_declares_every_figure_it_holds():
    line = embedded_metrics("a_flow", "dev", "id", {"rows_read": 3, "seconds": 1.5}, at_seconds=1700000000.25)
    assert "\n" not in line
    record = json.loads(line)
    [directive] = record["_aws"]["CloudWatchMetrics"]
    assert record["_aws"]["Timestamp"] == 1700000000250
    assert directive["Namespace"] == "DataFlows"
    assert directive["Metrics"] == [{"Name": "RowsRead", "Unit": "Count"}, {"Name": "Seconds", "Unit": "Seconds"}]
    assert all(metric["Name"] in record for metric in directive["Metrics"])
    assert all(name in record for names in directive["Dimensions"] for name in names)
    assert (record["RowsRead"], record["Seconds"], record["FlowRunId"]) == (3, 1.5, "id")


def test_figures_never_decide_over_a_run(monkeypatch, capsys, caplog):
    def gone(**_):
        raise ConnectionError("Prefect is gone")

    monkeypatch.setattr("prefect.artifacts.create_table_artifact", gone)
    monkeypatch.setenv("DATA_FLOWS_ENVIRONMENT", "dev")
    report("a_flow", "id", {"rows": 3})
    assert json.loads(capsys.readouterr().out)["Rows"] == 3
    assert "The artifact a_flow-figures is not in Prefect: ConnectionError('Prefect is gone')" in caplog.text
