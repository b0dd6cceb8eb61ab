"""Calls that ask an HTTP API for rows, page after page."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

import httpx

from flows.shared.fetch.answer import NoRowsError, Row, rows_of
from flows.shared.fetch.declaration import Fetch
from flows.shared.fetch.pages import Page, PagesRefusedError
from flows.shared.http_api import ApiRefusedError, HttpApi, RepeatError

# An answer that is no JSON may be a half one, or come from a proxy that passes; after so many it is what the API says.
NO_JSON_ATTEMPTS = 3


def pages(what: Fetch, url: str, limits: Mapping[str, str]) -> Iterator[list[Row]]:
    """Yield the rows of each page; `limits` are the parameters that limit them to an interval.

    Raises ApiRefusedError, ApiUnreachableError, and PagesRefusedError.
    """
    with HttpApi(f"Fetch {what.name} from", url, what, what.headers(), "The next run begins the interval anew.") as api:
        calls = 0

        def refuse(problem: str) -> PagesRefusedError:
            return PagesRefusedError(f"{api.place}: {problem}. See `pages` of its declaration.")

        def ask(address: httpx.URL | None = None, **own: str) -> Page:
            nonlocal calls
            calls += 1
            if calls > what.most_pages:
                raise refuse(f"got more than {what.most_pages} pages; expected the end (most_pages)")
            parameters = {**what.parameters, **limits, **own}
            return api.patiently(partial(_Call(api, what, url, parameters, address).make))

        yield from what.pages.read(ask, refuse)


class _Call:
    """A call and how often its answer was no JSON."""

    def __init__(
        self, api: HttpApi, what: Fetch, url: str, parameters: Mapping[str, str], address: httpx.URL | None
    ) -> None:
        self._api, self._what, self._url, self._parameters, self._address = api, what, url, parameters, address
        self._no_json = 0

    def make(self) -> Page:
        """Make it once."""
        answer = self._answer()
        try:
            text = answer.content.decode(answer.charset_encoding or "utf-8-sig")
            return answer, *rows_of(text, self._what.rows, self._what.identity)
        except NoRowsError as error:
            raise self._refused(answer, str(error)) from None
        except (ValueError, LookupError, RecursionError) as error:
            self._no_json += 1
            if self._no_json < NO_JSON_ATTEMPTS:
                raise RepeatError(f"an answer that is no JSON ({error})") from error
            raise self._refused(answer, "got an answer that is no JSON; expected JSON") from None

    def _answer(self) -> httpx.Response:
        what, request = self._what, self._api.request
        if self._address is not None and what.body is None:
            return request("GET", self._address)
        if what.body is not None:
            return request("POST", self._address or self._url, json=what.body(self._parameters))
        try:
            url = httpx.URL(self._url).copy_merge_params(self._parameters)
        except httpx.InvalidURL:
            return request("GET", self._url)  # Which tells it.
        return request("GET", url)

    def _refused(self, answer: httpx.Response, problem: str) -> ApiRefusedError:
        return ApiRefusedError(f"{self._api.place}: {problem}. It answered {self._api.shown(answer)}")


def parameters_of(what: Fetch, since: Any, until: Any) -> dict[str, str]:
    """The parameters that limit rows to an interval: those that are declared, for moments that there are."""
    given = {what.since: since, what.until: until}
    return {name: what.moment(moment) for name, moment in given.items() if name and moment}
