"""Export on-time performance per carrier and month from Snowflake to S3 as one Parquet file.

Safe to run again: the figures are one query's, so of one moment, and the file of that fixed name is replaced whole.
"""

import dataframely as dy
from prefect import flow
from prefect.schedules import Cron

from flows.shared.data.export import Export, ExportResult, export

# What runs of this file receive beside Prefect's credential; account and user come along (docs/writing-flows.md).
secrets = ["SNOWFLAKE_PRIVATE_KEY"]


class OnTimePerformance(dy.Schema):
    """A carrier's month; the percentage is of departures, the mean of flights that arrived."""

    carrier = dy.String()
    year = dy.Int64()
    month = dy.Int64(min=1, max=12)
    flights = dy.Int64(min=1)
    cancelled = dy.Int64(min=0)
    departed_on_time_percent = dy.Float64(nullable=True, min=0, max=100)  # null if none departed
    mean_arr_delay_minutes = dy.Float64(nullable=True)  # null if none arrived


# A cancelled flight has no departure. On time is a departure at most 15 minutes late; the share is of departures.
ON_TIME_PERFORMANCE = Export(
    name="on_time_performance",
    rows=OnTimePerformance,
    prefix="export/on_time_performance/",
    query="""
SELECT
    CARRIER,
    YEAR,
    MONTH,
    COUNT(*) AS FLIGHTS,
    COUNT_IF(DEP_TIME IS NULL) AS CANCELLED,
    100 * COUNT_IF(DEP_DELAY <= 15)::FLOAT / NULLIF(COUNT(DEP_TIME), 0) AS DEPARTED_ON_TIME_PERCENT,
    SUM(ARR_DELAY)::FLOAT / NULLIF(COUNT(ARR_DELAY), 0) AS MEAN_ARR_DELAY_MINUTES
FROM FLIGHTS
GROUP BY CARRIER, YEAR, MONTH
ORDER BY CARRIER, YEAR, MONTH
""",
)


@flow(name="warehouse_to_s3")
def warehouse_to_s3() -> ExportResult:
    """Export on-time performance per carrier and month from Snowflake to S3 as Parquet."""
    return export(ON_TIME_PERFORMANCE)


deployments = [
    warehouse_to_s3.to_deployment(
        name="daily",
        schedule=Cron("30 6 * * *", timezone="America/New_York"),
        tags=["owner:data-platform", "run:up:2"],
    )
]

if __name__ == "__main__":  # An editor's play button, or `python -m`: docs/development.md.
    from scripts import try_flow

    try_flow.this_file()
