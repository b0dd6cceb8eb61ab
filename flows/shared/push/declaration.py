"""What is sent to an HTTP API: a query's rows, how a call carries them, and how fast."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import dataframely as dy

from flows.shared.data.columns import Column, Problems
from flows.shared.data.export import Export
from flows.shared.data.formats import JsonLines
from flows.shared.data.refused import DeclarationError

if TYPE_CHECKING:
    import httpx

Row = dict[str, Any]


def nothing_rejected(answer: httpx.Response) -> Mapping[int, str]:  # noqa: ARG001 (what others read)
    """Of an API that takes a call whole or not at all."""
    return {}


@dataclass(frozen=True)
class Push:
    """Rows that are sent to an API when they have changed.

    `rows`: columns with their types and checks. `query`: one SELECT that gives each of them, one row for each `key`.
    `changed_at`: the column that says when a row changed; without a zone it is UTC. `body`: rows to a call's JSON; a
    row has decimals as Decimal, times and dates as ISO 8601. `headers`: of each call, such as the token, read when a
    run begins. `rejected`: of an answer, the position in its call and the reason of each row that was not taken.
    `rows_refused`: statuses by which a call is refused for its rows; it is sent again in halves, to find which.
    `rows_per_call`, `bytes_per_call` (of the rows as JSON) and `calls_per_second` are limits. `patience_seconds`: so
    long a call is repeated. `most_rejected`: more rejected rows stop the run.

    Raises DeclarationError, with every problem in one message.
    """

    name: str
    rows: type[dy.Schema]
    query: str
    key: Sequence[str]
    changed_at: str
    body: Callable[[list[Row]], Any] = list
    headers: Callable[[], Mapping[str, str]] = dict
    rejected: Callable[[httpx.Response], Mapping[int, str]] = nothing_rejected
    rows_refused: Collection[int] = (400, 413, 422)
    method: str = "POST"
    idempotency_header: str = "Idempotency-Key"
    rows_per_call: int = 100
    bytes_per_call: int = 1_000_000
    calls_per_second: float = 5
    timeout_seconds: float = 60
    patience_seconds: float = 900
    most_rejected: int = 100
    columns: tuple[Column, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        problems = Problems()
        try:
            declared = self.export(self.query)
        except DeclarationError as error:
            raise DeclarationError(str(error).replace("Export", "Push", 1)) from None
        object.__setattr__(self, "columns", declared.columns)
        by_name = {column.name: column for column in declared.columns}
        problems.check(bool(self.key), "key: got no column; expected those that tell a row from all others")
        for name in [*self.key, self.changed_at]:
            problems.check(
                name in by_name and not by_name[name].is_nullable,
                f"{name}: got a key or changed_at that is no column, or nullable; expected one that always has a value",
            )
        changed = by_name.get(self.changed_at)
        problems.check(
            changed is None or changed.kind == "time",
            f"{self.changed_at}: got {changed and changed.kind}; expected a dy.Datetime as changed_at",
        )
        for limit in ("rows_per_call", "bytes_per_call", "calls_per_second", "timeout_seconds", "patience_seconds"):
            problems.check(getattr(self, limit) > 0, f"{limit}: got {getattr(self, limit)}; expected more than 0")
        problems.check(
            bool(re.fullmatch(r"[A-Za-z-]+", self.idempotency_header)),
            f"idempotency_header: got {self.idempotency_header!r}; expected a header's name",
        )
        if problems.found:
            raise DeclarationError(f"Push {self.name}: " + "; ".join(problems.found) + ".")

    def export(self, query: str) -> Export:
        """The query's rows as a file of JSON lines, each value exactly."""
        return Export(
            name=self.name,
            rows=self.rows,
            query=query,
            prefix=f"export/{self.name}/",
            format=JsonLines(),
            file=f"{self.name}.jsonl.gz",
            may_be_empty=True,
        )
