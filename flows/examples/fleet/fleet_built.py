"""Build the models of the fleet by a job of dbt Cloud. Safe to run again: dbt builds each model anew."""

from prefect import flow

from flows.shared.dbt_cloud import JobResult, run_job

secrets = ["DBT_CLOUD_TOKEN"]


@flow(name="fleet_built")
def fleet_built(job: int | str = "fleet") -> JobResult:
    """Run the job of dbt Cloud that builds the models of the fleet, and wait for it.

    Args:
        job: The job's name or id in dbt Cloud.
    """
    return run_job(job, retries_from_failure=1)


deployments = [
    fleet_built.to_deployment(name="in_chain", tags=["owner:data-platform"], concurrency_limit=1),
]

if __name__ == "__main__":  # An editor's play button, or `python -m`: docs/development.md.
    from scripts import try_flow

    try_flow.this_file()
