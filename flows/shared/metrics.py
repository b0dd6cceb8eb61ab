"""Figures of a run: one CloudWatch embedded-metric-format line on stdout, and a Prefect artifact."""

import json
import logging
import sys
import time
from collections.abc import Mapping
from typing import Any

from flows.shared.settings import RunSettings

NAMESPACE = "DataFlows"


def embedded_metrics(flow: str, environment: str, run_id: str, figures: Mapping[str, float], at_seconds: float) -> str:
    """One line of JSON from which CloudWatch Logs makes metrics by environment and flow.

    `figures`: snake_case name to value; a name that ends in `seconds` has that unit, all others are counts.
    """
    names = {name: "".join(word.capitalize() for word in name.split("_")) for name in figures}
    units = {name: "Seconds" if name.endswith("seconds") else "Count" for name in figures}
    directive = {
        "Namespace": NAMESPACE,
        "Dimensions": [["Environment", "Flow"]],
        "Metrics": [{"Name": names[name], "Unit": units[name]} for name in figures],
    }
    line = {
        "_aws": {"Timestamp": int(at_seconds * 1000), "CloudWatchMetrics": [directive]},
        "Environment": environment,
        "Flow": flow,
        "FlowRunId": run_id,
        **{names[name]: value for name, value in figures.items()},
    }
    return json.dumps(line, separators=(",", ":"))


def report(flow: str, run_id: str, figures: Mapping[str, float]) -> None:
    """Print the metrics line and store the same figures as the artifact `<flow>-figures` of the run.

    Figures never decide over a run: an artifact that cannot be stored is a warning.
    """
    # Not through a logger, and so not by print either, which Prefect logs: CloudWatch wants the line bare.
    line = embedded_metrics(flow, RunSettings.load().environment, run_id, figures, time.time())
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()
    rows = [{"figure": name, "value": value} for name, value in figures.items()]
    store_table(f"{flow}-figures", rows, f"Figures of the last run of {flow}")


def store_table(key: str, rows: list[dict[str, Any]], description: str) -> None:
    """Store a table as an artifact of the run, for a person; one that cannot be stored is a warning."""
    from prefect.artifacts import create_table_artifact

    try:
        create_table_artifact(key=key.replace("_", "-"), table=rows, description=description)
    except Exception as error:
        logging.getLogger(__name__).warning("The artifact %s is not in Prefect: %r", key, error)
