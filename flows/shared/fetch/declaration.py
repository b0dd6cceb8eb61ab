"""What is fetched from an HTTP API: where its rows are, how they come in pages, and how fast."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any

from flows.shared.data.columns import Problems
from flows.shared.data.formats import JsonLines
from flows.shared.data.landing import Landing
from flows.shared.data.refused import DeclarationError
from flows.shared.fetch.pages import Offset, OnePage, Pages
from flows.shared.moments import utc


def iso(moment: datetime) -> str:
    """The moment as most APIs take it, such as 2024-05-01T12:00:00Z."""
    return f"{utc(moment):%Y-%m-%dT%H:%M:%SZ}"


@dataclass(frozen=True)
class Fetch:
    """Rows of an API that land as JSON lines, for the data set `landing` to load.

    `rows`: where the answer has its list of rows, names with dots; empty if it is the list. `pages`: how one asks for
    more. `changed_at`: the row's field that tells its versions apart, beside the data set's key; empty if it has none.
    `since` and `until`: the parameters that limit rows to those that changed in [since, until); without `since` each
    run fetches all rows. `begin`: where the first run begins; without it, that sends no `since`. `overlap`: so much
    before its interval a run asks, for rows that the API shows late. `interval`: the longest interval; a longer one is
    fetched in several, and one that is done stays done. `moment`: a moment as the API takes it. `parameters`: those of
    each call, in its query; or, with `body`, what becomes the JSON that is sent by POST. `headers`: of each call, such
    as the token, read when a run begins. `calls_per_second`, `bytes_per_file` (uncompressed) and `most_pages` of an
    interval are limits. `patience_seconds`: so long a call is repeated.

    Raises DeclarationError, with every problem in one message.
    """

    name: str
    landing: Landing
    rows: str = ""
    pages: Pages = field(default_factory=OnePage)
    changed_at: str = ""
    since: str = ""
    until: str = ""
    begin: datetime | None = None
    overlap: timedelta = timedelta(minutes=10)
    interval: timedelta | None = None
    moment: Callable[[datetime], str] = iso
    parameters: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    body: Callable[[Mapping[str, str]], Any] | None = None
    headers: Callable[[], Mapping[str, str]] = dict
    calls_per_second: float = 5
    timeout_seconds: float = 60
    patience_seconds: float = 900
    bytes_per_file: int = 64 * 2**20
    most_pages: int = 100_000

    def __post_init__(self) -> None:
        problems = Problems()
        problems.check(
            bool(re.fullmatch(r"[a-z][a-z0-9_]*", self.name)),
            f"name: got {self.name!r}; expected lower-case letters, digits and _",
        )
        problems.check(
            isinstance(self.landing.format, JsonLines),
            f"landing: got a data set of {type(self.landing.format).__name__}; expected format=JsonLines()",
        )
        problems.check(
            not self.landing.replace_file, "landing: got replace_file=True; expected False: a file is not all there is"
        )
        for limit in ("calls_per_second", "timeout_seconds", "patience_seconds", "bytes_per_file", "most_pages"):
            problems.check(getattr(self, limit) > 0, f"{limit}: got {getattr(self, limit)}; expected more than 0")
        problems.check(self.overlap >= timedelta(0), f"overlap: got {self.overlap}; expected 0 or more")
        problems.check(bool(self.since) or not self.until, "until: got it without since; expected both, or only since")
        problems.check(
            self.interval is None
            or bool(self.interval >= timedelta(minutes=1) and self.since and self.until and self.begin),
            "interval: got it without since, until or begin, or below a minute; expected all three: each interval is "
            "asked for by itself",
        )
        if isinstance(self.pages, Offset):
            most, overlap = self.pages.limit, self.pages.overlap
            problems.check(0 <= overlap < most, f"pages: got overlap={overlap}; expected 0 or more, below {most}")
        if problems.found:
            raise DeclarationError(f"Fetch {self.name}: " + "; ".join(problems.found) + ".")

    @property
    def identity(self) -> tuple[str, ...]:
        """The fields of a row that tell its versions apart, as the API names them."""
        names = {column.name: column.file_name for column in self.landing.columns}
        return (*(names[name] for name in self.landing.key), *([self.changed_at] if self.changed_at else []))
