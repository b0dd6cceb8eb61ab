"""Automations of Prefect: created by name, and written again when they differ. A person's switch stays as it is."""

from collections.abc import Awaitable, Callable
from typing import Any

from scripts.registration.actions import CREATE, UNCHANGED, UPDATE, Action, removal
from scripts.registration.api import Prefect

Automation = dict[str, Any]


async def automation_actions(
    prefect: Prefect, wanted: dict[str, Automation], registered: list[Automation], complete: "Completion"
) -> list[Action]:
    """What brings the `wanted` ones, by name, and removes others of the `registered`.

    `complete` adds ids to an automation that exist only once what comes before is written; None if they do not yet.
    """
    first = {each["name"]: each for each in sorted(registered, key=_age, reverse=True) if each["name"] in wanted}
    upserts = [await _upsert(prefect, each, first.get(name), complete) for name, each in wanted.items()]
    return upserts + [
        removal(
            prefect,
            f"automation {each['name']}",
            "twice" if each["name"] in first else "no longer in code",
            f"automations/{each['id']}",
        )
        for each in registered
        if each is not first.get(each["name"])
    ]


Completion = Callable[[Automation], Awaitable[Automation | None]]


def _age(automation: Automation) -> tuple[str, str]:
    """Of several of one name, made by two registrations at once, both keep the first by this."""
    return automation["created"], automation["id"]


async def _upsert(prefect: Prefect, wanted: Automation, registered: Automation | None, complete: Completion) -> Action:
    what = f"automation {wanted['name']}"

    async def content() -> Automation:
        return await complete(wanted) or wanted

    async def create() -> None:
        await prefect.write("POST", "automations/", {"enabled": True} | await content())
        # Prefect takes several of one name: another registration's, or our own whose answer was lost.
        same = [each for each in await prefect.read_all("automations/filter") if each["name"] == wanted["name"]]
        for each in sorted(same, key=_age)[1:]:
            await prefect.write("DELETE", f"automations/{each['id']}")

    if registered is None:
        return Action(what, CREATE, write=create)
    place, enabled = f"automations/{registered['id']}", registered["enabled"]

    async def update() -> None:
        await prefect.write("PUT", place, await content() | {"enabled": enabled})

    now = await complete(wanted)
    changed = [
        part
        for part in ("description", "trigger", "actions")
        if now is None or not _contains(registered[part], now[part])
    ]
    return Action(what, UPDATE, ", ".join(changed), update) if changed else Action(what, UNCHANGED)


def _contains(found: Any, wanted: Any) -> bool:
    """Whether `found` has all that is wanted; the server adds ids and defaults, and keeps lists of names as sets."""
    if isinstance(wanted, dict):
        return isinstance(found, dict) and all(
            name in found and _contains(found[name], wanted[name]) for name in wanted
        )
    if isinstance(wanted, list) and all(isinstance(each, str) for each in wanted):
        return sorted(found) == sorted(wanted)
    if isinstance(wanted, list):
        return len(found) == len(wanted) and all(map(_contains, found, wanted))
    return bool(found == wanted)
