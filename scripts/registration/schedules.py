"""Schedules of a deployment: whether they are those of the code, and who switched them."""

import hashlib
import json
from typing import Any


def key(schedule: dict[str, Any]) -> str:
    """What makes a schedule this one and no other. Whether it is active is a person's to change, so no part of it."""
    kind = {name: value for name, value in schedule["schedule"].items() if name != "anchor_date"}
    if any(often in kind.get("rrule", "") for often in ("MINUTELY", "SECONDLY")):
        # Into one that begins nowhere, Prefect writes a recent start: another each time it is imported.
        kind["rrule"] = [line for line in kind["rrule"].splitlines() if not line.startswith("DTSTART")]
    content = json.dumps([kind, schedule.get("parameters") or {}, schedule.get("slug")], sort_keys=True)
    return hashlib.sha256(content.encode()).hexdigest()[:8]


def are_same(wanted: list[dict[str, Any]], held: list[dict[str, Any]]) -> bool:
    """Whether both are the same schedules, in any order, switched in any way."""
    return sorted(map(key, wanted)) == sorted(map(key, held)) and all(
        each["schedule"].get("anchor_date") in (None, other["schedule"].get("anchor_date"))
        for each, other in _pairs(wanted, held)
    )


def switches(wanted: list[dict[str, Any]]) -> dict[str, str]:
    """How the code switches each schedule, by its key."""
    return {key(each): str(int(each["active"])) for each in wanted}


def as_switched_by_hand(
    wanted: list[dict[str, Any]], held: list[dict[str, Any]], coded: dict[str, str]
) -> list[dict[str, Any]]:
    """The wanted schedules, each active or not as a person last left it, otherwise as the code says.

    `coded` are the switches that the held ones were written with. One that the code changed is the same schedule to
    whoever paused it, as long as none was added or removed.
    """
    result = [dict(each) for each in wanted]
    for each, now in _pairs(result, held):
        # Registered by something else, it may be active without anybody's having wished so; paused is a wish.
        by_hand = not now["active"] if key(now) not in coded else now["active"] != (coded[key(now)] == "1")
        if by_hand:
            each["active"] = now["active"]
        if "anchor_date" in now["schedule"] and key(each) == key(now):
            each["schedule"] = {"anchor_date": now["schedule"]["anchor_date"]} | each["schedule"]
    return result


def _pairs(wanted: list[dict[str, Any]], held: list[dict[str, Any]]) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """Each wanted schedule with the held one that it is, or was."""
    pairs, left, others = [], [], sorted(held, key=lambda each: each.get("created") or "")
    for each in wanted:
        fitting = [
            other
            for other in others
            if key(other) == key(each) or (each.get("slug") and each["slug"] == other.get("slug"))
        ]
        if fitting:
            pairs.append((each, fitting[0]))
            others.remove(fitting[0])
        else:
            left.append(each)
    return pairs + (list(zip(left, others, strict=True)) if len(left) == len(others) else [])
