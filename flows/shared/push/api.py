"""Calls that carry rows to an HTTP API, and rows that it refuses told from calls that failed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Self

from flows.shared.http_api import HttpApi, RepeatError
from flows.shared.push.declaration import Push, Row


class RowsRefusedError(Exception):
    """The API refuses this call's rows. `str()` is its reason."""


class Api:
    """An address to which rows are sent, within the declaration's limits. A context manager."""

    def __init__(self, what: Push, url: str) -> None:
        self._what, self._url = what, url
        goes_on = "The next run goes on with the same rows."
        self._http = HttpApi(f"Push {what.name} to", url, what, what.headers(), goes_on)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._http.__exit__(*error)

    def send(self, rows: list[Row], key: str) -> Mapping[int, str]:
        """Send rows in one call; return the positions and reasons of those that were not taken.

        Raises RowsRefusedError, ApiRefusedError, and ApiUnreachableError.
        """
        body = json.dumps(self._what.body(rows), default=_text, allow_nan=False).encode()
        return self._http.patiently(self._call, body, key)

    def _call(self, body: bytes, key: str) -> Mapping[int, str]:
        what = self._what
        own = {what.idempotency_header: key, "Content-Type": "application/json"}
        answer = self._http.request(what.method, self._url, returned=what.rows_refused, content=body, headers=own)
        if not answer.is_success:
            raise RowsRefusedError(self._http.shown(answer))
        try:
            return dict(what.rejected(answer))
        except ValueError as error:
            raise RepeatError(f"half an answer ({error})") from error


def _text(value: Any) -> str:
    if isinstance(value, Decimal):
        return format(value, "f")
    raise TypeError(f"got {type(value).__name__} in a body; expected what JSON has")
