"""Refresh the fleet: load, then the job of dbt Cloud, then the export. Safe to run again, as each of the three is."""

from prefect import flow
from prefect.schedules import Cron

from flows.shared.chain import ChainResult, run_chain


@flow(name="fleet_refreshed")
def fleet_refreshed() -> ChainResult:
    """Load the planes, build the models in dbt Cloud, and export them: each only after the one before has completed."""
    return run_chain("planes_to_warehouse/in_chain", "fleet_built/in_chain", "fleet_to_s3/in_chain")


deployments = [
    fleet_refreshed.to_deployment(
        name="daily",
        schedule=Cron("40 5 * * *", timezone="UTC"),
        tags=["owner:data-platform", "run:up:3"],
    )
]

if __name__ == "__main__":  # An editor's play button, or `python -m`: docs/development.md.
    from scripts import try_flow

    try_flow.this_file()
