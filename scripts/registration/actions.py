"""One thing to do, or found to be right already."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from scripts.registration.api import Conflict, Prefect

CREATE, UPDATE, UNCHANGED, PRUNE = "create", "update", "unchanged", "prune"


@dataclass(frozen=True)
class Action:
    """What is done to one thing, and why. `write` does it; safe to repeat, and each leaves Prefect in good order."""

    what: str
    kind: str
    reason: str = ""
    write: Callable[[], Awaitable[object]] | None = None
    is_deployment: bool = False


def creation_or_update(
    prefect: Prefect,
    what: str,
    *,
    is_there: bool,
    difference: str,
    create: tuple[str, dict[str, Any]],
    update: tuple[str, dict[str, Any]],
    reason: str = "",
) -> Action:
    """POST (path and content) what is not there, for a reason, or PATCH what has a difference."""

    async def write_update() -> None:
        await prefect.write("PATCH", *update)

    async def write_creation() -> None:
        try:
            await prefect.write("POST", *create)
        except Conflict:  # Another registration's, or our own whose answer was lost.
            await write_update()

    if not is_there:
        return Action(what, CREATE, reason, write_creation)
    return Action(what, UPDATE, difference, write_update) if difference else Action(what, UNCHANGED)


def removal(prefect: Prefect, what: str, reason: str, path: str, *, is_deployment: bool = False) -> Action:
    """DELETE what is there."""
    return Action(what, PRUNE, reason, lambda: prefect.write("DELETE", path), is_deployment)
