"""Load the landed planes into Snowflake, each file once. Safe to run again: flows/shared/data/load.py says why."""

from prefect import flow

from flows.examples.fleet._data_set import PLANES
from flows.shared.data.load import LoadResult, Percent, load

secrets = ["SNOWFLAKE_PRIVATE_KEY"]


@flow(name="planes_to_warehouse")
def planes_to_warehouse(max_rejected_percent: Percent = 1.0) -> LoadResult:
    """Load the planes that landed since the last run from S3 into Snowflake.

    Args:
        max_rejected_percent: More rows than this share rejected, and nothing is loaded and the run fails.
    """
    return load(PLANES, max_rejected_percent)


deployments = [
    planes_to_warehouse.to_deployment(name="in_chain", tags=["owner:data-platform"], concurrency_limit=1),
]

if __name__ == "__main__":  # An editor's play button, or `python -m`: docs/development.md.
    from scripts import try_flow

    try_flow.this_file()
