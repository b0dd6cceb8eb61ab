"""How an API gives its rows in pages, and that none is lost when rows come, go or move while they are read.

A pager is a generator: it yields the rows of each page that it has asked for. `ask` makes a call with parameters beside
the declared ones, or to another address. Of what it has seen, a pager keeps one page's versions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import httpx

from flows.shared.errors import DataFlowsError
from flows.shared.fetch.answer import Row, value_at

# So often in a row may another place have the same page: rows that were inserted can move a whole page there.
MOST_SAME = 3
# So often a page may be another one at its second look before the next page counts.
MOST_LOOKS = 10

Page = tuple[httpx.Response, Any, list[Row]]


class PagesRefusedError(DataFlowsError):
    """The API's pages have no end, or end where they say that they go on."""


Ask = Callable[..., Page]  # (**parameters), or (address=…)
Refuse = Callable[[str], PagesRefusedError]


class _Circle:
    """Notices, by one of them that it keeps (Brent), that places come again."""

    def __init__(self, refuse: Refuse) -> None:
        self._refuse, self._kept, self._steps, self._until = refuse, "", 0, 1

    def check(self, place: str, what: str) -> None:
        """Raise PagesRefusedError if the place was there before."""
        if place == self._kept:
            raise self._refuse(f"got the same {what} twice; expected another one for each page")
        self._steps += 1
        if self._steps == self._until:
            self._kept, self._until = place, self._until * 2


@dataclass(frozen=True)
class OnePage:
    """All rows in one answer."""

    def read(self, ask: Ask, refuse: Refuse) -> Iterator[list[Row]]:  # noqa: ARG002 (what other pagers read)
        """Yield the page."""
        yield ask()[2]


@dataclass(frozen=True)
class Cursor:
    """The answer says at `at` (names with dots) what the next call sends as `parameter`; nothing there is the end."""

    parameter: str
    at: str

    def read(self, ask: Ask, refuse: Refuse) -> Iterator[list[Row]]:
        """Yield the pages."""
        circle, page = _Circle(refuse), ask()
        while True:
            yield page[2]
            cursor = value_at(page[1], self.at)
            if cursor in (None, "", False):
                return
            if not isinstance(cursor, str):
                raise refuse(f"got a {type(cursor).__name__} at {self.at}; expected a cursor, or nothing at the end")
            if not page[2]:
                raise refuse("got a page without rows that has a next one; expected rows, or the end")
            circle.check(str(cursor), "cursor")
            page = ask(**{self.parameter: str(cursor)})


@dataclass(frozen=True)
class LinkHeader:
    """The answer's header Link has the next page's address (rel="next"); none is the end."""

    def read(self, ask: Ask, refuse: Refuse) -> Iterator[list[Row]]:
        """Yield the pages."""
        circle, page = _Circle(refuse), ask()
        while True:
            yield page[2]
            answer = page[0]
            following = answer.links.get("next", {}).get("url")
            if not following:
                return
            if not page[2]:
                raise refuse("got a page without rows that has a next one; expected rows, or the end")
            address = answer.url.join(following)
            own, its = ((url.scheme, url.host, url.port) for url in (answer.url, address))
            if own != its:
                # Calls carry the token.
                raise refuse(f"got a next page at {address.host}; expected one of the same host")
            circle.check(str(address), "next page")
            page = ask(address=address)


@dataclass(frozen=True)
class KeySet:
    """A call asks for the rows after the last row's `column`, in the order of that column; no row is the end.

    Rows that come or go elsewhere move no page. The column's values must differ.
    """

    parameter: str
    column: str

    def read(self, ask: Ask, refuse: Refuse) -> Iterator[list[Row]]:
        """Yield the pages."""
        circle, rows = _Circle(refuse), ask()[2]
        while rows:
            yield rows
            last = value_at(rows[-1].values, self.column)
            if not isinstance(last, str):
                raise refuse(f"got a last row without a usable {self.column}; expected a text or a number")
            circle.check(last, f"last {self.column}")
            rows = ask(**{self.parameter: str(last)})[2]


@dataclass(frozen=True)
class Offset:
    """A call asks for `limit` rows from the `parameter`th on, in an order that stays.

    It begins `overlap` rows before the end of the last page. Rows that were inserted come twice and are dropped. If no
    row of the last page is there, so many were deleted that one could be skipped: the pager steps back until it finds
    one, or to the beginning.
    """

    parameter: str = "offset"
    limit_parameter: str = "limit"
    limit: int = 100
    overlap: int = 10

    def read(self, ask: Ask, refuse: Refuse) -> Iterator[list[Row]]:
        """Yield the pages, without the rows that the page before had."""
        seen: set[str] = set()
        at, overlap, same, before = 0, 0, 0, [""]
        while True:
            rows = ask(**{self.parameter: str(at), self.limit_parameter: str(self.limit)})[2]
            versions = _versions(rows)
            if at and overlap and seen.isdisjoint(versions):
                at = max(0, at - self.limit + self.overlap)
                continue
            same = same + 1 if rows and versions == before else 0
            if same == MOST_SAME:
                raise refuse(f"got the same page again and again; expected other rows for another {self.parameter}")
            new = [row for row in rows if row.version not in seen]
            yield new
            if not rows or (not new and len(rows) <= overlap):
                return
            before, seen = versions, set(versions)
            overlap = min(self.overlap, len(rows) - 1)  # A page may be shorter than was asked for.
            at += len(rows) - overlap


@dataclass(frozen=True)
class PageNumber:
    """A call asks for a page by its number, in an order that stays; a page without rows is the end.

    With `moves`, each page is asked for once more after the next one. If it has changed, rows may have moved from the
    next one to it before that was read: both are read again, and those before it if nothing of it is left. Without
    `moves`, for lists that only grow at their end, half as many calls are made.
    """

    parameter: str = "page"
    first: int = 1
    moves: bool = True

    def read(self, ask: Ask, refuse: Refuse) -> Iterator[list[Row]]:
        """Yield the pages, without the rows that the page before had."""

        def page(number: int) -> list[Row]:
            return ask(**{self.parameter: str(number)})[2]

        number, rows, before, looks, same = self.first, page(self.first), set[str](), 0, 0
        while rows:
            yield [row for row in rows if row.version not in before]
            versions = _versions(rows)
            following = page(number + 1)
            same = same + 1 if _versions(following) == versions else 0
            if same == MOST_SAME:
                raise refuse(f"got the same page again and again; expected other rows for another {self.parameter}")
            before, again = set(versions), page(number) if self.moves else rows
            if _versions(again) == versions:
                number, rows, looks = number + 1, following, 0
                continue
            looks += 1
            if looks == MOST_LOOKS:
                raise refuse(f"got another page {number} at each of {looks} looks; expected an order that stays")
            while number > self.first and before.isdisjoint(_versions(again)):
                number -= 1
                again = page(number)
            rows = again


def _versions(rows: list[Row]) -> list[str]:
    return [row.version for row in rows]


Pages = OnePage | Cursor | LinkHeader | KeySet | Offset | PageNumber
