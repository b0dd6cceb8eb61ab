"""Prefect's REST API: every request counted, repeated while the server is busy or away, refused in words.

Not Prefect's own client: importing it takes longer than a whole registration.
"""

import base64
import json
import os
import sys
from importlib.metadata import version
from typing import Any, Self

import httpx
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type, stop_after_delay, wait_random_exponential

from scripts.shared.refusal import Refusal

RETRY_SECONDS = 60.0
BUSY = {429, 502, 503, 504}
WORTH_A_WORD = 5  # Attempts, a fifth of a second: SQLite is seldom busy that long.
PAGE = 200  # The most that Prefect returns at once.
# SQLite is busy for a few milliseconds whenever the server itself writes, so the first wait is short.
_backoff = wait_random_exponential(0.02, max=5)


class Busy(Exception):  # noqa: N818 - a state of the server.
    """The server is overloaded or away; `wait_seconds` is how long it asks to be left alone."""

    def __init__(self, what: str, wait_seconds: float = 0) -> None:
        super().__init__(what)
        self.wait_seconds = wait_seconds


class Conflict(Exception):  # noqa: N818 - the caller decides whether it is an error.
    """409: what was to be created is there already, or the request contradicts what is there."""


class Prefect:
    """One run's connection. `reads` and `writes` count the requests sent, `busy` the answers to come again."""

    def __init__(self, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self.url = os.environ["PREFECT_API_URL"].rstrip("/")
        self.reads = self.writes = self.busy = 0
        self._client = httpx.AsyncClient(
            base_url=f"{self.url}/",
            headers=_headers(),
            timeout=httpx.Timeout(60, connect=10),
            transport=transport,
            # Only connections to https need the certificates, and loading them takes a while.
            verify=self.url.startswith("https:"),
        )

    async def __aenter__(self) -> Self:
        await self._client.__aenter__()
        return self

    async def __aexit__(self, *exception: Any) -> None:
        await self._client.__aexit__(*exception)

    @property
    def is_cloud(self) -> bool:
        """Whether this is Prefect Cloud, whose version is always the newest."""
        return "/workspaces/" in self.url

    async def read(self, path: str, **filters: Any) -> Any:
        """GET `path`, or POST the filters to it; None where there is nothing (404).

        Raises:
            Refusal: Prefect does not answer, or refuses.
        """
        return await self._send("POST" if filters else "GET", path, filters or None, write=False)

    async def read_all(self, path: str, **filters: Any) -> list[dict[str, Any]]:
        """All pages of a filter."""
        found: list[dict[str, Any]] = []
        while True:
            page = await self.read(path, **filters, limit=PAGE, offset=len(found))
            found += page
            if len(page) < PAGE:
                return found

    async def write(self, method: str, path: str, content: Any = None) -> Any:
        """POST, PATCH, PUT or DELETE. Repeated when its answer is lost, so it must be one that may arrive twice.

        Raises:
            Conflict: 409.
        """
        return await self._send(method, path, content, write=True)

    async def _send(self, method: str, path: str, content: Any, *, write: bool) -> Any:
        patient = AsyncRetrying(
            retry=retry_if_exception_type(Busy),
            stop=stop_after_delay(RETRY_SECONDS),
            wait=_wait,
            before_sleep=self._note,
            reraise=True,
        )
        try:
            return await patient(self._once, method, path, content, write=write)
        except Busy as busy:
            raise Refusal(
                f"Prefect at {self.url}: {busy}, for {RETRY_SECONDS:.0f} s; expected it to answer: is it running, and "
                "is PREFECT_API_URL its address?"
            ) from None

    def _note(self, state: RetryCallState) -> None:
        self.busy += 1
        if state.attempt_number == WORTH_A_WORD:
            print(f"Prefect: {_busy(state)}; trying again for {RETRY_SECONDS:.0f} s", file=sys.stderr, flush=True)

    async def _once(self, method: str, path: str, content: Any, *, write: bool) -> Any:
        self.reads, self.writes = self.reads + (not write), self.writes + write
        try:
            answer = await self._client.request(method, path, json=content)
        except httpx.TransportError as error:
            raise Busy(f"{method} {path}: {str(error) or type(error).__name__}") from None
        if answer.status_code in BUSY:
            wait = answer.headers.get("Retry-After", "")
            raise Busy(f"{method} {path}: got {answer.status_code}", float(wait) if wait.isdigit() else 0)
        if answer.status_code in {401, 403}:
            given = [name for name in ("PREFECT_API_KEY", "PREFECT_API_AUTH_STRING") if os.environ.get(name)]
            raise Refusal(
                f"Prefect at {self.url}: got {answer.status_code}; expected it to accept "
                f"{given[0] if given else 'a request without credentials'}: set PREFECT_API_KEY (Prefect Cloud) or "
                "PREFECT_API_AUTH_STRING (a server with basic auth) to one that may write there."
            )
        if answer.status_code == httpx.codes.NOT_FOUND and (not write or method == "DELETE"):
            return None
        if answer.status_code == httpx.codes.CONFLICT:
            raise Conflict(_detail(answer))
        if not answer.is_success:
            raise Refusal(f"Prefect: {method} {path}: got {answer.status_code}: {_detail(answer)}")
        return answer.json() if answer.content else None

    async def check_version(self) -> None:
        """Refuse a server that is no Prefect server, or older than the Prefect of this repository's lock."""
        if self.is_cloud:
            return
        answer = await self.read("admin/version")
        ours = version("prefect")
        if not isinstance(answer, str):
            raise Refusal(
                f"{self.url}: got no Prefect API; expected PREFECT_API_URL to be its address, which ends with /api."
            )
        theirs, wanted = ([int(part) for part in each.split(".")[:2] if part.isdigit()] for each in (answer, ours))
        if theirs[:1] != wanted[:1] or theirs < wanted:
            raise Refusal(
                f"Prefect at {self.url}: got version {answer}; expected {wanted[0]}.{wanted[1]} or a later "
                f"{wanted[0]}.x, as flows and agent run {ours}: upgrade the server first."
            )


def _wait(state: RetryCallState) -> float:
    return max(_backoff(state), getattr(_busy(state), "wait_seconds", 0))


def _busy(state: RetryCallState) -> BaseException | None:
    return state.outcome.exception() if state.outcome else None


def _headers() -> dict[str, str]:
    headers: dict[str, str] = json.loads(os.environ.get("PREFECT_CLIENT_CUSTOM_HEADERS") or "{}")
    if key := os.environ.get("PREFECT_API_KEY"):
        headers["Authorization"] = f"Bearer {key}"
    elif auth := os.environ.get("PREFECT_API_AUTH_STRING"):
        headers["Authorization"] = f"Basic {base64.b64encode(auth.encode()).decode()}"
    return headers


def _detail(answer: httpx.Response) -> str:
    try:
        said = answer.json()
    except ValueError:
        return answer.text[:500]
    # A validation error quotes its input, which may be a secret.
    said = said.get("exception_detail") or said.get("detail") or said if isinstance(said, dict) else said
    if isinstance(said, list):
        return "; ".join(f"{'.'.join(map(str, each.get('loc', [])))}: {each.get('msg')}" for each in said)
    return str(said)[:500]
