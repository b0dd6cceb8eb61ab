"""Concurrency limits: how many task runs of a tag may be under way at once, as flows/shared/concurrency.py says."""

import ast
from pathlib import Path

from scripts.registration.actions import CREATE, PRUNE, UNCHANGED, UPDATE, Action
from scripts.registration.api import Conflict, Prefect

FILE = "flows/shared/concurrency.py"
TAG_PREFIX = "data-flows."  # By it a limit is known to be this repository's.
PREFIX = f"tag:{TAG_PREFIX}"  # As Prefect names the limit of a tag.


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


async def limit_actions(prefect: Prefect, wanted: dict[str, int]) -> list[Action]:
    """Create, change or remove the limits of this repository; other limits are not ours to touch."""
    found = await prefect.read_all("v2/concurrency_limits/filter")
    held = {each["name"]: each for each in found if each["name"].startswith(PREFIX)}
    named = {f"tag:{tag}": limit for tag, limit in wanted.items()}

    def bring(name: str, limit: int) -> Action:
        async def update() -> None:
            await prefect.write("PATCH", f"v2/concurrency_limits/{name}", {"limit": limit})

        async def create() -> None:
            try:
                await prefect.write("POST", "v2/concurrency_limits/", {"name": name, "limit": limit, "active": True})
            except Conflict:  # Another registration's, or our own whose answer was lost.
                await update()

        what = f"concurrency limit {name}"
        if name not in held:
            return Action(what, CREATE, f"{limit} at once", create)
        if held[name]["limit"] != limit:
            return Action(what, UPDATE, f"{held[name]['limit']} to {limit} at once", update)
        return Action(what, UNCHANGED)

    def remove(name: str) -> Action:
        place = f"v2/concurrency_limits/{held[name]['id']}"
        return Action(f"concurrency limit {name}", PRUNE, "no longer in code", lambda: prefect.write("DELETE", place))

    return [bring(*each) for each in sorted(named.items())] + [remove(name) for name in sorted(set(held) - set(named))]
