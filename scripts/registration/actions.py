"""One thing to do, or found to be right already; and doing many of them as fast as the server can take."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from scripts.registration.api import Prefect

CREATE, UPDATE, UNCHANGED, PRUNE = "create", "update", "unchanged", "prune"
WIDEST = 16


@dataclass(frozen=True)
class Action:
    """What is done to one thing, and why. `write` does it; safe to repeat, and each leaves Prefect in good order."""

    what: str
    kind: str
    reason: str = ""
    write: Callable[[], Awaitable[object]] | None = None
    is_deployment: bool = False


async def carry_out(actions: Sequence[Action], prefect: Prefect, done: list[Action]) -> None:
    """Write `actions`, appending each to `done`.

    As many at once as make it faster. The server's database decides that (SQLite takes one writer) and nothing in the
    API tells which it is, so it is tried: twice as many while that raises the rate by a quarter, one when it is busy.
    The first error ends it, once the writes under way have their answers.
    """
    width, best, growing, ahead = 1, 0.0, True, list(actions)

    async def one(action: Action) -> None:
        await action.write()
        done.append(action)

    while ahead:
        batch, ahead = ahead[: 4 * width], ahead[4 * width :]
        started, busy, count = time.monotonic(), prefect.busy, len(batch)
        await _at_most(width, one, batch, lambda busy=busy: prefect.busy > busy)
        rate = count / (time.monotonic() - started)
        if prefect.busy > busy:
            width, growing = 1, False
        elif growing and rate > 1.25 * best:
            width, best = min(2 * width, WIDEST), rate
        elif growing:
            width, growing = max(1, width // 2), False


async def _at_most(
    width: int, one: Callable[[Action], Awaitable[None]], batch: Sequence[Action], is_busy: Callable[[], bool]
) -> None:
    """`width` at once; one as soon as the server is busy."""
    ahead, failed = list(reversed(batch)), []

    async def work(*, is_first: bool) -> None:
        while ahead and not failed and (is_first or not is_busy()):
            try:
                await one(ahead.pop())
            except Exception as error:
                failed.append(error)

    await asyncio.gather(*(work(is_first=number == 0) for number in range(width)))
    if failed:
        raise failed[0]
