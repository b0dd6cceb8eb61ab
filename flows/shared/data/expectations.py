"""What a dataframely rule expects, in words for the person who mends the data."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import dataframely as dy

ANY_ROW = "|"


def expectation(rows: type[dy.Schema], rule: str) -> str:
    """Return what `rule`, such as `month|max`, expects: "at most 12". A rule of the whole row is told by its name."""
    if ANY_ROW not in rule:
        return rule.replace("_", " ")
    name, kind = rule.split(ANY_ROW, 1)
    column: Any = rows.columns()[name]
    own: dict[str, Callable[[], str]] = {
        "nullability": lambda: "a value",
        "min": lambda: f"at least {column.min}",
        "min_exclusive": lambda: f"more than {column.min_exclusive}",
        "max": lambda: f"at most {column.max}",
        "max_exclusive": lambda: f"less than {column.max_exclusive}",
        "is_in": lambda: f"one of {', '.join(map(str, column.is_in))}",
        "regex": lambda: f"text like {column.regex}",
        "min_length": lambda: f"at least {column.min_length} characters",
        "max_length": lambda: f"at most {column.max_length} characters",
        "resolution": lambda: f"a multiple of {column.resolution}",
        "inf": lambda: "a finite number",
        "nan": lambda: "a number",
    }
    if kind in own:
        return own[kind]()
    return kind.removeprefix("check__").replace("_", " ") if kind.startswith("check__") else f"what its {kind} says"
