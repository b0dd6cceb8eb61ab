"""What of an event may leave: by a list of what is kept, and no text that was computed from data or secrets.

Of an exception that this repository raises, the text is the one in the source, with … for each value. The text of a
library's own is cut to its first line and loses whatever may be a value.
"""

import ast
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from scripts.gate.reading.secret_values import KNOWN, looks_like_secret_name
from scripts.shared.environments import ROOT

KEPT = {"event_id", "timestamp", "platform", "level", "release", "environment", "tags", "sdk"}
KEPT_OF_EXCEPTION = {"type", "module", "value", "mechanism", "stacktrace"}
KEPT_OF_MECHANISM = {"type", "handled", "source", "exception_id", "parent_id", "is_exception_group"}
KEPT_OF_FRAME = {"filename", "abs_path", "function", "module", "lineno", "in_app"}  # No source: it may hold data.

ANY = "…"
LONGEST_READ, LONGEST = 2000, 300
SHORTEST_VALUE = 6
# What may be a value in a text. A quote or bracket that is not closed goes to the end: what follows may be its rest.
VALUES = re.compile(
    "|".join(
        [
            *(rf"(?<!\w){mark}(?:[^{mark}\\]|\\.)*(?:{mark}|$)" for mark in "'\"`"),
            *(r"\[.*\]|\[.*", r"\{.*\}|\{.*", r"\([^()]*[,'\"=][^()]*(?:\)|$)"),
            r"\S+@\S+",
            r"\S*[,;|\t](?! ).*[,;|\t](?! ).*",  # A line of a file.
            r"\b\d[\d.,:/-]{2,}\d\b",  # A number of more than three characters, a date.
            r"\b(?=\w*\d)(?=\w*[a-zA-Z])[\w+/=-]{20,}",  # A token.
        ]
    )
)
# Prefect gives each load of a flow's file a name of its own; Sentry would see another place each time.
LOADED = "__prefect_loader"


def scrubbed(event: Any) -> Any:
    """The event with nothing but what is listed above."""
    kept = {name: value for name, value in event.items() if name in KEPT and value}
    exceptions = [_exception(each) for each in event.get("exception", {}).get("values", [])]
    return kept | {"exception": {"values": exceptions}}


def _exception(full: Mapping[str, Any]) -> dict[str, Any]:
    kept = {name: value for name, value in full.items() if name in KEPT_OF_EXCEPTION and value}
    frames = (full.get("stacktrace") or {}).get("frames") or []
    raised_at = frames[-1] if frames else {}
    file = str(raised_at.get("abs_path", ""))
    text = written(Path(file), raised_at["lineno"]) if _is_ours(file) else None
    kept["value"] = masked(str(full.get("value") or ""), os.environ) if text is None else text
    if "mechanism" in kept:
        kept["mechanism"] = {name: value for name, value in kept["mechanism"].items() if name in KEPT_OF_MECHANISM}
    if frames:
        kept["stacktrace"] = {"frames": [_frame(frame) for frame in frames]}
    if str(kept.get("module", "")).startswith(LOADED):
        del kept["module"]
    return kept


def _frame(full: Mapping[str, Any]) -> dict[str, Any]:
    kept = {name: value for name, value in full.items() if name in KEPT_OF_FRAME}
    if _is_ours(str(full.get("abs_path", ""))):
        file = Path(full["abs_path"]).resolve().relative_to(ROOT)
        kept |= {"filename": str(file), "module": ".".join(file.with_suffix("").parts)}
    return kept


def _is_ours(file: str) -> bool:
    # Resolved: on the local stack the task's folder leads to the working tree.
    return bool(file) and Path(file).resolve().is_relative_to(ROOT) and "site-packages" not in file


def written(file: Path, line: int) -> str | None:
    """The text of the `raise` or `assert` there as it is in the source, such as "got …; expected a number".

    None where neither is: a library written in C has raised it.
    """
    try:
        tree = ast.parse(file.read_text())
    except (OSError, SyntaxError, ValueError):
        return ""
    around = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Raise | ast.Assert) and node.lineno <= line <= (node.end_lineno or 0)
    ]
    if not around:
        return None
    said = around[-1].exc if isinstance(around[-1], ast.Raise) else around[-1].msg
    texts = [_text(part) for part in (said.args if isinstance(said, ast.Call) else [said])]
    return " ".join(text for text in texts if text != ANY)


def _text(node: ast.AST | None) -> str:
    """What of an expression's text is written out."""
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.JoinedStr(values=parts):
            return "".join(map(_text, parts))
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            return _text(left) + _text(right)
        case ast.BinOp(left=left, op=ast.Mod()) | ast.Call(func=ast.Attribute(value=left, attr="format")):
            return _text(left)
    return ANY


def masked(text: str, variables: Mapping[str, str]) -> str:
    """The first line of a text, without secrets and what may be a value. Values of variables become their names."""
    for value, name in sorted(_known_values(variables), key=lambda each: len(each[0]), reverse=True):
        text = text.replace(value, f"${name}")
    line = next(iter(text.splitlines()), "")[:LONGEST_READ]
    for pattern in (*KNOWN.values(), VALUES):
        line = pattern.sub(ANY, line)
    return line[:LONGEST]


def _known_values(variables: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Values of variables with their names; of secrets also their lines and the parts around colons."""
    for name, value in variables.items():
        if len(value) >= SHORTEST_VALUE:
            yield value, name
            yield value.encode("unicode_escape").decode(), name
        if looks_like_secret_name(name, value):
            yield from ((part, name) for part in re.split(r"[\n:]", value) if len(part) >= SHORTEST_VALUE)
