"""Tells a person what a change of libraries brought: versions, what came along, and the MiB that the image grows by."""

from collections.abc import Iterator

from scripts.libraries.changing import PLACES, Change
from scripts.libraries.edits import Edit


def lines(edit: Edit, changes: list[Change]) -> Iterator[str]:
    """What was edited, a line for each library, and the sum."""
    yield edit.said
    width = max((len(each.name) for each in changes), default=0)
    for each in changes:
        size = f"{each.mib:+8.1f} MiB" if round(each.mib, 1) else " " * 12
        came_along = "" if not edit.name or each.name == edit.name else _why(each)
        yield f"  {each.place:<11}  {each.name:<{width}}  {_versions(each):<22}  {size}  {came_along}".rstrip()
    if not changes:
        yield "  no lock changed"
    image = [each for each in changes if each.place == PLACES["runtime"]]
    if image:
        yield f"The image changes by {sum(each.mib for each in image):+.1f} MiB as installed here."


def _versions(change: Change) -> str:
    if not change.old:
        return f"+ {change.new}"
    return f"{change.old} → {change.new}" if change.new else f"- {change.old}"


def _why(change: Change) -> str:
    return "comes along" if not change.old else "no longer needed" if not change.new else "changes with it"
