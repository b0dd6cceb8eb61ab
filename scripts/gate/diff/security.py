"""What a change does to security: policies, containers, and every attribute that words.yaml has words for."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

from scripts.gate.diff.containers import changed_containers
from scripts.gate.diff.grants import changed_grants
from scripts.gate.diff.line import KINDS, Comparison, Line, in_order
from scripts.gate.diff.values import kind_of, leaves, show, without_own_digest
from scripts.gate.diff.words import change_words, plain, signs_of, table
from scripts.gate.reading.documents import documents
from scripts.gate.reading.plan import UNKNOWN, Plan, Resource
from scripts.gate.reading.references import is_configured

NAMES = ("name", "alarm_name", "bucket", "family", "role", "rule")


def applied(plan: Plan) -> Plan:
    """What is applied, as a plan that changes nothing: each resource as it was before."""
    changes = [
        one | {"change": {"actions": ["no-op"], "before": before, "after": before, "after_sensitive": mark}}
        for one in plan.data.get("resource_changes") or []
        if (before := one["change"].get("before")) is not None
        for mark in [one["change"].get("before_sensitive")]
    ]
    return Plan(plan.data | {"resource_changes": changes})


def compare_applied(plan: Plan) -> Comparison:
    """A plan compared with what it found applied."""
    base = applied(plan)
    if not base.resources and plan.resources:
        return Comparison(problem="Nothing is applied yet: everything is new.")
    return Comparison("what is applied", security_lines(base, plan))


def security_lines(base: Plan, head: Plan) -> tuple[Line, ...]:
    """What `head` opens, closes and changes against `base`; none if nothing about security changes."""
    old, new = _Side(base), _Side(head)
    both = [address for address in new.resources if address in old.resources]
    lines = [*changed_grants(base, head), *changed_containers(base, head)]
    lines += [line for address in both for line in _changed(old, new, address)]
    gone, fresh = (
        [one for address, one in side.resources.items() if address not in other.resources]
        for side, other in ((old, new), (new, old))
    )
    lines += _moved([old.whole(one, "gone") for one in gone], [new.whole(one, "new") for one in fresh])
    lines += _by_type(base, gone, fresh)
    return tuple(in_order(lines))


class _Side:
    """A plan's resources by address, with what they hold."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.resources = {one.address: one for one in plan.planned()}
        self._sensitive = {
            one.get("address"): one["change"].get("after_sensitive") for one in plan.data.get("resource_changes") or []
        }
        self._mask = without_own_digest(plan)
        # Their policies and containers are compared elsewhere.
        self.told: dict[str, set[str]] = {}
        for one in documents(plan):
            self.told.setdefault(one.address, set()).add(one.attribute.partition("[")[0])
        for task in plan.planned("aws_ecs_task_definition"):
            self.told.setdefault(task.address, set()).add("container_definitions")

    def values(self, resource: Resource, attribute: str) -> dict[str, Any]:
        marks = self._sensitive.get(resource.address)
        mark = marks.get(attribute) if isinstance(marks, dict) else marks
        return {path: self._mask(each) for path, each in leaves(self.plan, resource, attribute, mark).items()}

    def sets(self, resource: Resource, attribute: str) -> bool:
        return is_configured(self.plan, resource, attribute)

    def whole(self, resource: Resource, when: str) -> Line | None:
        """A resource that is new or gone, if its type has words: with the attributes that have."""
        if not (entry := table()["types"].get(resource.type)):
            return None
        parts = [
            plain(attribute, _named(path, value))
            for attribute in signs_of(resource.type)
            for path, value in self.values(resource, attribute).items()
        ]
        return Line(entry.get(when, "neutral"), _subject(resource), f"{when}{': ' if parts else ''}{', '.join(parts)}")


def _changed(old: _Side, new: _Side, address: str) -> Iterator[Line]:
    before, after = old.resources[address], new.resources[address]
    signs, others = signs_of(after.type), []
    told = ({*table()["harmless"]} - signs.keys()) | old.told.get(address, set()) | new.told.get(address, set())
    for attribute in sorted({*before.after, *after.after} - told):
        if after.after.get(attribute) is UNKNOWN and not (old.sets(before, attribute) or new.sets(after, attribute)):
            continue  # The provider's own, such as a new id.
        was, becomes = old.values(before, attribute), new.values(after, attribute)
        # Terraform writes null for the 0 or false that AWS answers.
        differing = [path for path in {**was, **becomes} if (was.get(path) or None) != (becomes.get(path) or None)]
        if differing and attribute not in signs:
            others.append(attribute)
            continue
        sign = signs.get(attribute, "")
        for path, there in _blocks(differing, was, becomes).items():
            kinds = [kind_of(sign, one, was.get(one), becomes.get(one)) for one in there]
            kind = min(kinds, key=KINDS.index)
            if there != [path]:
                rest = ", ".join(
                    _named(one.removeprefix(path).strip(), becomes[one]) for one in there if one in becomes
                )
                words = f"{plain(attribute, path)} is {f'new: {rest}' if rest else 'gone'}"
            else:
                then, now = (
                    "for ever" if sign == "kept" and not side.get(path) else side.get(path) for side in (was, becomes)
                )
                words = change_words(attribute, path, then, now)
            yield Line(kind, _subject(after), words)
    if others:
        yield Line("neutral", _subject(after), f"other changes: {', '.join(others)}")


def _blocks(differing: list[str], was: dict[str, Any], becomes: dict[str, Any]) -> dict[str, list[str]]:
    """The paths that differ; those of a block that is wholly new or gone below the path of the block."""
    found: dict[str, list[str]] = {}
    for path in differing:
        other = becomes if path in was else was
        steps = [path[: at.start()] for at in re.finditer(" ", path.partition("“")[0].rstrip())] + [path]
        whole = [step for step in steps if not any(f"{one} ".startswith(f"{step} ") for one in other)]
        found.setdefault(whole[0] if whole and (path in was) is not (path in becomes) else path, []).append(path)
    return found


def _moved(gone: Iterable[Line | None], fresh: Iterable[Line | None]) -> list[Line]:
    """Lines of what is gone and new, without what only has another address: it is the same in every word."""

    def counted(lines: Iterable[Line | None]) -> Counter[tuple[str, str]]:
        return Counter((line.subject, line.words.partition(": ")[2]) for line in lines if line)

    gone, fresh = list(gone), list(fresh)
    both = counted(gone) & counted(fresh)
    return [line for line in (*gone, *fresh) if line and not both[line.subject, line.words.partition(": ")[2]]]


def _by_type(base: Plan, gone: list[Resource], fresh: list[Resource]) -> Iterator[Line]:
    """How many resources come and go of each type that has no words."""
    known = {one.type for one in base.planned()}
    for kind in sorted({one.type for one in (*gone, *fresh)} - set(table()["types"])):
        counts = [sum(one.type == kind for one in some) for some in (fresh, gone)]
        words = [f"{count} {word}" for count, word in zip(counts, ("new", "gone"), strict=True) if count]
        first = "" if kind in known else ", the first of this type"
        yield Line("neutral", kind, f"{' and '.join(words)}{first}")


def _named(path: str, value: Any) -> str:
    return path if path.endswith("”") else f"{path} {show(value)}".strip()


def _subject(resource: Resource) -> str:
    noun = table()["types"].get(resource.type, {}).get("noun")
    name = next((value for key in NAMES if isinstance(value := resource.after.get(key), str) and value), "")
    return f"{noun} {name or resource.address}" if noun else resource.address
