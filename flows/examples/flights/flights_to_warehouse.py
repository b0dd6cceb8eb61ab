"""Load the landed flights into Snowflake, each file once.

Safe to run again, whenever it was stopped: rows are merged by key and the watermark moves in the same transaction, so
a run that did not commit leaves nothing and one that did is not repeated.

A run takes the files whose S3 LastModified is in [last, upper), where `last` is the watermark and `upper` is S3's own
clock when the listing began, less `settle_seconds`. LastModified of a multipart upload is its *start*: such a file
can appear with a time that a watermark has passed already. So landing files are put whole, in one request, that takes
less than `settle_seconds`.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Annotated, Any

from prefect import flow, get_run_logger, task
from prefect.cache_policies import NO_CACHE
from prefect.runtime import flow_run
from prefect.schedules import Cron
from pydantic import BaseModel, Field

from flows.examples.flights import _data_set as flights
from flows.shared import metrics, s3, snowflake, validation, watermark
from flows.shared.errors import NETWORK_RETRIES
from flows.shared.settings import SnowflakeSettings, StoreSettings

if TYPE_CHECKING:
    import polars as pl
    from snowflake.connector import SnowflakeConnection

NAME = "flights_to_warehouse"
QUARANTINE = "quarantine/flights/"
INCOMING = "FLIGHTS_INCOMING"
# Where a row came from. Not compared: the same row in another file is no change.
PROVENANCE = {"SOURCE_FILE": "VARCHAR", "SOURCE_MODIFIED": "TIMESTAMP_NTZ(6)", "LOADED_AT": "TIMESTAMP_NTZ(6)"}
# The latest file wins, in it the last row.
NEWEST = ["SOURCE_MODIFIED DESC", "SOURCE_FILE DESC", "SOURCE_ROW DESC"]

# In memory at a time: the rows of one chunk and of as many files as are read at once.
CHUNK_ROWS = 200_000
READERS = 8


class LoadResult(BaseModel, frozen=True):
    """What one run did. Rows read = inserted + updated + quarantined + those that changed nothing."""

    files: int = 0
    rows_read: int = 0
    rows_inserted: int = 0
    rows_updated: int = 0
    rows_quarantined: int = 0
    watermark: datetime


class Window(BaseModel, frozen=True):
    """The files of [last, upper), oldest first."""

    last: datetime
    upper: datetime
    files: list[s3.StoredFile]


@flow(name=NAME)
def flights_to_warehouse(
    max_rejected_percent: Annotated[float, Field(ge=0, le=100)] = 1.0,
    settle_seconds: Annotated[int, Field(ge=0)] = 5,
) -> LoadResult:
    """Load the flights that landed since the last run from S3 into Snowflake.

    Args:
        max_rejected_percent: More rows than this share rejected, and nothing is loaded and the run fails.
        settle_seconds: Files younger than this wait for the next run.
    """
    started = monotonic()
    run_id = str(flow_run.id)
    window = find_files(run_id, settle_seconds)
    result = LoadResult(watermark=window.last)
    try:
        if window.files:
            result = load_files(window, run_id, max_rejected_percent)
    except validation.TooManyRejectedError as error:
        seen = {"files": len(window.files), "rows_read": error.read, "rows_quarantined": error.rejected}
        result = result.model_copy(update=seen)
        raise
    finally:
        counts = result.model_dump(exclude={"watermark"})
        metrics.report(NAME, run_id, {**counts, "seconds": round(monotonic() - started, 3)})
    get_run_logger().info("Loaded %s, now up to %s", counts, result.watermark.isoformat())
    return result


@task(**NETWORK_RETRIES, tags=["data-flows.warehouse"], cache_policy=NO_CACHE)
def find_files(run_id: str, settle_seconds: int) -> Window:
    """Read the watermark, then list the files landed since."""
    with snowflake.connect(SnowflakeSettings.load(), NAME, run_id) as connection:
        watermark.ensure(connection, NAME)
        last = watermark.read(connection, NAME).value
    listing = s3.list_files(s3.client(), StoreSettings.load().results_bucket, flights.LANDING)
    return window_of(listing, last, settle_seconds)


@task(**NETWORK_RETRIES, tags=["data-flows.warehouse"], cache_policy=NO_CACHE)
def load_files(window: Window, run_id: str, max_rejected_percent: float) -> LoadResult:
    """Validate, stage and merge the files of the window, and move the watermark, all or nothing."""
    bucket = StoreSettings.load().results_bucket
    with snowflake.connect(SnowflakeSettings.load(), NAME, run_id) as connection:
        stands = watermark.read(connection, NAME)
        if (stands.value, stands.run_id) == (window.upper, run_id):
            # An earlier attempt of this task committed, but the answer to its COMMIT was lost.
            return LoadResult(watermark=window.upper, **stands.details)

        # DDL commits whatever is open, so it comes before the transaction.
        snowflake.create_table(connection, flights.TABLE, flights.COLUMNS | PROVENANCE)
        staging = flights.COLUMNS | PROVENANCE | {"SOURCE_ROW": "NUMBER(38,0)"}
        snowflake.create_table(connection, INCOMING, staging, kind="TEMPORARY")
        read, rejected = stage_files(connection, window, bucket, run_id)
        where = f"s3://{bucket}/{QUARANTINE}{run_id}/"
        validation.check_rejected(rejected, read, max_rejected_percent, where)
        if (staged := read - rejected) and (copied := snowflake.copy_parquet(connection, INCOMING)) != staged:
            raise RuntimeError(f"COPY INTO {INCOMING}: got {copied} rows; expected the {staged} that were put.")

        compared = [column for column in flights.COLUMNS if column not in flights.KEY]
        sql = snowflake.merge_sql(flights.TABLE, INCOMING, flights.KEY, compared, list(PROVENANCE), NEWEST)
        with snowflake.transaction(connection):
            inserted, updated = snowflake.merge(connection, sql)
            counts = {
                "files": len(window.files),
                "rows_read": read,
                "rows_inserted": inserted,
                "rows_updated": updated,
                "rows_quarantined": rejected,
            }
            watermark.advance(connection, NAME, window.last, window.upper, run_id, counts)
    return LoadResult(watermark=window.upper, **counts)


def stage_files(connection: SnowflakeConnection, window: Window, bucket: str, run_id: str) -> tuple[int, int]:
    """Put the valid rows to the stage of INCOMING and the others to quarantine; return rows read and rejected.

    Chunk by chunk, so memory and disk hold one chunk whatever the number of files.
    """
    client, schema, loaded_at = s3.client(), flights.valid_flight(), datetime.now(UTC)
    read = rejected = 0
    with tempfile.TemporaryDirectory() as folder:
        for number, chunk in enumerate(read_chunks(client, bucket, window.files)):
            valid, bad = validation.split(chunk, schema)
            read, rejected = read + chunk.height, rejected + bad.height
            if bad.height:
                s3.write_parquet(client, bucket, f"{QUARANTINE}{run_id}/{number:04}.parquet", bad)
            if valid.height:
                path = Path(folder, f"{number:04}.parquet")
                warehouse_frame(valid, loaded_at).write_parquet(path)
                snowflake.put_parquet(connection, path, INCOMING)
                path.unlink()
    return read, rejected


def read_chunks(client: Any, bucket: str, files: list[s3.StoredFile]) -> Iterator[pl.DataFrame]:
    """Read the files in order, READERS at once, and yield their rows as soon as there are CHUNK_ROWS."""
    import polars as pl

    frames: list[pl.DataFrame] = []
    with ThreadPoolExecutor(READERS) as readers:
        for start in range(0, len(files), READERS):
            frames += readers.map(lambda file: read_file(client, bucket, file), files[start : start + READERS])
            if sum(frame.height for frame in frames) >= CHUNK_ROWS:
                yield pl.concat(frames)
                frames = []
    if frames:
        yield pl.concat(frames)


def read_file(client: Any, bucket: str, file: s3.StoredFile) -> pl.DataFrame:
    """Read one landing file in the wanted types, with its name, LastModified and row numbers."""
    import polars as pl

    frame = s3.read_parquet(client, bucket, file.key)
    return validation.conform(frame, flights.dtypes(), f"s3://{bucket}/{file.key}").with_columns(
        pl.lit(file.key).alias("source_file"),
        pl.lit(file.last_modified).dt.cast_time_unit("us").alias("source_modified"),
        pl.int_range(pl.len(), dtype=pl.Int64).alias("source_row"),
    )


def window_of(listing: s3.Listing, last: datetime, settle_seconds: int) -> Window:
    """The files of the listing in [last, upper); none, and upper = last, if the clock has not passed `last`."""
    upper = max(last, listing.began_at - timedelta(seconds=settle_seconds))
    return Window(last=last, upper=upper, files=[f for f in listing.files if last <= f.last_modified < upper])


def warehouse_frame(valid: pl.DataFrame, loaded_at: datetime) -> pl.DataFrame:
    """The valid rows as INCOMING has them: names in upper case, times in UTC without a zone, as TIMESTAMP_NTZ wants."""
    import polars as pl
    import polars.selectors as cs

    frame = valid.with_columns(pl.lit(loaded_at).alias("loaded_at"))
    return frame.with_columns(cs.datetime().dt.replace_time_zone(None)).rename(str.upper)


deployments = [
    flights_to_warehouse.to_deployment(
        name="hourly",
        schedule=Cron("5 * * * *", timezone="UTC"),
        tags=["on-call", "owner:data-platform", "run:up:1"],
    )
]
