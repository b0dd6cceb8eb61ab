"""What the containers of task definitions gain or lose: secrets, images, commands."""

from collections.abc import Iterator
from typing import Any

from scripts.gate.diff.line import Kind, Line
from scripts.gate.diff.values import flat, kind_of, show, without_own_digest
from scripts.gate.diff.words import SIGNS, change_words, table
from scripts.gate.reading.documents import containers
from scripts.gate.reading.plan import Plan


def changed_containers(base: Plan, head: Plan) -> Iterator[Line]:
    """Each container that is new or gone, and each key of one that changes."""
    old, new = _containers(base), _containers(head)
    for subject in {**old, **new}:
        was, becomes = old.get(subject), new.get(subject)
        if was is None or becomes is None:
            kind: Kind = "neutral" if was else "opens"
            secrets = [str(one.get("valuefrom")) for one in (becomes or {}).get("secrets") or []]
            reads = f", reads secrets {', '.join(secrets)}" if secrets else ""
            yield Line(
                kind, subject, f"{'gone' if was else 'new'}: image {show((becomes or was or {})['image'])}{reads}"
            )
        else:
            yield from _changed(subject, was, becomes)
    for one in containers(head):
        if one.problem and one.problem not in {each.problem for each in containers(base)}:
            yield Line("opens", one.resource.address, f"its containers are {one.problem}")


def _containers(plan: Plan) -> dict[str, dict[str, Any]]:
    mask = without_own_digest(plan)
    return {
        f"container {item.get('name')} of task {each.resource.after.get('family') or each.resource.address}": item
        | {"image": mask(str(item.get("image")))}
        for each in containers(plan)
        for item in each.items
    }


def _changed(subject: str, before: dict[str, Any], after: dict[str, Any]) -> Iterator[Line]:
    signs = {key: sign for sign in SIGNS for key in table()["container"].get(sign, ())}
    for key in sorted({*before, *after} - set(table()["container"]["harmless"])):
        was, becomes = (_values(key, side) for side in (before, after))
        for path in {**was, **becomes}:
            values = was.get(path), becomes.get(path)
            if values[0] == values[1]:
                continue
            kind = kind_of(signs.get(key, "any"), path, *values)
            if key == "environment":  # Only their names: a value may be what should have been a secret.
                what = "is new" if values[0] is None else "is gone" if values[1] is None else "has another value"
                yield Line(kind, subject, f"variable {path.removesuffix(' value')} {what}")
            else:
                yield Line(kind, subject, change_words(key, path, *values))


def _values(key: str, container: dict[str, Any]) -> dict[str, Any]:
    value = container.get(key)
    if key in {"command", "entrypoint"} and isinstance(value, list):
        return {"": " ".join(map(str, value))} if value else {}
    return {path.removesuffix(" valuefrom"): each for path, each in flat(value).items()}
