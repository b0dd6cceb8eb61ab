"""The table in words.yaml, and the sentences that are made with it."""

from functools import cache
from pathlib import Path
from typing import Any

import yaml

from scripts.gate.diff.values import LONGEST, show

# The lists of a type's attributes: what another value does.
SIGNS = ("any", "more", "less", "kept", "same")


@cache
def table() -> dict[str, Any]:
    """words.yaml as it stands there."""
    found: dict[str, Any] = yaml.safe_load(Path(__file__).with_suffix(".yaml").read_text())
    return found


def signs_of(type_: str) -> dict[str, str]:
    """The attributes of a resource type that have words, in the table's order, with their list."""
    entry = table()["types"].get(type_, {})
    return {attribute: sign for sign in SIGNS for attribute in entry.get(sign, ())}


def plain(attribute: str, path: str = "") -> str:
    """`kms_key_id` → `kms key`."""
    return f"{attribute.removesuffix('_id').replace('_', ' ')} {path}".strip()


def change_words(attribute: str, path: str, before: Any, after: Any) -> str:
    """One value that changes: `retention in days now 30, before 365`."""
    if path.endswith("”"):
        return f"{plain(attribute, path)} is {'new' if before is None else 'gone'}"
    if isinstance(before, str) and isinstance(after, str):
        before, after = _from_where_they_differ(before, after)
    now, then = ("none" if value is None else show(value) for value in (after, before))
    return f"{plain(attribute, path)} now {now}, before {then if then != now else 'another one there'}"


def _from_where_they_differ(one: str, other: str) -> tuple[str, str]:
    """Two long texts without the words that both begin with."""
    same = next((at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), 0)
    start = one.rfind(" ", 0, same) + 1 if max(len(one), len(other)) > LONGEST else 0
    return (f"…{one[start:]}", f"…{other[start:]}") if start else (one, other)
