"""An HCL file as it is written: every key and value with its line, even a key that is repeated."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scripts.shared.refusal import Refusal
from scripts.shared.steps import display_path

LITERALS = {"true": True, "false": False, "null": None}


@dataclass(frozen=True)
class Value:
    """A value of `kind` string, number, bool, null, list, object, name (such as `string`), call or expression.

    `content` is the plain value of the first four, and the name of a name or call.
    """

    kind: str
    line: int
    text: str
    content: str | int | float | bool | None = None
    items: "tuple[Value, ...]" = ()
    entries: "tuple[Entry, ...]" = ()

    def plain(self) -> Any:
        """The value as Python has it."""
        if self.kind == "list":
            return [item.plain() for item in self.items]
        if self.kind == "object":
            return {entry.key: entry.value.plain() for entry in self.entries}
        return self.content


@dataclass(frozen=True)
class Entry:
    """One `key = value`."""

    key: str
    line: int
    value: Value


@dataclass(frozen=True)
class Block:
    """One `kind "label" { … }`."""

    kind: str
    labels: tuple[str, ...]
    line: int
    body: "Body"


@dataclass(frozen=True)
class Body:
    """What a file or a block holds."""

    entries: tuple[Entry, ...]
    blocks: tuple[Block, ...]

    def plain(self) -> dict[str, Any]:
        """The values by key, as Python has them."""
        return {entry.key: entry.value.plain() for entry in self.entries}


def read(path: Path) -> Body:
    """The content of a file.

    Raises:
        Refusal: it is no HCL; with the line where reading stopped.
    """
    import hcl2  # Only commands that read these files need it, and the image does not hold it.
    from lark.exceptions import UnexpectedInput

    try:
        text = path.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise Refusal(f"{display_path(path)}: cannot be read ({error}); expected a text file.") from None
    try:
        tree = hcl2.parses_to_tree(text)
    except UnexpectedInput as error:
        line = error.line if isinstance(error.line, int) and error.line > 0 else len(text.splitlines())
        raise Refusal(
            f"{display_path(path)}:{line}: got text that is not HCL; expected, for example, `key = value`."
        ) from None
    return _body(tree.children[0], text)


def _trees(tree: Any, *kinds: str) -> Iterator[Any]:
    """The children that are trees, of these kinds if any are given."""
    for child in tree.children:
        if hasattr(child, "data") and (not kinds or child.data in kinds):
            yield child


def _body(tree: Any, text: str) -> Body:
    pairs = [list(_trees(each)) for each in _trees(tree, "attribute")]
    entries = [Entry(_label(pair[0]), pair[0].meta.line, _value(pair[-1], text)) for pair in pairs]
    return Body(tuple(entries), tuple(_block(each, text) for each in _trees(tree, "block")))


def _block(tree: Any, text: str) -> Block:
    kind, *labels = [_label(each) for each in _trees(tree, "identifier", "string")]
    return Block(kind, tuple(labels), tree.meta.line, _body(next(_trees(tree, "body")), text))


def _label(tree: Any) -> str:
    return str(_string(tree)) if tree.data == "string" else str(tree.children[0])


def _string(tree: Any) -> str | None:
    """The content of a quoted string, None if something is interpolated."""
    parts = [part for each in _trees(tree, "string_part") for part in each.children]
    if any(hasattr(part, "data") for part in parts):
        return None
    written = "".join(map(str, parts)).replace("$${", "${").replace("%%{", "%{")
    try:
        return str(json.loads(f'"{written}"'))  # JSON has the same escapes.
    except ValueError:
        return None


def _value(tree: Any, text: str) -> Value:
    line, written = tree.meta.line, text[tree.meta.start_pos : tree.meta.end_pos]
    inner = list(_trees(tree)) if tree.data == "expr_term" else []
    if len(inner) != 1:
        return Value("expression", line, written)
    (term,) = inner
    match str(term.data):
        case "string" if (content := _string(term)) is not None:
            return Value("string", line, written, content)
        case "heredoc_template":
            return Value("string", line, written, "\n".join(str(term.children[0]).splitlines()[1:-1]) + "\n")
        case "int_lit":
            return Value("number", line, written, int(term.children[0]))
        case "float_lit":
            return Value("number", line, written, float(term.children[0]))
        case "literal_value":
            literal = LITERALS[str(term.children[0])]
            return Value("null" if literal is None else "bool", line, written, literal)
        case "identifier":
            return Value("name", line, written, str(term.children[0]))
        case "tuple":
            return Value("list", line, written, items=tuple(_value(each, text) for each in _trees(term, "expr_term")))
        case "object":
            return Value("object", line, written, entries=tuple(_entries(term, text)))
        case "function_call":
            given = [_value(each, text) for part in _trees(term, "arguments") for each in _trees(part, "expr_term")]
            return Value("call", line, written, _label(next(_trees(term, "identifier"))), tuple(given))
    return Value("expression", line, written)


def _entries(tree: Any, text: str) -> Iterator[Entry]:
    for element in _trees(tree, "object_elem"):
        key, *_, value = _trees(element)
        name = _value(next(_trees(key)), text)
        yield Entry(name.text if name.content is None else str(name.content), key.meta.line, _value(value, text))
