"""Listing, reading and writing Parquet on S3 by boto3."""

from __future__ import annotations

import io
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

from flows.shared.errors import DataFlowsError

if TYPE_CHECKING:
    from pathlib import Path

    import polars as pl


class UnreadableFileError(DataFlowsError):
    """An object is no Parquet file; the message names it."""


@dataclass(frozen=True)
class StoredFile:
    """One object: its key, size in bytes and S3's LastModified (UTC, whole seconds)."""

    key: str
    size_bytes: int
    last_modified: datetime


@dataclass(frozen=True)
class Listing:
    """Objects in order of LastModified, and S3's own clock when the listing began (UTC, whole seconds)."""

    files: list[StoredFile]
    began_at: datetime


def client() -> Any:
    """A boto3 S3 client with the credentials and the address of the environment; thread-safe."""
    import boto3
    from botocore.config import Config

    return boto3.client("s3", config=Config(retries={"mode": "standard", "max_attempts": 5}))


def list_files(s3: Any, bucket: str, prefix: str, suffix: str = ".parquet") -> Listing:
    """List the objects below `prefix` whose key ends with `suffix`.

    `began_at` is the Date header of the first page, so an object that appears while later pages are read is never
    older than it.
    """
    files: list[StoredFile] = []
    began_at = None
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
        # HTTP dates have whole seconds, as LastModified has: both are floored alike.
        began_at = began_at or parsedate_to_datetime(page["ResponseMetadata"]["HTTPHeaders"]["date"]).astimezone(UTC)
        files += [
            StoredFile(o["Key"], o["Size"], o["LastModified"].astimezone(UTC).replace(microsecond=0))
            for o in page.get("Contents", [])
            if o["Key"].endswith(suffix)
        ]
    assert began_at is not None, "a paginator gives at least one page"
    return Listing(sorted(files, key=lambda file: (file.last_modified, file.key)), began_at)


def read_parquet(s3: Any, bucket: str, key: str) -> pl.DataFrame:
    """Read one whole Parquet object. Raises UnreadableFileError if it is none."""
    import polars as pl

    body = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
    try:
        return pl.read_parquet(io.BytesIO(body))
    except (pl.exceptions.PolarsError, OSError) as error:
        raise UnreadableFileError(
            f"s3://{bucket}/{key}: got {len(body)} bytes that do not read as Parquet ({error}); expected a Parquet "
            "file; put it again whole or remove it, then run the flow again."
        ) from None


def write_parquet(s3: Any, bucket: str, key: str, frame: pl.DataFrame) -> None:
    """Write a frame as one Parquet object, replacing one of that key."""
    buffer = io.BytesIO()
    frame.write_parquet(buffer)
    s3.put_object(Bucket=bucket, Key=key, Body=buffer.getvalue())


def upload_file(s3: Any, bucket: str, key: str, path: Path) -> None:
    """Put a local file (at most 5 GiB) in one request: readers see the old object or the new one, never a part."""
    with path.open("rb") as body:
        s3.put_object(Bucket=bucket, Key=key, Body=body)
