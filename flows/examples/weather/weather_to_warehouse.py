"""Load the landed weather into Snowflake, each file once. Safe to run again: flows/shared/data/load.py says why."""

from prefect import flow
from prefect.schedules import Cron

from flows.examples.weather._data_set import WEATHER
from flows.shared.data.load import Files, LoadResult, Percent, load

# What runs of this file receive beside Prefect's credential; account and user come along (docs/writing-flows.md).
secrets = ["SNOWFLAKE_PRIVATE_KEY"]


@flow(name="weather_to_warehouse")
def weather_to_warehouse(max_rejected_percent: Percent = 1.0, files: Files = None) -> LoadResult:
    """Load the weather that landed since the last run from S3 into Snowflake.

    Args:
        max_rejected_percent: More rows than this share rejected, and nothing is loaded and the run fails.
        files: Load these keys of the results bucket; the watermark stays.
    """
    return load(WEATHER, max_rejected_percent, files=files)


deployments = [
    weather_to_warehouse.to_deployment(
        name="daily", schedule=Cron("45 5 * * *", timezone="UTC"), tags=["owner:data-platform", "run:up:3"]
    )
]

if __name__ == "__main__":  # An editor's play button, or `python -m`: docs/development.md.
    from scripts import try_flow

    try_flow.this_file()
