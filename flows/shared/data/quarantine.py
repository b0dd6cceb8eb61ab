"""Where rejected rows and files go, so that nothing is lost: below quarantine/ of the results bucket.

`quarantine/rows/<data set>/<file>/<etag>-<first row>-<sum>.parquet` holds rejected rows as text with their reasons,
`quarantine/files/<data set>/<file>` a whole file, with `.reason.txt` beside it. Names follow from the content, so a
run that is repeated writes nothing a second time.
"""

from __future__ import annotations

import hashlib
import io
from typing import TYPE_CHECKING, Any

import polars as pl
from botocore.exceptions import ClientError

from flows.shared import own_copy
from flows.shared.data.landing import Landing
from flows.shared.data.listing import StoredFile

if TYPE_CHECKING:
    from collections.abc import Sequence

# Beside the declared columns, none of which begins with _.
REASON, FILE, FILE_ROW = "_reason", "_source_file", "_source_row"
ROWS, FILES = own_copy.key("quarantine/rows/"), own_copy.key("quarantine/files/")
LARGEST_COPY_BYTES = 5 * 1024**3


def keep_rows(
    s3: Any, bucket: str, landing: Landing, file: StoredFile, texts: pl.DataFrame, reasons: pl.Series, first_row: int
) -> int:
    """Write the rows that have a reason, and return how many. `first_row`: number of the first row in its file."""
    rejected = (
        texts.with_columns(
            reasons.alias(REASON),
            pl.lit(file.key).alias(FILE),
            pl.int_range(first_row, first_row + texts.height, dtype=pl.Int64).alias(FILE_ROW),
        )
        .filter(pl.col(REASON).is_not_null())
        .rechunk()
    )
    if rejected.is_empty():
        return 0
    buffer = io.BytesIO()
    rejected.write_parquet(buffer)
    body = buffer.getvalue()
    digest = hashlib.sha256(body).hexdigest()[:12]
    key = f"{ROWS}{landing.name}/{_below(landing, file)}/{file.etag}-{first_row:09}-{digest}.parquet"
    _put_once(s3, bucket, key, body)
    return rejected.height


def keep_file(s3: Any, bucket: str, landing: Landing, file: StoredFile, reason: str) -> None:
    """Copy the file, with `reason` beside it. The reason comes last: where it is, the copy is."""
    key = f"{FILES}{landing.name}/{_below(landing, file)}"
    told = f"{reason}\n\nFile: s3://{bucket}/{file.key}\nETag: {file.etag}\n".encode()
    beside = f"{key}.reason.txt"
    if _holds(s3, bucket, beside, told):
        return
    if file.size_bytes <= LARGEST_COPY_BYTES:
        source = {"Bucket": bucket, "Key": file.key}
        try:
            s3.copy_object(
                Bucket=bucket, Key=key, CopySource=source, CopySourceIfMatch=file.etag, TaggingDirective="REPLACE"
            )
        except ClientError as error:
            if error.response["Error"]["Code"] not in ("PreconditionFailed", "NoSuchKey", "412", "404"):
                raise
            told += b"The file was put again before it could be copied.\n"
    else:
        told += b"The file is larger than 5 GiB and stays where it is.\n"
    s3.put_object(Bucket=bucket, Key=beside, Body=told)


def address(bucket: str, landing: Landing) -> str:
    """Return where a person looks for what was rejected."""
    return f"s3://{bucket}/{ROWS}{landing.name}/ and s3://{bucket}/{FILES}{landing.name}/"


def is_rows_file(landing: Landing, key: str) -> bool:
    """Whether the key names rejected rows of this data set, as `keep_rows` wrote them."""
    return key.startswith(f"{ROWS}{landing.name}/") and key.endswith(".parquet")


def _below(landing: Landing, file: StoredFile) -> str:
    # Rows that were mended and rejected again stay below the name they have.
    for prefix in (landing.prefix, f"{ROWS}{landing.name}/"):
        if file.key.startswith(prefix):
            return file.key.removeprefix(prefix)
    return file.key


def _holds(s3: Any, bucket: str, key: str, body: bytes) -> bool:
    # By a listing: of an object that is not there, a HEAD would want the right to list the whole bucket.
    found: Sequence[Any] = s3.list_objects_v2(Bucket=bucket, Prefix=key).get("Contents", [])
    return any(o["Key"] == key for o in found) and s3.get_object(Bucket=bucket, Key=key)["Body"].read() == body


def _put_once(s3: Any, bucket: str, key: str, body: bytes) -> None:
    try:
        s3.put_object(Bucket=bucket, Key=key, Body=body, IfNoneMatch="*")
    except ClientError as error:
        if error.response["Error"]["Code"] not in ("PreconditionFailed", "412"):
            raise
