"""What lies below a landing prefix, and the download of its files."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

from flows.shared import own_copy
from flows.shared.data.formats import suffixes_of
from flows.shared.data.landing import Landing
from flows.shared.errors import DataFlowsError

DOWNLOADS = 8
# Files that wait on the disk for their turn.
AHEAD_BYTES = 256 * 2**20
BLOCK_BYTES = 2**20
# How often a download goes on where its connection broke off.
ATTEMPTS = 4


class FileChangedError(DataFlowsError):
    """The object was replaced or removed after the listing. A later run finds what is there then."""


class NoSuchFileError(DataFlowsError):
    """A file that was asked for is not in the bucket."""


@dataclass(frozen=True)
class StoredFile:
    """One object: its key, size in bytes, S3's LastModified (UTC, whole seconds), and the tag of its content."""

    key: str
    size_bytes: int
    last_modified: datetime
    etag: str


@dataclass(frozen=True)
class Listing:
    """Landing files in order of LastModified, then key; other objects and why; S3's clock when it began."""

    files: list[StoredFile]
    ignored: list[tuple[StoredFile, str]]
    began_at: datetime


def list_landing(s3: Any, bucket: str, landing: Landing) -> Listing:
    """List every object below the data set's prefix.

    `began_at` is the Date header of the first page, so an object that appears while later pages are read is never
    older than it.
    """
    files: list[StoredFile] = []
    ignored: list[tuple[StoredFile, str]] = []
    began_at = None
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=landing.prefix):
        # HTTP dates have whole seconds, as LastModified has: both are floored alike.
        began_at = began_at or parsedate_to_datetime(page["ResponseMetadata"]["HTTPHeaders"]["date"]).astimezone(UTC)
        for found in page.get("Contents", []):
            file = _stored(found)
            if why := why_ignored(file.key, landing):
                ignored.append((file, why))
            else:
                files.append(file)
    assert began_at is not None, "a paginator gives at least one page"
    return Listing(sorted(files, key=lambda file: (file.last_modified, file.key)), ignored, began_at)


def named_files(s3: Any, bucket: str, landing: Landing, keys: Sequence[str]) -> list[StoredFile]:
    """Return the objects of these keys, oldest first. Raises NoSuchFileError, which names all that are not there.

    A key may also be an address, s3://<bucket>/<key>. It is below the landing prefix, or names rejected rows.
    """
    found, missing = [], []
    for key in dict.fromkeys(each.removeprefix(f"s3://{bucket}/") for each in keys):
        # By a listing: of an object that is not there, a HEAD would want the right to list the whole bucket.
        is_ours = key.startswith((landing.prefix, own_copy.key(f"quarantine/rows/{landing.name}/")))
        page = s3.list_objects_v2(Bucket=bucket, Prefix=key, MaxKeys=1) if is_ours else {}
        there = [_stored(each) for each in page.get("Contents", []) if each["Key"] == key]
        found += there
        missing += [] if there else [key]
    if missing:
        raise NoSuchFileError(
            f"Data set {landing.name}: got {', '.join(missing)}, which is not there; expected keys of s3://{bucket} "
            f"below {landing.prefix} or {own_copy.key('quarantine/rows/')}{landing.name}/; nothing was loaded."
        )
    return sorted(found, key=lambda file: (file.last_modified, file.key))


def _stored(found: dict[str, Any]) -> StoredFile:
    modified = found["LastModified"].astimezone(UTC).replace(microsecond=0)
    return StoredFile(found["Key"], found["Size"], modified, found["ETag"].strip('"'))


def why_ignored(key: str, landing: Landing) -> str:
    """Return why an object below the prefix is no landing file, or an empty text if it is one."""
    *folders, name = key.removeprefix(landing.prefix).split("/")
    for folder in folders:
        # As Spark reads: _date=2013-01-01 is a partition and not hidden.
        if folder.startswith(".") or (folder.startswith("_") and "=" not in folder):
            return f"the folder {folder}/ is hidden, as those of unfinished writes are"
    if not name:
        return "a folder"
    if name.startswith((".", "_")):
        return f"{name} is a hidden or marker file, by its first character"
    suffixes = suffixes_of(landing.format)
    if not name.lower().endswith(suffixes):
        return f"{name} does not end with {' or '.join(suffixes)}"
    return ""


@contextmanager
def downloads(
    s3: Any, bucket: str, files: Sequence[StoredFile], folder: Path
) -> Iterator[Iterator[tuple[StoredFile, Path | FileChangedError]]]:
    """Download files in their order, some ahead, and give each with its local path.

    The local file is there until the next one is asked for. A file that changed since it was listed comes with its
    error in place of the path. Leaving the block ends the threads and removes what they wrote.
    """
    is_over = threading.Event()
    with ThreadPoolExecutor(DOWNLOADS, thread_name_prefix="download") as pool:
        waiting: deque[tuple[StoredFile, Path, Future[FileChangedError | None]]] = deque()
        try:
            yield _downloaded(s3, bucket, files, folder, pool, waiting, is_over)
        finally:
            is_over.set()
            pool.shutdown(wait=True, cancel_futures=True)
            for number in range(len(files)):
                _local(folder, number).unlink(missing_ok=True)


def _downloaded(
    s3: Any,
    bucket: str,
    files: Sequence[StoredFile],
    folder: Path,
    pool: ThreadPoolExecutor,
    waiting: deque[tuple[StoredFile, Path, Future[FileChangedError | None]]],
    is_over: threading.Event,
) -> Iterator[tuple[StoredFile, Path | FileChangedError]]:
    ahead_bytes, number = 0, 0
    while number < len(files) or waiting:
        while number < len(files) and (not waiting or ahead_bytes + files[number].size_bytes <= AHEAD_BYTES):
            file, path = files[number], _local(folder, number)
            waiting.append((file, path, pool.submit(_download, s3, bucket, file, path, is_over)))
            ahead_bytes, number = ahead_bytes + file.size_bytes, number + 1
        file, path, future = waiting.popleft()
        error = future.result()
        ahead_bytes -= file.size_bytes
        try:
            yield file, error or path
        finally:
            path.unlink(missing_ok=True)


def _local(folder: Path, number: int) -> Path:
    return folder / f"landing-{number:06d}"


def _download(s3: Any, bucket: str, file: StoredFile, path: Path, is_over: threading.Event) -> FileChangedError | None:
    """Write the object to the path, going on from where a connection broke off."""
    from botocore.exceptions import ClientError, HTTPClientError, IncompleteReadError, ResponseStreamingError

    with path.open("wb") as target:
        for attempt in range(1, ATTEMPTS + 1):
            done = target.tell()
            if attempt > 1 and done == file.size_bytes:
                return None
            begin = {"Range": f"bytes={done}-"} if done else {}
            try:
                body = s3.get_object(Bucket=bucket, Key=file.key, IfMatch=f'"{file.etag}"', **begin)["Body"]
                with body:
                    while block := body.read(BLOCK_BYTES):
                        target.write(block)
                        if is_over.is_set():
                            return None
                return None
            except ClientError as error:
                if error.response["Error"]["Code"] not in ("NoSuchKey", "PreconditionFailed"):
                    raise
                return FileChangedError(
                    f"s3://{bucket}/{file.key}: got an object that was replaced or removed after the listing; "
                    "expected it as listed; the next run reads what is there then."
                )
            except (HTTPClientError, IncompleteReadError, ResponseStreamingError):
                if attempt == ATTEMPTS:
                    raise
    return None
