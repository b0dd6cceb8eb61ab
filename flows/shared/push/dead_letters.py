"""Rows that an API refused, one S3 object for each row's key, until a version of the row is taken.

`quarantine/push/<name>/<digest of the key>.json` has the row, the reason and when. A newer version that is refused
replaces it; a version that is taken leaves an empty object, for flows may not delete.
"""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime
from typing import Any

from flows.shared.push.declaration import Push
from flows.shared.push.outbox import row_of

PREFIX = "quarantine/push/"


class DeadLetters:
    """The dead letters of a push, by the digest of their row's key."""

    def __init__(self, client: Any, bucket: str, what: Push) -> None:
        self._s3, self._bucket, self._what = client, bucket, what
        self.prefix = f"{PREFIX}{what.name}/"
        pages = client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=self.prefix)
        self.open = {entry["Key"] for page in pages for entry in page.get("Contents", []) if entry["Size"]}

    def keep(self, line: str, reason: str, run_id: str) -> None:
        """Keep a row that was refused."""
        letter = {"row": line, "reason": reason, "flow_run_id": run_id, "at": datetime.now(UTC).isoformat()}
        key = self._key(line)
        self._s3.put_object(Bucket=self._bucket, Key=key, Body=json.dumps(letter, ensure_ascii=False).encode())
        self.open.add(key)

    def settle(self, line: str) -> None:
        """Note that a version of the row was taken."""
        if (key := self._key(line)) in self.open:
            self._s3.put_object(Bucket=self._bucket, Key=key, Body=b"")
            self.open.discard(key)

    def letters(self) -> list[tuple[str, str]]:
        """Row and time of refusal of all open letters, in order of their objects' names."""
        bodies = (self._s3.get_object(Bucket=self._bucket, Key=key)["Body"].read() for key in sorted(self.open))
        return [(letter["row"], letter["at"]) for letter in map(json.loads, filter(None, bodies))]

    def _key(self, line: str) -> str:
        row = row_of(line, self._what)
        values = json.dumps([row[name] for name in self._what.key], default=str)
        return f"{self.prefix}{hashlib.sha256(values.encode()).hexdigest()[:32]}.json"
