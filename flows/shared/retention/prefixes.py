"""Objects below a prefix whose time is over: counted, and deleted, oldest first.

An object is deleted only as it was listed: one that is put again meanwhile is younger, and stays.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, NamedTuple

from flows.shared.retention.declaration import DATE_PARTS, PrefixRule
from flows.shared.retention.refused import RetentionRefusedError

DELETIONS = 8
GONE = {"NoSuchKey", "404"}
CHANGED = {"PreconditionFailed", "412", "ConditionalRequestConflict", "409"}


class Found(NamedTuple):
    """An object: its key, the tag of its content, and when its time began (UTC)."""

    key: str
    etag: str
    at: datetime


class Objects(NamedTuple):
    """Objects below a prefix: how many, those whose time is over, oldest first, how many have no date in their key."""

    before: int
    over: list[Found]
    without_time: int

    @property
    def expired(self) -> int:
        """How many are over."""
        return len(self.over)


def count(s3: Any, bucket: str, rule: PrefixRule, cutoff: datetime) -> Objects:
    """List what is below the prefix. Raises RetentionRefusedError if nothing is."""
    before, without_time, over = 0, 0, []
    for each in _objects(s3, bucket, rule):
        before += 1
        at = dated(rule, each["Key"]) if rule.date_in_key else each["LastModified"].astimezone(UTC)
        without_time += at is None
        if at is not None and at < cutoff:
            over.append(Found(each["Key"], each["ETag"], at))
    if not before:
        raise RetentionRefusedError(
            f"Retention {rule.name}: got no object below s3://{bucket}/{rule.full_prefix}; expected some: see its name."
        )
    return Objects(before, sorted(over, key=lambda found: (found.at, found.key)), without_time)


def delete(s3: Any, bucket: str, rule: PrefixRule, batch: Sequence[Found]) -> int:
    """Delete the objects that are still as they were listed; return how many of them are gone.

    Raises RetentionRefusedError if the run may not.
    """
    with ThreadPoolExecutor(DELETIONS, thread_name_prefix="delete") as pool:
        return sum(pool.map(partial(_delete, s3, bucket, rule), batch))


def count_all(s3: Any, bucket: str, rule: PrefixRule) -> int:
    """How many objects are below the prefix."""
    return sum(1 for _ in _objects(s3, bucket, rule))


def dated(rule: PrefixRule, key: str) -> datetime | None:
    """The last moment (UTC) of the day, hour, month or year in the key; None if it has none, the latest of several."""
    pattern = "".join(DATE_PARTS.get(part, re.escape(part)) for part in re.split("(%.)", rule.date_in_key))
    found = re.finditer(rf"(?<!\d){pattern}(?!\d)", key.removeprefix(rule.full_prefix))
    return max(filter(None, map(_last_moment, found)), default=None)


def _last_moment(match: re.Match[str]) -> datetime | None:
    parts = {name: int(value) for name, value in match.groupdict().items()}
    try:
        first = datetime(**({"month": 1, "day": 1} | parts), tzinfo=UTC)
        if "hour" in parts:
            end = first + timedelta(hours=1)
        elif "day" in parts:
            end = first + timedelta(days=1)
        else:
            year, month = divmod(first.year * 12 + first.month - 1 + (1 if "month" in parts else 12), 12)
            end = first.replace(year=year, month=month + 1)
    except (ValueError, OverflowError):  # 2024-02-30, or the year 0 or 9999.
        return None
    return end - timedelta(microseconds=1)


def _objects(s3: Any, bucket: str, rule: PrefixRule) -> Iterator[dict[str, Any]]:
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=rule.full_prefix):
        yield from page.get("Contents", [])


def _delete(s3: Any, bucket: str, rule: PrefixRule, found: Found) -> int:
    from botocore.exceptions import ClientError

    try:
        s3.delete_object(Bucket=bucket, Key=found.key, IfMatch=found.etag)
    except ClientError as error:
        code = error.response["Error"]["Code"]
        if code == "AccessDenied":
            raise RetentionRefusedError(
                f"Retention {rule.name}: got AccessDenied for s3://{bucket}/{found.key}; expected the permission "
                "s3:DeleteObject below the prefix in the flow's file (docs/retention.md), applied."
            ) from None
        if code not in GONE | CHANGED:
            raise
        # Gone: an attempt before this one deleted it, and only the answer was lost.
        return int(code in GONE)
    return 1
