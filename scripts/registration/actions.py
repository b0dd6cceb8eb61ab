"""One thing to do, or found to be right already."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

CREATE, UPDATE, UNCHANGED, PRUNE = "create", "update", "unchanged", "prune"


@dataclass(frozen=True)
class Action:
    """What is done to one thing, and why. `write` does it; safe to repeat, and each leaves Prefect in good order."""

    what: str
    kind: str
    reason: str = ""
    write: Callable[[], Awaitable[object]] | None = None
    is_deployment: bool = False
