"""Load a past interval of flights again, day by day. Safe to run again: each part is a load, which merges by key."""

from datetime import datetime
from typing import Annotated

from prefect import flow
from pydantic import Field

from flows.examples.flights._data_set import FLIGHTS
from flows.shared.data.backfill import BackfillResult, backfill
from flows.shared.data.load import Moment


@flow(name="flights_backfilled")
async def flights_backfilled(
    since: datetime, until: Moment = None, at_once: Annotated[int, Field(ge=1, le=20)] = 4, name: str = ""
) -> BackfillResult:
    """Load the flights that landed in an interval again, in runs of flights_to_warehouse, one for each day.

    Args:
        since: Files with a LastModified from then on.
        until: Files with a LastModified before then; all if it is not given.
        at_once: How many runs side by side.
        name: The name of a backfill that failed, to repeat only its failed days.
    """
    return await backfill(FLIGHTS, "flights_to_warehouse/hourly", since, until, at_once=at_once, name=name)


deployments = [flights_backfilled.to_deployment(name="by_hand", tags=["owner:data-platform"])]

if __name__ == "__main__":  # An editor's play button, or `python -m`: docs/development.md.
    from scripts import try_flow

    try_flow.this_file()
