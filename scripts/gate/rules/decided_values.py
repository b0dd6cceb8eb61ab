"""Somebody decided about every argument of every resource, and its value is one that the decision allows."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from scripts.gate.decisions.forms import Form, FormError, Forms, is_absent
from scripts.gate.decisions.tables import Table, every_type, tables
from scripts.gate.reading.plan import UNKNOWN, Finding, Plan, Resource, without_indexes
from scripts.gate.reading.references import block_of, describe_value, is_configured, origins, targets
from scripts.gate.reading.secret_values import secret_kind
from scripts.shared.refusal import Refusal

OURS = True
WHERE = "a decision in scripts/gate/decisions/, or in terraform/environments/decisions/ for a type of your own"


@dataclass(frozen=True)
class Leaf:
    """What one path may be, `network_configuration.subnets`."""

    path: str
    form: Form


# What is decided of a block: by name a form, the names inside it, or None where a rule or nobody needs to judge it.
Block = dict[str, "Leaf | Block | None"]


def check(plan: Plan) -> Iterator[Finding]:
    forms = Forms(plan)
    decisions: dict[str, Decisions] = {}
    for resource in plan.planned():
        table = tables().get(resource.type)
        if table is None:
            yield Finding(resource.address, f"{resource.type}, a type that no decision is about", WHERE)
            continue
        if resource.type not in decisions:
            decisions[resource.type] = Decisions(resource.type, table, forms)
        yield from judge(plan, resource, decisions[resource.type].of(resource), resource.after)
    for type_, table in tables().items():
        if table.known:
            yield from decisions.get(type_, Decisions(type_, table, forms)).missing(plan)
        for argument, owners in table.every.items():
            yield from lacking(plan, type_, argument, owners, table.file)


def lacking(plan: Plan, type_: str, argument: str, owners: str, file: str) -> Iterator[Finding]:
    """A finding for each resource of the type `owners` that no resource of `type_` names in this argument."""
    named = {one.address for each in plan.planned(type_) for one in targets(plan, each, argument, owners)}
    for owner in plan.planned(owners):
        if owner.address not in named:
            yield Finding(owner.address, f"no {type_}", f"one whose {argument} is this, as {file} says")


def listed(plan: Plan) -> str:
    """What a reader of somebody else's plan may want to know: types that no decision is about."""
    unknown = sorted({one.type for one in plan.planned()} - set(tables()))
    return f"; no decision is about {', '.join(unknown)}" if unknown else ""


class Decisions:
    """The decisions about one type, with one plan's facts. Each form is made once, and only if a resource needs it."""

    def __init__(self, type_: str, table: Table, forms: Forms) -> None:
        self.type, self.table, self.forms = type_, table, forms
        self.leaves: dict[tuple[str, int], Leaf] = {}
        self.blocks: dict[int, Block] = {}
        self.known: list[tuple[str, Form]] = []
        for entry in table.known:
            selector = next(path for path in entry if path != "with")
            self.known.append((selector, self._leaf(selector, entry[selector]).form))
        self.seen: set[int] = set()

    def of(self, resource: Resource) -> Block:
        """What holds for this resource: of one that must be there, more."""
        after = resource.after
        number = next((at for at, (name, form) in enumerate(self.known) if form.fits(after.get(name))), -1)
        self.seen.add(number)
        if number not in self.blocks:
            entry = self.table.known[number] if number >= 0 else {}
            values = self.table.values | {path: told for path, told in entry.items() if path != "with"}
            self.blocks[number] = self._block(values)
        return self.blocks[number]

    def missing(self, plan: Plan) -> Iterator[Finding]:
        """A finding for each resource that must be there and was not asked for with `of`."""
        for number, (selector, form) in enumerate(self.known):
            module = self.table.known[number].get("with")
            if number not in self.seen and (not module or _has_module(plan, module)):
                got = f"none with {selector} = {form.text}"
                yield Finding(self.type, got, f"one, as {self.table.file} says")

    def _block(self, values: dict[str, Any]) -> Block:
        block: Block = dict.fromkeys(every_type().paths())
        settled = dict.fromkeys([*self.table.rules, *self.table.harmless])
        for path in settled | values:
            *outer, last = path.split(".")
            inside = block
            for step in outer:
                found = inside.get(step)
                if not isinstance(found, dict):
                    found = inside[step] = {}
                inside = found
            inside[last] = self._leaf(path, values[path]) if path in values else None
        return block

    def _leaf(self, path: str, told: Any) -> Leaf:
        key = path, id(told)
        if key not in self.leaves:
            try:
                self.leaves[key] = Leaf(path, self.forms.form(told))
            except FormError as error:
                raise Refusal(f"{self.table.file}: {self.type}.{path}: {error}") from None
        return self.leaves[key]


