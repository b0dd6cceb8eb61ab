"""Follows references in the plan's configuration through modules, to the resources that an expression uses."""

import re
from collections.abc import Iterator
from typing import Any

from scripts.gate.reading.plan import INDEX, UNKNOWN, Plan, Resource, without_indexes

OWN_KEY = ("each.key", "each.value", "count.index")
FREE = ("var.", "local.")
PART = re.compile(r'(?:\[[^\]"]*\]|\["(?:[^"\\]|\\.)*"\]|[^.\[])+')


def is_configured(plan: Plan, resource: Resource, attribute: str) -> bool:
    """Whether the HCL sets it, `a` or `block.a`. If not, its unknown value is only the provider's default."""
    expressions = _block(plan, resource).get("expressions") or {}
    if "." not in attribute:
        return attribute in expressions
    waiting = [_expression_at(expressions, attribute.split("."))]
    for one in waiting:
        waiting.extend(one if isinstance(one, list) else ())
    return any(one is not None and not isinstance(one, list) for one in waiting)


def origins(plan: Plan, resource: Resource, attribute: str) -> list[str]:
    """What the attribute's expression refers to in the end, such as `module.network.aws_subnet.private.id`.

    Ends at resources, root variables and locals: a plan does not show what a local is made of.
    """
    block = _block(plan, resource)
    module = without_indexes(resource.module)
    found: dict[str, None] = {}
    each = list(_references(block.get("for_each_expression")))
    for reference in _references(_expression_at(block.get("expressions") or {}, attribute.split("."))):
        for step in each if reference.startswith("each.") else [reference]:
            _follow(plan, module, step, found, set())
    return list(found)


def output_origins(plan: Plan, name: str) -> list[str]:
    """What a root output refers to in the end."""
    found: dict[str, None] = {}
    output = (plan.modules.get("") or {}).get("outputs", {}).get(name) or {}
    for reference in _references(output.get("expression")):
        _follow(plan, "", reference, found, set())
    return list(found)


def targets(plan: Plan, resource: Resource, attribute: str, *types: str) -> list[Resource]:
    """The planned resources that the attribute points at: by id where it is known, by reference where it is not.

    A reference by `each.key` or `count.index` alone means the instance of the same key; any other index may mean each.
    """
    values = values_at(resource.after, attribute.split("."))
    found = [one for value in values if isinstance(value, str) for one in plan.identities.get(value, ())]
    if any(value is UNKNOWN for value in values):
        found += _referenced_resources(plan, resource, attribute)
    return [one for one in {one.address: one for one in found}.values() if not types or one.type in types]


def describe_value(plan: Plan, resource: Resource, attribute: str, value: Any) -> str:
    """Describe an attribute and its value for a finding: `x = 5`, `x unset` or `x unknown until apply because of …`."""
    if value is UNKNOWN:
        return f"{attribute} {why_unknown(plan, resource, attribute)}"
    if value is None:
        return f"{attribute} unset"
    return f"{attribute} = {str(value).lower() if isinstance(value, bool) else value}"


def why_unknown(plan: Plan, resource: Resource, attribute: str) -> str:
    """`unknown until apply because of …`, with the references that make the attribute unknown."""
    leaves = origins(plan, resource, attribute)
    verdicts = {leaf: _is_unknown(plan, leaf) for leaf in leaves}
    names = [leaf for leaf in leaves if verdicts[leaf]]
    # A root variable is always known; a local or a whole object may be what is not.
    names = names or [leaf for leaf in leaves if verdicts[leaf] is None and not leaf.startswith("var.")]
    return f"unknown until apply because of {', '.join(names)}" if names else "unknown until apply"


def block_of(leaf: str) -> tuple[str, str]:
    """The block that an origin lies in, and the attribute of it: `("module.a.aws_subnet.b", "id")`, or `""` for all."""
    steps = [without_indexes(step) for step in PART.findall(leaf)]
    start = next(i for i in range(0, len(steps) + 1, 2) if i >= len(steps) or steps[i] != "module")
    return ".".join(steps[: start + 2]), "".join(steps[start + 2 : start + 3])


