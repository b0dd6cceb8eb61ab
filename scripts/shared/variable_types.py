"""The variables that a Terraform root declares in variables.tf: types, defaults and simple validations."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from scripts.shared import hcl_file
from scripts.shared.hcl_file import Block, Value

SINGULAR = {"string": "a string", "number": "a number", "bool": "true or false", "any": "a value"}
# Conditions about the variable alone. Terraform judges the others.
REGEX = re.compile(r'(?<!!)can\(regex\("((?:[^"\\]|\\.)*)", var\.(\w+)\)\)')
RESERVED = re.compile(r'var\.(\w+) != "([^"]*)"')
CHOICE = re.compile(r"contains\(\[([^\]]*)\], var\.(\w+)\)")


@dataclass(frozen=True)
class Type:
    """A type constraint. `element` is that of a list, set or map; `attributes` are those of an object."""

    kind: str
    element: "Type | None" = None
    attributes: dict[str, "Type"] = field(default_factory=dict)
    is_optional: bool = False

    def __str__(self) -> str:
        if self.kind == "object":
            return f"an object with {', '.join(self.attributes)}"
        return SINGULAR.get(self.kind) or f"a {self.kind} of {self.element.kind if self.element else 'value'}s"


@dataclass(frozen=True)
class Variable:
    """A declared variable. `forms` are (pattern, what is expected) that its value must match."""

    type: Type
    is_required: bool
    default: Any
    forms: tuple[tuple[str, str], ...]


@cache
def declared(root: Path) -> dict[str, Variable]:
    """The variables of a root by name."""
    blocks = [block for block in hcl_file.read(root / "variables.tf").blocks if block.kind == "variable"]
    return {block.labels[0]: _variable(block) for block in blocks}


def _variable(block: Block) -> Variable:
    values = {entry.key: entry.value for entry in block.body.entries}
    default = values.get("default")
    return Variable(
        type=_type(values["type"]) if "type" in values else Type("any"),
        is_required=default is None,
        default=default.plain() if default else None,
        forms=tuple(form for inner in block.body.blocks for form in _forms(block.labels[0], inner)),
    )


def _type(value: Value) -> Type:
    if value.kind == "name":
        return Type(str(value.content))
    inner = value.items[0]
    match value.content:
        case "optional":
            known = _type(inner)
            return Type(known.kind, known.element, known.attributes, is_optional=True)
        case "object":
            return Type("object", attributes={entry.key: _type(entry.value) for entry in inner.entries})
    return Type(str(value.content), element=_type(inner))


def _forms(name: str, validation: Block) -> Iterator[tuple[str, str]]:
    """What a validation asks of the variable alone: a regular expression, or one of some words."""
    values = {entry.key: entry.value for entry in validation.body.entries}
    condition, message = values["condition"].text.strip(), values["error_message"].text.strip('"')
    _, _, expected = message.partition("; expected ")
    if "||" in condition.removeprefix(f"var.{name} == null || ") or "${" in expected:
        return
    for pattern, of in REGEX.findall(condition):
        if of == name:
            yield pattern.replace("\\\\", "\\"), expected
    for of, word in RESERVED.findall(condition):
        if of == name:
            yield f"^(?!{word}$)", expected
    for words, of in CHOICE.findall(condition):
        if of == name:
            choices = "|".join(re.findall(r'"([^"]*)"', words))
            yield f"^({choices})$", expected
