"""Find landed flights that no load took, and load them on request. Safe to run again: a load takes each file once."""

from prefect import flow
from prefect.schedules import Cron

from flows.examples.flights._data_set import FLIGHTS
from flows.shared.data.reconcile import ReconcileResult, reconcile

# What runs of this file receive beside Prefect's credential; account and user come along (docs/writing-flows.md).
secrets = ["SNOWFLAKE_PRIVATE_KEY"]


@flow(name="flights_reconciled")
def flights_reconciled(load_late: bool = False) -> ReconcileResult:
    """Name the landed files of flights that came too late for the hourly load.

    Args:
        load_late: Load them, instead of failing with their names.
    """
    return reconcile(FLIGHTS, load_late=load_late)


deployments = [
    flights_reconciled.to_deployment(
        name="weekly", schedule=Cron("20 7 * * 1", timezone="UTC"), tags=["owner:data-platform"]
    )
]

if __name__ == "__main__":  # An editor's play button, or `python -m`: docs/development.md.
    from scripts import try_flow

    try_flow.this_file()
