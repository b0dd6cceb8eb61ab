"""Fetches the rows of an HTTP API that changed since the last run, as files that a data set loads.

Safe to run again, whenever it was stopped: an interval has its borders before it is asked for, its files are put whole
and have the same names each time, and the watermark moves when all of them are there. A row that lands twice is merged
by its key.
"""

from __future__ import annotations

from datetime import datetime
from time import monotonic, sleep
from typing import Any

from prefect import get_run_logger, task
from prefect.cache_policies import NO_CACHE
from prefect.runtime import flow_run
from pydantic import BaseModel

from flows.shared import metrics, s3, snowflake
from flows.shared.errors import NETWORK_RETRIES
from flows.shared.fetch import intervals
from flows.shared.fetch.declaration import Fetch
from flows.shared.fetch.intervals import Interval
from flows.shared.settings import SnowflakeSettings, StoreSettings
from flows.shared.watermark import START

# A load leaves files that are younger than 5 seconds, which S3 counts whole, to the next one.
LOADABLE_AFTER_SECONDS = 6
WAREHOUSE: dict[str, Any] = {**NETWORK_RETRIES, "tags": ["data-flows.warehouse"], "cache_policy": NO_CACHE}


class FetchResult(BaseModel, frozen=True):
    """What one run landed. `watermark`: up to where all rows are there (UTC); None if nothing was due."""

    intervals: int = 0
    files: int = 0
    rows: int = 0
    watermark: datetime | None = None


class Begun(BaseModel, frozen=True):
    """The interval that is due, if one is, and the run's end: rows that change later are the next run's."""

    interval: Interval | None
    end: datetime


def fetch(what: Fetch, url: str) -> FetchResult:
    """Land the rows that changed since the last run. To be called in the body of a flow.

    When it returns, a load takes what has landed. If it fails, the next run repeats its interval.

    Raises ApiRefusedError, ApiUnreachableError, PagesRefusedError, and errors of connector and boto3.
    """
    started, run_id, result = monotonic(), str(flow_run.id), FetchResult()
    end: datetime | None = None
    try:
        while True:
            begun = begin_interval(what, run_id, end)
            end, interval = begun.end, begun.interval
            if interval is None:
                break
            files, rows = land_files(what, url, interval)
            note_landed(what, interval, run_id, {"files": files, "rows": rows})
            result = FetchResult(
                intervals=result.intervals + 1,
                files=result.files + files,
                rows=result.rows + rows,
                watermark=interval.upper,
            )
    finally:
        figures = result.model_dump(exclude={"watermark"})
        seconds = round(monotonic() - started, 3)
        metrics.report(flow_run.flow_name or what.name, run_id, {**figures, "seconds": seconds})
    if result.files:
        sleep(LOADABLE_AFTER_SECONDS)
    get_run_logger().info("Landed %s below %s", figures, what.landing.prefix)
    return result


@task(**WAREHOUSE)
def begin_interval(what: Fetch, run_id: str, end: datetime | None = None) -> Begun:
    """Find the interval that was interrupted, or begin the next one."""
    with snowflake.connect(SnowflakeSettings.load(), what.name, run_id) as connection:
        end = end or intervals.now(connection)
        return Begun(interval=intervals.open_interval(connection, what, end, run_id), end=end)


@task(**NETWORK_RETRIES, cache_policy=NO_CACHE)
def land_files(what: Fetch, url: str, interval: Interval) -> tuple[int, int]:
    """Put the rows of the interval; return how many files and rows."""
    from flows.shared.fetch.api import pages, parameters_of
    from flows.shared.fetch.files import land

    since = None if interval.last == START else interval.last - what.overlap
    found = pages(what, url, parameters_of(what, since, interval.upper))
    beginning = f"{what.landing.prefix}{interval.file_name}"
    return land(s3.client(), StoreSettings.load().results_bucket, beginning, found, what.bytes_per_file)


@task(**WAREHOUSE)
def note_landed(what: Fetch, interval: Interval, run_id: str, details: dict[str, int]) -> None:
    """Move the watermark to the end of the interval."""
    with snowflake.connect(SnowflakeSettings.load(), what.name, run_id) as connection:
        intervals.close_interval(connection, what, interval, run_id, details)
