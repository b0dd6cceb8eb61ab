"""S3 by boto3: the client, and a file put whole."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flows.shared import own_copy
from flows.shared.errors import DataFlowsError

if TYPE_CHECKING:
    from pathlib import Path

# The most that S3 takes in one request.
LARGEST_PUT_BYTES = 5 * 1024**3


class FileTooLargeError(DataFlowsError):
    """A file does not fit into one request; the message says what to do."""


def client() -> Any:
    """A boto3 S3 client with the credentials and the address of the environment; thread-safe.

    In a try as somebody, a write to what is not theirs raises OthersDataError.
    """
    import boto3
    from botocore.config import Config

    made = boto3.client("s3", config=Config(retries={"mode": "standard", "max_attempts": 5}))
    if own_copy.who():
        made.meta.events.register("provide-client-params.s3", own_copy.refuse_others)
    return made


def upload_file(s3: Any, bucket: str, key: str, path: Path) -> None:
    """Put a local file in one request: readers see the old object or the new one, never a part.

    The file is streamed from disk. Raises FileTooLargeError beyond 5 GiB: an upload in parts that is killed would leave
    parts behind.
    """
    size = path.stat().st_size
    if size > LARGEST_PUT_BYTES:
        raise FileTooLargeError(
            f"s3://{bucket}/{key}: got {size / 1024**3:.1f} GiB; expected at most {LARGEST_PUT_BYTES / 1024**3:.0f} "
            "GiB. Split the file, such as by month; the one that is there stays."
        )
    with path.open("rb") as body:
        s3.put_object(Bucket=bucket, Key=key, Body=body)
