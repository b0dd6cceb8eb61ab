"""Rights that policies gain or lose: roles, boundaries, trust and the policies of resources."""

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from scripts.gate.diff.line import Kind, Line
from scripts.gate.reading.documents import Condition, Document, Statement, action_matches, documents
from scripts.gate.reading.plan import Plan

ALL_BUT = "everything but "
OPERATORS = {"stringequals": "=", "arnequals": "=", "bool": "=", "stringlike": "like", "arnlike": "like"}
NAMES = ("role", "name", "bucket", "policy_name")
# Without a policy these let everything through.
OPEN_WITHOUT = ("aws_vpc_endpoint",)


class Grant(NamedTuple):
    """One action on one resource. `principal` is empty in a role's own policy, `resource` in a trust policy."""

    effect: str
    principal: str
    action: str
    resource: str
    conditions: frozenset[Condition] = frozenset()


def changed_grants(base: Plan, head: Plan) -> Iterator[Line]:
    """Each right that head gives or denies and base does not, and the other way round."""
    old, new = _by_subject(base), _by_subject(head)
    without = _without_policy(base, head)
    for subject in {**old, **new, **dict.fromkeys(without)}:
        if subject in without:
            yield Line("opens", subject, "has no policy, so AWS lets everything through")
            continue
        had, has = (_grants(side.get(subject, [])) for side in (old, new))
        yield from grant_lines(subject, had, has)
        before = {document.problem for document in old.get(subject, [])}
        for document in new.get(subject, []):
            if document.problem and document.problem not in before:
                yield Line("opens", subject, f"its policy is {document.problem}, so this cannot say what it allows")


def grant_lines(subject: str, had: set[Grant], has: set[Grant]) -> Iterator[Line]:
    """What a subject may now and what it may no longer, in words."""
    gained = [one for one in has - had if not any(_covers(other, one) for other in had)]
    lost = [one for one in had - has if not any(_covers(other, one) for other in has)]
    yield from _lines(subject, "now", gained, had - has)
    yield from _lines(subject, "no longer", lost, has - had)


def _without_policy(base: Plan, head: Plan) -> set[str]:
    """Addresses that must have a policy, and have none any more or are new."""
    had, has = ({one.address for one in documents(plan)} for plan in (base, head))
    there = {one.address for one in base.planned()}
    bare = {one.address for one in head.planned(*OPEN_WITHOUT)} - has
    return {address for address in bare if address in had or address not in there}


def _by_subject(plan: Plan) -> dict[str, list[Document]]:
    found: dict[str, list[Document]] = {}
    for document in documents(plan):
        found.setdefault(_subject(document), []).append(document)
    return found


def _subject(document: Document) -> str:
    """Whose rights they are: a role's documents stay together, whatever each is called."""
    resource = document.resource
    if document.kind == "resource":
        return resource.address
    name = next((value for key in NAMES if isinstance(value := resource.after.get(key), str)), resource.address)
    if document.kind == "trust":
        return f"trust of role {name}"
    if resource.type == "aws_iam_policy":
        return f"{'boundary' if document.kind == 'boundary' else 'policy'} {name}"
    return f"{resource.type.removeprefix('aws_iam_').partition('_')[0]} {name}"


def _grants(some: Iterable[Document]) -> set[Grant]:
    return {grant for document in some for statement in document.statements for grant in _of_statement(statement)}


def _of_statement(statement: Statement) -> Iterator[Grant]:
    actions = statement.actions or (ALL_BUT + ", ".join(statement.not_actions),)
    resources = statement.resources or (
        (ALL_BUT + ", ".join(statement.not_resources),) if statement.not_resources else ("",)
    )
    names = ["everybody" if name == "*" else f"{kind} {name}" for kind, name in statement.principals]
    if statement.not_principals:
        names = ["everybody but those named"]
    for principal in names or [""]:
        for action in actions:
            for resource in resources:
                yield Grant(statement.effect, principal, action, resource, frozenset(statement.conditions))


def _covers(wide: Grant, narrow: Grant) -> bool:
    """Whether `wide` says everything that `narrow` says. When in doubt it does not, and both are shown."""
    return (
        wide.effect == narrow.effect
        and wide.principal in {narrow.principal, "everybody"}
        and _is_wider(wide.action, narrow.action)
        and _is_wider(wide.resource, narrow.resource)
        and all(any(_is_looser(one, other) for other in narrow.conditions) for one in wide.conditions)
    )


def _is_wider(pattern: str, other: str) -> bool:
    # A `?` could stand for the `*` of the other pattern, which is more than one character.
    return pattern == other or (not {"?", " "} & set(pattern) and action_matches(pattern, other))


def _is_looser(condition: Condition, other: Condition) -> bool:
    """Whether whoever meets `other` meets the condition: it has the same values, or more of those that may be."""
    same = condition[:2] == other[:2] and set(condition.values) >= set(other.values)
    return same and ("not" not in condition.operator or len(set(condition.values)) == len(set(other.values)))


def _lines(subject: str, when: str, some: list[Grant], other_side: set[Grant]) -> Iterator[Line]:
    """One line for all actions on the same resources, with what the other side has of the same in brackets."""
    bound = subject.startswith("boundary")
    for whole, group in _merged(some):
        parts = _merged(part for part in other_side if any(_covers(one, part) for one in group))
        what = "; ".join(_what(part) for part, _ in parts)
        hint = f" ({'before' if when == 'now' else 'still'}: {what})" if parts else ""
        verb = f"is {when} denied" if whole.effect == "Deny" else f"{when} allows" if bound else f"may {when}"
        kind: Kind = "opens" if (whole.effect == "Deny") is (when != "now") else "closes"
        yield Line(kind, subject, f"{whole.principal} {verb} {_what(whole)}{hint}".lstrip())


def _merged(some: Iterable[Grant]) -> list[tuple[Grant, list[Grant]]]:
    """Grants that differ in one of action and resource made one, with those that it is made of."""
    found = [(one, [one]) for one in sorted(some, key=lambda grant: grant[:4])]
    for field in ("action", "resource"):
        groups: dict[Grant, list[tuple[Grant, list[Grant]]]] = {}
        for one, members in found:
            blank: dict[str, Any] = {field: ""}
            groups.setdefault(one._replace(**blank), []).append((one, members))
        found = []
        for one, group in groups.items():
            joined: dict[str, Any] = {field: ", ".join(getattr(each, field) for each, _ in group)}
            found.append((one._replace(**joined), [member for _, members in group for member in members]))
    return found


def _what(grant: Grant) -> str:
    on = f" on {grant.resource}" if grant.resource else ""
    conditions = sorted(
        f"{one.key} {OPERATORS.get(one.operator, one.operator)} {' or '.join(one.values)}" for one in grant.conditions
    )
    return f"{grant.action}{on}{' if ' + ' and '.join(conditions) if conditions else ''}"
