"""JSON documents: text that is checked, and nested values written as exact text."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from flows.shared.data.arrow_values import Values, decoded, family, floats_of, plain_type, text_of

if TYPE_CHECKING:
    from collections.abc import Callable

    import pyarrow as pa

MOST_DIGITS = 38
MOST_DECIMALS = 37
ESCAPED_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")


def is_exact_document(text: str) -> bool:
    """Whether the text is one JSON document that a VARIANT keeps: each name once, numbers of at most 38 digits."""
    try:
        document = _DECODER.decode(text)
        if ESCAPED_SURROGATE.search(text):
            json.dumps(document, ensure_ascii=False).encode()
    except (ValueError, RecursionError):  # A lone surrogate is a UnicodeEncodeError, which is a ValueError.
        return False
    return True


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name is there twice")
    return found


def _number(text: str) -> float:
    if not is_exact_number(text):
        raise ValueError("more digits than a number has")
    return 0.0


def _constant(text: str) -> float:
    raise ValueError(f"{text} is no JSON")


_DECODER = json.JSONDecoder(
    object_pairs_hook=_once, parse_float=_number, parse_int=_number, parse_constant=_constant, strict=True
)


def is_exact_number(text: str) -> bool:
    """Whether a VARIANT keeps the number: as NUMBER without an exponent, as a double with one."""
    if "e" in text.lower():
        double = float(text)
        return abs(double) != float("inf") and Decimal(repr(double)) == Decimal(text)
    whole, _, decimals = text.lstrip("-").partition(".")
    return len(whole.lstrip("0") + decimals) <= MOST_DIGITS and len(decimals) <= MOST_DECIMALS


def nested_problem(kind: pa.DataType) -> str:
    """Return what of a type has no JSON text, such as "binary", or an empty text."""
    from pyarrow import types

    kind = plain_type(kind)
    if types.is_map(kind) and family(plain_type(kind.key_type)) != "text":
        return f"a map with keys of {kind.key_type}"
    if types.is_nested(kind) and not types.is_union(kind):
        fields = [kind.field(at) for at in range(kind.num_fields)]
        names = [field.name for field in fields]
        if types.is_struct(kind) and len(set(names)) < len(names):
            return "a struct with a name twice"
        return next((problem for field in fields if (problem := nested_problem(field.type))), "")
    is_known = family(kind) in (
        "null",
        "bool",
        "int",
        "float",
        "decimal",
        "text",
        "date",
        "timestamp",
        "zoned timestamp",
    )
    return "" if is_known else str(kind)


def json_texts(array: Values, leaf_text: Callable[[Values], list[str | None]]) -> list[str | None]:
    """Return each value as JSON. None is a value that JSON cannot say; null is "null".

    `leaf_text` writes dates and times as text.
    """
    import pyarrow as pa

    array = decoded(array)
    if pa.types.is_struct(array.type):
        found = _objects(array, leaf_text)
    elif pa.types.is_map(array.type):
        found = _maps(array, leaf_text)
    elif pa.types.is_nested(array.type):
        found = _lists(array, leaf_text)
    else:
        found = _leaves(array, leaf_text)
    return [text if is_there else "null" for text, is_there in zip(found, array.is_valid().to_pylist(), strict=True)]


def _leaves(array: Values, leaf_text: Callable[[Values], list[str | None]]) -> list[str | None]:
    match family(array.type):
        case "null":
            return ["null"] * len(array)
        case "bool":
            return ["true" if value else "false" for value in array.to_pylist()]
        case "text":
            return [None if text is None else json.dumps(text, ensure_ascii=False) for text in text_of(array).to_list()]
        case "int":
            return [str(value) for value in array.to_pylist()]
        case "float":
            import math

            finite = [value is not None and math.isfinite(value) for value in floats_of(array).to_list()]
            return [text if is_number else None for text, is_number in zip(leaf_text(array), finite, strict=True)]
        case "decimal":
            texts = [None if value is None else format(value, "f") for value in array.to_pylist()]
            return [text if text is not None and is_exact_number(text) else None for text in texts]
    return [None if text is None else json.dumps(text) for text in leaf_text(array)]


def _objects(array: Values, leaf_text: Callable[[Values], list[str | None]]) -> list[str | None]:
    names = [json.dumps(array.type.field(at).name, ensure_ascii=False) for at in range(array.type.num_fields)]
    if not names:
        return ["{}"] * len(array)
    members = [json_texts(array.field(at), leaf_text) for at in range(array.type.num_fields)]
    return [_joined("{", names, row, "}") for row in zip(*members, strict=True)]


def _maps(array: Values, leaf_text: Callable[[Values], list[str | None]]) -> list[str | None]:
    keys, values = json_texts(array.keys, leaf_text), json_texts(array.items, leaf_text)
    found: list[str | None] = []
    for start, end in _spans(array):
        names = keys[start:end]
        is_object = None not in names and len(set(names)) == len(names)
        found.append(_joined("{", names, values[start:end], "}") if is_object else None)
    return found


def _lists(array: Values, leaf_text: Callable[[Values], list[str | None]]) -> list[str | None]:
    import pyarrow as pa

    array = array.cast(pa.large_list(array.type.value_type))
    values = json_texts(array.values, leaf_text)
    return [_joined("[", None, values[start:end], "]") for start, end in _spans(array)]


def _spans(array: Values) -> list[tuple[int, int]]:
    offsets = array.offsets.to_pylist()
    return list(pairwise(offsets))


def _joined(begin: str, names: Any, values: Any, end: str) -> str | None:
    if None in values:
        return None
    parts = values if names is None else [f"{name}:{value}" for name, value in zip(names, values, strict=True)]
    return begin + ",".join(parts) + end
