"""Load the landed flights into Snowflake, each file once. Safe to run again: flows/shared/data/load.py says why."""

from prefect import flow
from prefect.schedules import Cron

from flows.examples.flights._data_set import FLIGHTS
from flows.shared.data.load import Files, LoadResult, Moment, Percent, load

# What runs of this file receive beside Prefect's credential; account and user come along (docs/writing-flows.md).
secrets = ["SNOWFLAKE_PRIVATE_KEY"]


@flow(name="flights_to_warehouse")
def flights_to_warehouse(
    max_rejected_percent: Percent = 1.0, since: Moment = None, until: Moment = None, files: Files = None
) -> LoadResult:
    """Load the flights that landed since the last run from S3 into Snowflake.

    Args:
        max_rejected_percent: More rows than this share rejected, and nothing is loaded and the run fails.
        since: Load what landed from then on, whatever was loaded already; the watermark stays.
        until: Load only what landed before then; the watermark stays.
        files: Load these keys of the results bucket; the watermark stays.
    """
    return load(FLIGHTS, max_rejected_percent, since=since, until=until, files=files)


deployments = [
    flights_to_warehouse.to_deployment(
        name="hourly",
        schedule=Cron("5 * * * *", timezone="UTC"),
        tags=["owner:data-platform", "run:up:1"],
    )
]

if __name__ == "__main__":  # An editor's play button, or `python -m`: docs/development.md.
    from scripts import try_flow

    try_flow.this_file()
