"""The values of a resource as single ones by their path, and what it means that one becomes another."""

import json
import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from math import inf
from typing import Any

from scripts.gate.diff.line import Kind
from scripts.gate.reading.documents import containers
from scripts.gate.reading.plan import UNKNOWN, Plan, Resource
from scripts.gate.reading.references import is_configured, origins

EMPTY: tuple[Any, ...] = (None, "", [], {})
# What tells an item of a list from the others.
KEYS = ("name", "id", "rule_no")
RANKS = {"enabled": 1.0, "active": 1.0, "true": 1.0, "disabled": 0.0, "suspended": 0.0, "inactive": 0.0, "false": 0.0}
# Lists of rules, each told as a whole: half of one says nothing.
WHOLE = ("ingress", "egress", "route")
LONGEST = 160


@dataclass(frozen=True)
class Hidden:
    """A value that Terraform marks as sensitive: compared, never shown."""

    value: str

    def __str__(self) -> str:
        return "a secret value"


def leaves(plan: Plan, resource: Resource, attribute: str, sensitive: Any) -> dict[str, Any]:
    """Each single value below an attribute by its path; `""` is the path of the attribute itself.

    An unknown value is what its expression refers to, and is left out where the HCL does not set it. `sensitive` is
    Terraform's mark for the attribute: any value below it is then hidden.
    """
    found: dict[str, Any] = {}
    for path, where, value in _leaves(resource.after.get(attribute), attribute, ""):
        if value is UNKNOWN:
            references = is_configured(plan, resource, attribute) and origins(plan, resource, where)
            if references:
                found[path] = f"known after the apply, from {', '.join(references)}"
        else:
            found[path] = Hidden(str(value)) if _any(sensitive) else value
    return found


def without_own_digest(plan: Plan) -> Callable[[Any], Any]:
    """A function that takes the digest of the plan's own image out of a value: any change of the sources changes it."""
    repository = plan.variable("image_repository")
    images = [str(item.get("image")).partition("@") for each in containers(plan) for item in each.items]
    own = {digest for name, _, digest in images if digest and name.endswith(f"/{repository}")}

    def mask(value: Any) -> Any:
        for digest in own if isinstance(value, str) else ():
            value = value.replace(digest, "(this image)")
        return value

    return mask


def flat(value: Any) -> dict[str, Any]:
    """Each single value below a known one, by its path."""
    return {path: each for path, _, each in _leaves(value, "", "")}


def _leaves(value: Any, where: str, path: str) -> Iterator[tuple[str, str, Any]]:
    """Path with the names of items, path in the HCL, and the value there."""
    if isinstance(value, str) and value[:1] in {"{", "["}:
        with suppress(ValueError, RecursionError):  # It may only look like JSON.
            value = json.loads(value)
    if isinstance(value, dict):
        for key, each in value.items():
            yield from _leaves(each, f"{where}.{key}", f"{path} {key}".lstrip())
    elif isinstance(value, list):
        for number, each in enumerate(value, start=1):
            if isinstance(each, dict) and where in WHOLE:
                rule = " ".join(f"{key} {show(one)}" for key, one in each.items() if one not in EMPTY)
                yield f"“{rule}”", where, rule
            elif isinstance(each, dict):
                key = next((key for key in KEYS if isinstance(each.get(key), str | int) and each[key] != ""), "")
                name = str(each[key]) if key else str(number) if len(value) > 1 else ""
                rest = {other: one for other, one in each.items() if other != key}
                yield from _leaves(rest, where, f"{path} {name}".strip())
            else:
                yield f"{path} “{show(each)}”".strip(), where, each
    elif value not in EMPTY:
        yield path, where, value


def _any(mark: Any) -> bool:
    """Whether any value below a mark of Terraform's is sensitive."""
    if isinstance(mark, dict | list):
        return any(map(_any, mark.values() if isinstance(mark, dict) else mark))
    return bool(mark)


def show(value: Any) -> str:
    """A value for the page: a URL without its path, which may hold a token, and nothing long."""
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    text = re.sub(r"^(\w+://)(?:[^/@]*@)?([^/?#]+)[/?#].*$", r"\1\2/…", " ".join(str(value).split()))
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"


def kind_of(sign: str, path: str, before: Any, after: Any) -> Kind:
    """What a change of one value means, by the attribute's list in words.yaml. What cannot be ordered opens."""
    if sign == "same":
        return "neutral"
    if sign == "any":
        return "opens"
    if None in (before, after) and sign != "kept":
        denies = "action deny" in str(before or after)
        return "opens" if (before is None) is ((sign == "more") is not denies) else "closes"
    if sign == "more" and path:
        return "opens"
    was, becomes = (_rank(value, sign) for value in (before, after))
    if was is None or becomes is None or was == becomes:
        return "opens"
    return "opens" if (becomes > was) is (sign == "more") else "closes"


def _rank(value: Any, sign: str) -> float | None:
    if sign == "kept" and value in (None, 0):
        return inf
    return float(value) if isinstance(value, bool | int | float) else RANKS.get(str(value).lower())
