"""Fetch the flow runs that ended from Prefect's API, and load them.

Safe to run again: flows/shared/fetch/run.py and flows/shared/data/load.py say why.
"""

from collections.abc import Mapping
from typing import Any

import dataframely as dy
from prefect import flow
from prefect.schedules import Cron
from prefect.settings import get_current_settings

from flows.shared.data.formats import JsonLines
from flows.shared.data.landing import Landing
from flows.shared.data.load import LoadResult, Percent, load
from flows.shared.fetch.declaration import Fetch
from flows.shared.fetch.pages import Offset
from flows.shared.fetch.run import fetch
from flows.shared.prefect_sign_in import sign_in

secrets = ["SNOWFLAKE_PRIVATE_KEY"]


class Run(dy.Schema):
    """A flow run that ended; `total_run_time` in seconds, over all its attempts, of which there were `run_count`."""

    id = dy.String()
    name = dy.String()
    flow_id = dy.String()
    deployment_id = dy.String(nullable=True)
    state_type = dy.Enum(["COMPLETED", "FAILED", "CRASHED", "CANCELLED"])
    start_time = dy.Datetime(time_zone="UTC", nullable=True)
    end_time = dy.Datetime(time_zone="UTC")
    total_run_time = dy.Float64(min=0)
    run_count = dy.Int64(min=0)


def question(parameters: Mapping[str, str]) -> dict[str, Any]:
    """Return the JSON that asks Prefect for a page of runs."""
    ended = {"after_": parameters.get("since"), "before_": parameters["until"]}
    page = {name: int(parameters[name]) for name in ("offset", "limit")}
    return {"sort": "ID_DESC", **page, "flow_runs": {"end_time": ended}}


RUNS = Landing(name="runs", rows=Run, key=["id"], prefix="landing/runs/", table="FLOW_RUNS", format=JsonLines())
ENDED = Fetch(
    name="runs_api",
    landing=RUNS,
    pages=Offset(limit=200, overlap=20),
    changed_at="end_time",
    since="since",
    until="until",
    body=question,
    headers=sign_in,
)


@flow(name="runs_fetched")
def runs_fetched(max_rejected_percent: Percent = 1.0) -> LoadResult:
    """Fetch the flow runs that ended since the last time from Prefect's API, and load them into Snowflake.

    Args:
        max_rejected_percent: More rows than this share rejected, and nothing is loaded and the run fails.
    """
    fetch(ENDED, f"{get_current_settings().api.url}/flow_runs/filter")
    return load(RUNS, max_rejected_percent)


deployments = [
    runs_fetched.to_deployment(
        name="daily", schedule=Cron("50 5 * * *", timezone="UTC"), tags=["owner:data-platform", "run:up:6"]
    )
]

if __name__ == "__main__":  # An editor's play button, or `python -m`: docs/development.md.
    from scripts import try_flow

    try_flow.this_file()
