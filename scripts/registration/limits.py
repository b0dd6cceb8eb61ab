"""Concurrency limits: how many task runs of a tag may be under way at once, as flows/shared/concurrency.py says.

A limit has neither tags nor labels, and holds for the whole Prefect server. So a Prefect variable records which limits
a stack has asked for; one is removed when no stack asks for it any more.
"""

import ast
from pathlib import Path
from typing import Any

from scripts.registration.actions import PRUNE, Action, bring
from scripts.registration.api import Prefect

FILE = "flows/shared/concurrency.py"
TAG_PREFIX = "data-flows."
RECORDS = "data-flows.limits"  # Tag of the variables.


def read_limits(root: Path) -> tuple[dict[str, int], list[str]]:
    """LIMITS of the file, and what is wrong with it; read, not run, since a dictionary is all it may be."""
    if not (root / FILE).exists():
        return {}, []
    try:
        [value] = [
            node.value
            for node in ast.parse((root / FILE).read_text()).body
            if isinstance(node, ast.Assign) and [getattr(target, "id", "") for target in node.targets] == ["LIMITS"]
        ]
        limits = dict(ast.literal_eval(value))
    except (SyntaxError, ValueError, TypeError):
        return {}, [f"{FILE}: got no LIMITS to read; expected one dictionary written out, tag to whole number."]
    return limits, [
        f"{FILE}: got limit {tag!r}: {limit!r}; expected a tag that begins with {TAG_PREFIX} and at least 1."
        for tag, limit in limits.items()
        if not str(tag).startswith(TAG_PREFIX) or type(limit) is not int or limit < 1
    ]


async def limit_actions(prefect: Prefect, record: str, wanted: dict[str, int]) -> list[Action]:
    """Remove limits that no stack asks for any more, record in the variable `record` what is wanted, and bring that."""
    found = await prefect.read_all("variables/filter", variables={"tags": {"all_": [RECORDS]}})
    recorded = {each["name"]: set(each["value"]) for each in found}
    ours = recorded.pop(record, set())
    held = {each["name"]: each for each in await prefect.read_all("v2/concurrency_limits/filter")}
    gone = ours.difference(wanted, *recorded.values())
    return [
        *(_removal(prefect, tag, held[_name(tag)]) for tag in sorted(gone) if _name(tag) in held),
        *_recording(prefect, record, sorted(ours), sorted(wanted)),
        *(_limit(prefect, tag, limit, held.get(_name(tag))) for tag, limit in sorted(wanted.items())),
    ]


def _name(tag: str) -> str:
    """As Prefect names the limit of a tag."""
    return f"tag:{tag}"


def _removal(prefect: Prefect, tag: str, held: dict[str, Any]) -> Action:
    place = f"v2/concurrency_limits/{held['id']}"
    return Action(f"concurrency limit {tag}", PRUNE, "no longer in code", lambda: prefect.write("DELETE", place))


def _recording(prefect: Prefect, record: str, ours: list[str], wanted: list[str]) -> list[Action]:
    what, place = f"variable {record}", f"variables/name/{record}"

    async def update() -> None:
        await prefect.write("PATCH", place, {"value": wanted})

    async def create() -> None:
        await prefect.create("variables/", {"name": record, "value": wanted, "tags": [RECORDS]}, update)

    if wanted == ours:
        return []
    if not wanted:
        return [Action(what, PRUNE, "no limits in code", lambda: prefect.write("DELETE", place))]
    return [bring(what, {"value": ours} if ours else None, "limits", create, update)]


def _limit(prefect: Prefect, tag: str, limit: int, held: dict[str, Any] | None) -> Action:
    async def update() -> None:
        await prefect.write("PATCH", f"v2/concurrency_limits/{_name(tag)}", {"limit": limit})

    async def create() -> None:
        content = {"name": _name(tag), "limit": limit, "active": True}
        await prefect.create("v2/concurrency_limits/", content, update)

    changed = f"{held['limit']} to {limit}" if held and held["limit"] != limit else ""
    return bring(f"concurrency limit {tag}", held, changed, create, update)
