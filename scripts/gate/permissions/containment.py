"""Proves that policies allow nothing but what the tables say; a finding is a call that they allow all the same.

A role may do what one of its policies allows and its boundary too, less what a statement denies outright. Actions are
expanded from parliament's list of what AWS has, resources are compared as languages (languages.py). A condition is a
fact with values: a line with a condition covers only what has that condition, with its values or some of them.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache

from scripts.gate.permissions.grants import Granted, granted
from scripts.gate.permissions.languages import Texts, shortest
from scripts.gate.permissions.tables import Line, Role, principals, roles
from scripts.gate.reading.documents import Condition, Document, Statement, action_matches, documents
from scripts.gate.reading.plan import Finding, Plan
from scripts.gate.rules.sound_policies import load_parliament

# The same values mean no less under the second operator than under the first.
LOOSER = {("stringequals", "stringlike"), ("arnequals", "arnlike"), ("arnlike", "arnequals")}
PATTERNS = ("stringlike", "arnlike", "arnequals")
VARIABLE = re.compile(r"\$\{[^}]*\}")


@dataclass(frozen=True)
class Calls:
    """What some statements allow together: actions (lower case) on the texts of all `resources`, with conditions."""

    actions: frozenset[str]
    resources: tuple[Texts, ...]
    conditions: frozenset[Condition]

    def narrowed(self, other: "Calls") -> "Calls":
        """What both allow."""
        both = self.actions & other.actions, (*self.resources, *other.resources), self.conditions | other.conditions
        return Calls(*both)


def check(plan: Plan) -> Iterator[Finding]:
    """A finding for each statement that allows what no line says, and for a role or a table alone."""
    tabled = {role.name: role for role in roles(plan)}
    given = granted(plan)
    for name in sorted(set(given) - set(tabled)):
        yield Finding(name, "a role without a table", "one in scripts/gate/permissions/")
    for name in sorted(set(tabled) - set(given)):
        yield Finding(name, "a table without a role", "a role of this name in the plan")
    boundaries: dict[str, tuple[Document, list[Line]]] = {}
    for name in sorted(set(given) & set(tabled)):
        yield from excess(tabled[name], given[name])
        for document in given[name].boundary or ():
            boundaries.setdefault(document.address, (document, []))[1].extend((*tabled[name].may, *tabled[name].bound))
    for document, lines in boundaries.values():
        if document.problem:  # A boundary that nobody can read bounds nothing.
            yield Finding(document.address, f"{document.attribute} {document.problem}", "a boundary that can be read")
        yield from _findings(document, "some role", lines)
    others = principals(plan)
    for document in documents(plan):
        if document.kind == "resource":
            # Once applied, a queue shows the policy that a resource of its own gives it.
            kinds = document.resource.type, f"{document.resource.type}_policy"
            yield from _findings(document, "everybody else", [line for kind in kinds for line in others.get(kind, ())])


def excess(role: Role, given: Granted) -> Iterator[Finding]:
    """A finding for each statement that lets the role do, or somebody be it, what its table does not say."""
    everything = (*given.policies, *(given.boundary or ()))
    denied = [_calls(each) for document in everything for each in document.statements if _is_denied_outright(each)]
    limits = None
    if given.boundary is not None and not any(document.problem for document in given.boundary):
        limits = [_calls(each) for document in given.boundary for each in document.allowed()]
    for document in given.policies:
        yield from _findings(document, f"role {role.name}", role.may, limits, denied)
    for document in given.trust:
        yield from _findings(document, "everybody else", role.trusted)


def _findings(
    document: Document,
    who: str,
    lines: Sequence[Line],
    bound: list[Calls] | None = None,
    denied: Sequence[Calls] = (),
) -> Iterator[Finding]:
    table = ", ".join(dict.fromkeys(line.table for line in lines)) or "no table"
    for statement in document.allowed():
        label = f"{document.attribute} {statement.label}"
        if texts := VARIABLE.findall(" ".join((*statement.resources, *statement.not_resources))):
            yield Finding(document.address, f"{label}: the policy variable {texts[0]}", "resources by their names")
        elif statement.not_principals:
            yield Finding(document.address, f"{label}: NotPrincipal", "principals by their names")
        for principal in dict.fromkeys(statement.principals) or [None]:
            calls = _calls(statement)
            known = [line for line in lines if principal is None or principal in line.principals]
            wrong = {
                action: text for action in calls.actions if (text := _uncovered(action, calls, known, bound, denied))
            }
            if wrong:
                action = min(wrong)
                more = f", and {len(wrong) - 1} calls more" if len(wrong) > 1 else ""
                subject = f"{principal[0]} {principal[1]}" if principal else who
                got = f"{label}: {subject} may {_named(action)} {wrong[action]}{more}"
                yield Finding(document.address, got, f"no more than the lines of {table} say")


def _uncovered(
    action: str, calls: Calls, lines: Sequence[Line], bound: list[Calls] | None, denied: Sequence[Calls]
) -> str:
    """A resource that the action is allowed on though no line says so, in words; empty if there is none."""
    # Of an administrator's 18,000 actions only this one: intersecting them all for each took 10 s.
    calls = Calls(frozenset({action}), tuple(_about(action, each) for each in calls.resources), calls.conditions)
    covering = [line for line in lines if action in _actions(line.actions)]
    refused = [texts.patterns for each in denied if action in each.actions for texts in each.resources if not texts.but]
    found = _example(calls, covering, refused)
    if found is None or bound is None:
        return found or ""
    within = (calls.narrowed(each) for each in bound if action in each.actions)
    return next(filter(None, (_example(each, covering, refused) for each in within)), "")


def _example(calls: Calls, lines: Sequence[Line], refused: list[tuple[str, ...]]) -> str | None:
    def excluded(some: Sequence[Line]) -> tuple[str, ...]:
        patterns = [line.resources or ("*",) for line in some] + refused
        return tuple(sorted({pattern for group in patterns for pattern in group}))

    usable = [line for line in lines if not _missing(line, calls)]
    found = shortest(calls.resources, excluded(usable))
    if found is None:
        return None
    text = f"on {found or '*'}"
    missing = [_missing(line, calls) for line in lines if line not in usable]
    if missing and shortest(calls.resources, excluded(lines)) is None:  # It is the conditions that are missing.
        needed = (f"{each.operator} {each.key} {', '.join(each.values)}" for each in min(missing, key=len))
        text += f" without {' and '.join(needed)}"
    return text


def _missing(line: Line, calls: Calls) -> list[Condition]:
    """The conditions of a line that the calls do not have."""
    return [each for each in line.conditions if not any(_implies(had, each) for had in calls.conditions)]


def _implies(had: Condition, wanted: Condition) -> bool:
    """Whether what meets the first condition meets the second too."""
    if had.key != wanted.key or (had.operator != wanted.operator and (had.operator, wanted.operator) not in LOOSER):
        return False
    if "not" in wanted.operator:
        return set(wanted.values) <= set(had.values)
    if wanted.operator.rpartition(":")[2] in PATTERNS:
        return shortest((Texts(had.values),), tuple(sorted(wanted.values))) is None
    return set(had.values) <= set(wanted.values)


def _is_denied_outright(statement: Statement) -> bool:
    return statement.effect == "Deny" and not (statement.conditions or statement.principals)


def _calls(statement: Statement) -> Calls:
    matched = _actions(statement.not_actions or statement.actions)
    resources = statement.not_resources or statement.resources or ("*",)
    return Calls(
        frozenset(_all_actions()) - matched if statement.not_actions else matched,
        (Texts(resources, but=bool(statement.not_resources)),),
        frozenset(statement.conditions),
    )


@cache
def _actions(patterns: tuple[str, ...]) -> frozenset[str]:
    return frozenset(action for pattern in patterns for action in _expanded(pattern))


@cache
def _expanded(pattern: str) -> tuple[str, ...]:
    if not {"*", "?"} & set(pattern):
        return (pattern.lower(),)
    return tuple(action for action in _all_actions() if action_matches(pattern, action)) or (pattern.lower(),)


@cache
def _all_actions() -> dict[str, str]:
    """Every action of AWS in lower case, and as AWS writes it."""
    names = (
        f"{service['prefix']}:{privilege['privilege']}"
        for service in load_parliament().iam_definition
        for privilege in service["privileges"]
    )
    return {name.lower(): name for name in names}


def _about(action: str, texts: Texts) -> Texts:
    """Without the ARNs of other services: a statement may name several, and an action only ever has its own."""
    services = _services(action)
    if texts.but or not services:
        return texts
    return Texts(tuple(each for each in texts.patterns if _service(each) in {"", *services}))


def _service(pattern: str) -> str:
    """The service of an ARN, or nothing where a wildcard may stand for it."""
    fields = pattern.split(":", 3)
    return fields[2] if len(fields) > 3 and not {"*", "?"} & set("".join(fields[:3])) else ""


@cache
def _services(action: str) -> frozenset[str]:
    """The services in whose ARNs the action's resources are; none where parliament does not know them all."""
    service, _, name = action.partition(":")
    for known in load_parliament().iam_definition:
        if known["prefix"].lower() == service:
            formats = {each["resource"]: each["arn"] for each in known["resources"]}
            types = {
                each["resource_type"].rstrip("*")
                for privilege in known["privileges"]
                if privilege["privilege"].lower() == name
                for each in privilege["resource_types"]
            } - {""}
            if types <= set(formats):
                return frozenset(formats[each].split(":")[2] for each in types)
    return frozenset()


def _named(action: str) -> str:
    return _all_actions().get(action, action)