def is_local(block: str) -> bool:
    """Whether a `block_of` is a local, the root's or a module's."""
    return ".local." in f".{block}"


def values_at(value: Any, path: list[str]) -> list[Any]:
    """Every single value at a path such as `network_configuration`, `subnets`; UNKNOWN where it is not known."""
    if value is UNKNOWN or not (path or isinstance(value, list)):
        return [value]
    if isinstance(value, list):
        return [leaf for item in value for leaf in values_at(item, path)]
    return values_at(value.get(path[0]), path[1:]) if isinstance(value, dict) else []


def _referenced_resources(plan: Plan, resource: Resource, attribute: str) -> Iterator[Resource]:
    expression = _expression_at(_block(plan, resource).get("expressions") or {}, attribute.split("."))
    used = list(_references(expression))
    own_key = any(one.startswith(OWN_KEY) for one in used) and not any(one.startswith(FREE) for one in used)
    for leaf in origins(plan, resource, attribute):
        block, _ = block_of(leaf)
        instances = plan.blocks.get(block, [])
        index = INDEX.match(leaf[len(block) :]) if leaf.startswith(block) else None
        wanted = index[0] if index else resource.key if own_key else ""
        exact = [one for one in instances if wanted and one.key == wanted]
        # Inside one module each instance of the module speaks of its own resources.
        same = [one for one in exact or instances if one.module == resource.module]
        yield from same or exact or instances


def _is_unknown(plan: Plan, leaf: str) -> bool | None:
    """None if the plan does not show it."""
    block, attribute = block_of(leaf)
    if block not in plan.blocks or not attribute:
        return None
    return any(instance.after.get(attribute) is UNKNOWN for instance in plan.blocks[block])


def _expression_at(expression: Any, path: list[str]) -> Any:
    """The expression at `network_configuration.subnets`, in every block of that name."""
    if not path or expression is None:
        return expression
    if isinstance(expression, list):
        return [_expression_at(part, path) for part in expression]
    return _expression_at(expression.get(path[0]), path[1:]) if isinstance(expression, dict) else None


def _block(plan: Plan, resource: Resource) -> dict[str, Any]:
    module = plan.modules.get(without_indexes(resource.module)) or {}
    return module.get("blocks", {}).get(f"{resource.type}.{resource.name}") or {}


def _references(expression: Any) -> Iterator[str]:
    """All references below an expression, without those that only repeat the start of a longer one."""
    found = dict.fromkeys(_collect(expression))
    for reference in found:
        if not any(other.startswith((reference + ".", reference + "[")) for other in found):
            yield reference


def _collect(expression: Any) -> Iterator[str]:
    if isinstance(expression, dict):
        references = expression.get("references")
        if isinstance(references, list):
            yield from (reference for reference in references if isinstance(reference, str))
        else:
            expression = list(expression.values())
    if isinstance(expression, list):
        for part in expression:
            yield from _collect(part)


def _follow(plan: Plan, module: str, reference: str, found: dict[str, None], seen: set[str]) -> None:
    address = f"{module}.{reference}".lstrip(".")
    steps = PART.findall(reference)
    if address in seen or len(steps) < 2 or steps[0] in {"count", "each", "path", "self", "terraform"}:
        return
    seen.add(address)
    name = without_indexes(steps[1])
    here = plan.modules.get(module) or {}
    where = module
    if steps[0] == "var" and module:
        following: Any = (here.get("call", {}).get("expressions") or {}).get(name)
        where = module.rpartition("module.")[0].rstrip(".")
    elif steps[0] == "module":
        where = f"{module}.module.{name}".lstrip(".")
        outputs = (plan.modules.get(where) or {}).get("outputs", {})
        wanted = [without_indexes(steps[2])] if len(steps) > 2 else list(outputs)
        following = [(outputs.get(output) or {}).get("expression") for output in wanted]
    elif steps[:2] == ["data", "aws_iam_policy_document"] and len(steps) > 2:
        block = here.get("blocks", {}).get(without_indexes(".".join(steps[:3]))) or {}
        following = block.get("expressions")
    else:
        found[address] = None
        return
    for step in _references(following):
        _follow(plan, where, step, found, seen)