def _has_module(plan: Plan, name: str) -> bool:
    return any(without_indexes(one.module) == f"module.{name}" for one in plan.planned())


def judge(plan: Plan, resource: Resource, block: Block, values: Any, outer: str = "") -> Iterator[Finding]:
    """The findings in one block of a resource, `values`; `outer` is its path with a dot at the end."""
    for name, decision in block.items():
        value = values.get(name)
        if isinstance(decision, Leaf):
            form = decision.form
            single = form.whole or not isinstance(value, list) or not value
            for one in (value,) if single else value:
                if not form.fits(one) and not _is_excused(plan, resource, decision, one):
                    yield Finding(resource.address, _describe(plan, resource, decision, one), form.text)
        elif decision is not None:
            # A block that is missing is one in which nothing is set.
            for one in value if isinstance(value, list) and value else [value or {}]:
                inner = one if isinstance(one, dict) or one is UNKNOWN else {}
                yield from judge(plan, resource, decision, inner, f"{outer}{name}.")
    for name in values if isinstance(values, dict) else ():
        if name not in block and not is_absent(values[name]) and is_configured(plan, resource, f"{outer}{name}"):
            yield Finding(resource.address, f"{outer}{name}, an argument that no decision is about", WHERE)


def _describe(plan: Plan, resource: Resource, leaf: Leaf, value: Any) -> str:
    """The value in words, without what may be a secret."""
    if leaf.form.differs and value is not UNKNOWN and value is not None:
        return f"{leaf.path}{leaf.form.differs(value)}"
    if isinstance(value, dict):
        return f"{leaf.path} set to a block or a map"
    if isinstance(value, str) and (kind := secret_kind(leaf.path, value)):
        return f"{leaf.path} that holds {kind}"
    return describe_value(plan, resource, leaf.path, value)


def _is_excused(plan: Plan, resource: Resource, leaf: Leaf, value: Any) -> bool:
    """Whether a value that does not fit is not the code's, or comes from where it may."""
    if value is UNKNOWN and not is_configured(plan, resource, leaf.path):
        return leaf.form.unset
    if leaf.form.sources and comes_from(plan, resource, leaf.path, value, leaf.form.sources):
        return True
    # What the code leaves out and stands there already was filled in by AWS or the provider.
    left_out = (leaf.form.unset or leaf.form.fits(None)) and not is_configured(plan, resource, leaf.path)
    return left_out and _is_before(resource, leaf.path, value)


def comes_from(plan: Plan, resource: Resource, path: str, value: Any, sources: tuple[str, ...]) -> bool:
    """Whether a value is made from one of the attributes, such as `aws_vpc.id`, and from no data source."""
    types = [source.partition(".")[0] for source in sources]
    if value is not UNKNOWN:
        if not isinstance(value, str):
            return False
        named = any(one.type in types for one in plan.identities.get(value, ()))
        pairs = (source.split(".") for source in sources)
        return named or any(one.after.get(name) == value for type_, name in pairs for one in plan.planned(type_))
    found = [block_of(origin) for origin in origins(plan, resource, path)]
    kinds = [(block.split(".")[-2], attribute) for block, attribute in found if "." in block]
    if any(kind == "data" for kind, _ in kinds):
        return False
    return any(type_ in types and (not attribute or f"{type_}.{attribute}" in sources) for type_, attribute in kinds)


def _is_before(resource: Resource, path: str, value: Any) -> bool:
    before: list[Any] = [resource.before]
    for step in path.split("."):
        before = [one.get(step) for one in before if isinstance(one, dict)]
        before = [each for one in before for each in (one if isinstance(one, list) else [one])]
    return value in before if not isinstance(value, list) else all(one in before for one in value)
