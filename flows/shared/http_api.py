"""Calls of an HTTP API: paced, repeated while that can help, and refusals told without secrets."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, ParamSpec, Protocol, Self, TypeVar

import httpx
from tenacity import RetryCallState, Retrying, retry_if_exception_type, stop_before_delay, wait_random_exponential

from flows.shared.errors import STATUSES, DataFlowsError

# Beside those that every network task repeats: the first call with this key is still under way, or it came too early.
REPEATED = STATUSES | {409, 425}
LONGEST_WAIT_SECONDS = 60
BACKOFF = wait_random_exponential(multiplier=0.5, max=LONGEST_WAIT_SECONDS)
SHOWN_CHARACTERS = 300

Arguments = ParamSpec("Arguments")
Answer = TypeVar("Answer")


class ApiRefusedError(DataFlowsError):
    """The API refuses calls, such as for a wrong token or address, or answers what cannot be used."""


class ApiUnreachableError(DataFlowsError):
    """The API did not take a call for as long as the declaration is patient; the next run goes on there."""


class RepeatError(Exception):
    """The call may succeed if it is made again; `wait_seconds` is what the API asks for."""

    def __init__(self, reason: str, wait_seconds: float | None = None) -> None:
        super().__init__(reason)
        self.wait_seconds = wait_seconds


class Limits(Protocol):
    """How fast calls are made, how long one waits for its answer, and how long it is repeated."""

    @property
    def calls_per_second(self) -> float: ...
    @property
    def timeout_seconds(self) -> float: ...
    @property
    def patience_seconds(self) -> float: ...


class HttpApi:
    """An API within limits. `name` begins its messages, `goes_on` ends that of an API that is out of reach.

    `headers` are those of each call. A context manager.
    """

    def __init__(self, name: str, url: str, limits: Limits, headers: Mapping[str, str], goes_on: str) -> None:
        # Without its query, in which some APIs want a token.
        self.place = f"{name} {url.partition('?')[0]}"
        self._limits, self._goes_on = limits, goes_on
        try:
            query = list(httpx.URL(url).params.values())
        except httpx.InvalidURL:
            query = []  # Told at the first call.
        self._secrets = [part for value in [*headers.values(), *query] for part in value.split() if len(part) > 5]
        self._client = httpx.Client(timeout=limits.timeout_seconds, headers=dict(headers))
        self._next_call = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def patiently(
        self, call: Callable[Arguments, Answer], *args: Arguments.args, **options: Arguments.kwargs
    ) -> Answer:
        """Make a call again while it raises RepeatError. Raises ApiUnreachableError when patience ends."""
        patience = self._limits.patience_seconds
        try:
            return Retrying(
                retry=retry_if_exception_type(RepeatError), wait=_wait, stop=stop_before_delay(patience), reraise=True
            )(call, *args, **options)
        except RepeatError as error:
            raise ApiUnreachableError(
                f"{self.place}: got {error} for {patience:.0f} s; expected an answer. {self._goes_on}"
            ) from None

    def request(
        self, method: str, url: str | httpx.URL, *, returned: Collection[int] = (), **options: Any
    ) -> httpx.Response:
        """Make one call when the next is allowed; give its answer if that is 2xx or of the statuses `returned`.

        Raises RepeatError and ApiRefusedError.
        """
        self._pace()
        try:
            answer = self._client.request(method, url, **options)
        except (httpx.UnsupportedProtocol, httpx.InvalidURL) as error:
            raise ApiRefusedError(f"{self.place}: got no address ({error}); expected https:// and a host.") from None
        except (httpx.TransportError, httpx.DecodingError) as error:
            # Perhaps the call was taken and only its answer was lost.
            raise RepeatError(f"{type(error).__name__} ({error})") from error
        if answer.is_success or answer.status_code in returned:
            return answer
        if answer.status_code in REPEATED:
            raise RepeatError(self.shown(answer), asked_wait(answer.headers.get("Retry-After")))
        raise ApiRefusedError(
            f"{self.place}: got {self.shown(answer)}; expected 2xx. See its address, token and rights."
        )

    def shown(self, answer: httpx.Response) -> str:
        """The answer's status and first characters."""
        text = " ".join(answer.text.split())
        # What an API repeats of the call: a token must not reach a log, nor its beginning.
        for secret in self._secrets:
            text = text.replace(secret, "***")
        return f"{answer.status_code} {text[:SHOWN_CHARACTERS]}"

    def _pace(self) -> None:
        """Wait until the next call is allowed."""
        wait = self._next_call - time.monotonic()
        if wait > 0:
            time.sleep(wait)
        self._next_call = time.monotonic() + 1 / self._limits.calls_per_second


def asked_wait(header: str | None) -> float | None:
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


def _wait(state: RetryCallState) -> float:
    asked = getattr(state.outcome and state.outcome.exception(), "wait_seconds", None)
    return BACKOFF(state) if asked is None else float(asked)
