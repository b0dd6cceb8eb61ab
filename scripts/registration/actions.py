"""One thing to do, or found to be right already."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

CREATE, UPDATE, UNCHANGED, PRUNE = "create", "update", "unchanged", "prune"


@dataclass(frozen=True)
class Action:
    """What is done to one thing, and why. `write` does it; safe to repeat, and each leaves Prefect in good order."""

    what: str
    kind: str
    reason: str = ""
    write: Callable[[], Awaitable[object]] | None = None
    is_deployment: bool = False


def bring(
    what: str,
    held: Mapping[str, Any] | None,
    changed: str,
    create: Callable[[], Awaitable[object]],
    update: Callable[[], Awaitable[object]],
) -> Action:
    """Create what Prefect does not hold, update it if anything `changed`, or leave it as it is."""
    if held is None:
        return Action(what, CREATE, write=create)
    return Action(what, UPDATE, changed, update) if changed else Action(what, UNCHANGED)
