"""Concurrency limits: how many task runs of a tag may be under way at once, as flows/shared/concurrency.py says.

A limit has neither tags nor labels, and holds for the whole Prefect server. So a Prefect variable records which limits
a stack has asked for; one is removed when no stack asks for it any more.
"""

import ast
from pathlib import Path

from scripts.registration.actions import Action, creation_or_update, removal
from scripts.registration.api import Prefect

FILE = "flows/shared/concurrency.py"
TAG_PREFIX = "data-flows."
RECORDS = "data-flows.limits"  # Tag of the variables.
PLACE = "v2/concurrency_limits/tag:"  # As Prefect names the limit of a tag.


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
    limits = await prefect.read_all("v2/concurrency_limits/filter")
    registered = {each["name"][4:]: each["limit"] for each in limits if each["name"].startswith("tag:")}
    gone = ours.difference(wanted, *recorded.values()) & set(registered)
    return [
        *(removal(prefect, f"concurrency limit {tag}", "no longer in code", PLACE + tag) for tag in sorted(gone)),
        *_recording(prefect, record, sorted(ours), sorted(wanted)),
        *(_bring(prefect, tag, limit, registered.get(tag)) for tag, limit in sorted(wanted.items())),
    ]


def _recording(prefect: Prefect, record: str, ours: list[str], wanted: list[str]) -> list[Action]:
    what, place = f"variable {record}", f"variables/name/{record}"
    if wanted == ours:
        return []
    if not wanted:
        return [removal(prefect, what, "no limits in code", place)]
    return [
        creation_or_update(
            prefect,
            what,
            is_there=bool(ours),
            difference="limits",
            create=("variables/", {"name": record, "value": wanted, "tags": [RECORDS]}),
            update=(place, {"value": wanted}),
        )
    ]


def _bring(prefect: Prefect, tag: str, limit: int, registered: int | None) -> Action:
    return creation_or_update(
        prefect,
        f"concurrency limit {tag}",
        is_there=registered is not None,
        difference=f"{registered} to {limit} at once" if registered != limit else "",
        create=("v2/concurrency_limits/", {"name": f"tag:{tag}", "limit": limit, "active": True}),
        update=(PLACE + tag, {"limit": limit}),
        reason=f"{limit} at once",
    )
