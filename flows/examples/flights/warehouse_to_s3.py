"""Export on-time performance per carrier and month from Snowflake to S3 as one Parquet file.

Safe to run again: the figures are one query's, so of one moment, and the file of that fixed name is replaced whole.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING

from prefect import flow, get_run_logger, task
from prefect.cache_policies import NO_CACHE
from prefect.runtime import flow_run
from prefect.schedules import Cron
from pydantic import BaseModel

from flows.shared import metrics, s3, snowflake
from flows.shared.errors import NETWORK_RETRIES, DataFlowsError
from flows.shared.settings import SnowflakeSettings, StoreSettings

if TYPE_CHECKING:
    import pyarrow as pa

NAME = "warehouse_to_s3"
EXPORT_KEY = "export/on_time_performance/on_time_performance.parquet"
# A cancelled flight has no departure. On time is a departure at most 15 minutes late; the share is of departures.
SQL = """
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
"""


class NothingToExportError(DataFlowsError):
    """The warehouse holds no flights; an export that is there stays as it is."""


class ExportResult(BaseModel, frozen=True):
    """What one run wrote, and where."""

    rows_read: int
    rows_written: int
    uri: str


@flow(name=NAME)
def warehouse_to_s3() -> ExportResult:
    """Export on-time performance per carrier and month from Snowflake to S3 as Parquet."""
    started = monotonic()
    run_id = str(flow_run.id)
    result = export_on_time_performance(run_id)
    figures = {"rows_read": result.rows_read, "rows_written": result.rows_written, "rows_quarantined": 0}
    metrics.report(NAME, run_id, {**figures, "seconds": round(monotonic() - started, 3)})
    get_run_logger().info("Wrote %s rows to %s", result.rows_written, result.uri)
    return result


@task(**NETWORK_RETRIES, tags=["data-flows.warehouse"], cache_policy=NO_CACHE)
def export_on_time_performance(run_id: str) -> ExportResult:
    """Run the query and replace the exported file. Raises NothingToExportError rather than export no rows."""
    import pyarrow.parquet as pq

    bucket = StoreSettings.load().results_bucket
    schema = export_schema()
    rows = 0
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "export.parquet")
        with (
            snowflake.connect(SnowflakeSettings.load(), NAME, run_id) as connection,
            pq.ParquetWriter(path, schema, compression="zstd") as writer,
        ):
            for batch in snowflake.read_arrow_batches(connection, SQL, schema):
                writer.write_table(batch)
                rows += batch.num_rows
        if not rows:
            raise NothingToExportError("FLIGHTS: got no rows; expected some; run flights_to_warehouse first.")
        s3.upload_file(s3.client(), bucket, EXPORT_KEY, path)
    return ExportResult(rows_read=rows, rows_written=rows, uri=f"s3://{bucket}/{EXPORT_KEY}")


def export_schema() -> pa.Schema:
    """Columns of the exported file; the percentage is of departures, the mean of flights that arrived."""
    import pyarrow as pa

    columns: dict[str, pa.DataType] = {
        "carrier": pa.string(),
        "year": pa.int64(),
        "month": pa.int64(),
        "flights": pa.int64(),
        "cancelled": pa.int64(),
        "departed_on_time_percent": pa.float64(),  # null if none departed
        "mean_arr_delay_minutes": pa.float64(),  # null if none arrived
    }
    return pa.schema(columns)


deployments = [
    warehouse_to_s3.to_deployment(
        name="daily",
        schedule=Cron("30 6 * * *", timezone="America/New_York"),
        tags=["owner:data-platform", "run:up:2"],
    )
]
