"""Calls of an HTTP API: paced, repeated while that can help, and rows that it refuses told from calls that failed."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from email.utils import parsedate_to_datetime
from types import TracebackType
from typing import Any, Self

import httpx
from tenacity import RetryCallState, Retrying, retry_if_exception_type, stop_before_delay, wait_random_exponential

from flows.shared.errors import STATUSES, DataFlowsError
from flows.shared.push.declaration import Push, Row

# Beside those that every network task repeats: the first call with this key is still under way, or it came too early.
REPEATED = STATUSES | {409, 425}
LONGEST_WAIT_SECONDS = 60
SHOWN_CHARACTERS = 300


class ApiRefusedError(DataFlowsError):
    """The API refuses calls whatever their rows are, such as for a wrong token or address. Nothing is skipped."""


class ApiUnreachableError(DataFlowsError):
    """The API did not take a call for as long as the declaration is patient; the next run goes on there."""


class RowsRefusedError(Exception):
    """The API refuses this call's rows. `str()` is its reason."""


class _RepeatError(Exception):
    """The call may be taken if it is made again; `wait_seconds` is what the API asks for."""

    def __init__(self, reason: str, wait_seconds: float | None = None) -> None:
        super().__init__(reason)
        self.wait_seconds = wait_seconds


class Api:
    """An address to which rows are sent, within the declaration's limits. A context manager."""

    def __init__(self, what: Push, url: str) -> None:
        self._what, self._url = what, url
        self._headers = dict(what.headers())
        self._client = httpx.Client(timeout=what.timeout_seconds, headers=self._headers)
        self._next_call = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.close()

    def send(self, rows: list[Row], key: str) -> Mapping[int, str]:
        """Send rows in one call; return the positions and reasons of those that were not taken.

        Raises RowsRefusedError, ApiRefusedError, and ApiUnreachableError.
        """
        exponential = wait_random_exponential(multiplier=0.5, max=LONGEST_WAIT_SECONDS)

        def wait(state: RetryCallState) -> float:
            asked = getattr(state.outcome and state.outcome.exception(), "wait_seconds", None)
            return exponential(state) if asked is None else float(asked)

        body = json.dumps(self._what.body(rows), default=_text, allow_nan=False).encode()
        try:
            return Retrying(
                retry=retry_if_exception_type(_RepeatError),
                wait=wait,
                stop=stop_before_delay(self._what.patience_seconds),
                reraise=True,
            )(self._call, body, key)
        except _RepeatError as error:
            raise ApiUnreachableError(
                f"{self._place}: got {error} for {self._what.patience_seconds:.0f} s; expected an answer. The next run "
                "goes on with the same rows."
            ) from None

    def _call(self, body: bytes, key: str) -> Mapping[int, str]:
        self._pace()
        own = {self._what.idempotency_header: key, "Content-Type": "application/json"}
        try:
            answer = self._client.request(self._what.method, self._url, content=body, headers=own)
        except (httpx.UnsupportedProtocol, httpx.InvalidURL) as error:
            raise ApiRefusedError(f"{self._place}: got no address ({error}); expected https:// and a host.") from None
        except (httpx.TransportError, httpx.DecodingError) as error:
            # Perhaps it was taken and only the answer was lost: the key tells the API.
            raise _RepeatError(f"{type(error).__name__} ({error})") from error
        if answer.is_success:
            try:
                return dict(self._what.rejected(answer))
            except ValueError as error:
                raise _RepeatError(f"half an answer ({error})") from error
        reason = f"{answer.status_code} {self._shown(answer)}"
        if answer.status_code in self._what.rows_refused:
            raise RowsRefusedError(reason)
        if answer.status_code in REPEATED:
            raise _RepeatError(reason, _asked_wait(answer.headers.get("Retry-After")))
        raise ApiRefusedError(f"{self._place}: got {reason}; expected 2xx. See its address, token and rights.")

    def _pace(self) -> None:
        """Wait until the next call is allowed."""
        wait = self._next_call - time.monotonic()
        if wait > 0:
            time.sleep(wait)
        self._next_call = time.monotonic() + 1 / self._what.calls_per_second

    @property
    def _place(self) -> str:
        # Without its query, in which some APIs want a token.
        return f"Push {self._what.name} to {self._url.partition('?')[0]}"

    def _shown(self, answer: httpx.Response) -> str:
        text = " ".join(answer.text.split())[:SHOWN_CHARACTERS]
        # What an API repeats of the call's headers: a token must not reach a log.
        for secret in (part for value in self._headers.values() for part in value.split()):
            text = text.replace(secret, "***") if len(secret) > 5 else text
        return text


def _text(value: Any) -> str:
    if isinstance(value, Decimal):
        return format(value, "f")
    raise TypeError(f"got {type(value).__name__} in a body; expected what JSON has")


def _asked_wait(header: str | None) -> float | None:
    """Seconds of a Retry-After, which is a number or a date; None if there is none that can be read."""
    if not header:
        return None
    try:
        seconds = float(header)
    except ValueError:
        try:
            seconds = (parsedate_to_datetime(header) - datetime.now(UTC)).total_seconds()
        except (TypeError, ValueError):
            return None
    return max(0.0, seconds) if seconds == seconds else None
