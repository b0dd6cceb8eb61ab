"""Writes report.html: one page that loads nothing, for the reviewer of a plan."""

import re
from collections import Counter
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from scripts.gate import catalog
from scripts.gate.diff.line import Comparison
from scripts.gate.reading.plan import Plan, ResourceChange
from scripts.gate.record import GateRecord
from scripts.gate.report.architecture import read_architecture
from scripts.gate.report.picture import draw

# Terraform's actions → the page's word and sign.
ACTIONS = {
    ("create",): ("created", "+"),
    ("update",): ("changed", "~"),
    ("delete", "create"): ("replaced", "±"),
    ("create", "delete"): ("replaced", "±"),
    ("forget",): ("forgotten", "○"),
    ("delete",): ("destroyed", "-"),
}


def write_report(path: Path, gate: GateRecord, plan: Plan, comparison: Comparison) -> None:
    """Render the page. It shows values only where they change security; those that may be secret are left out."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["breakable"] = breakable
    changes = [_change(change) for change in plan.changes]
    modules: dict[str, list[dict[str, Any]]] = {}
    for change in changes:
        if change["what"]:
            modules.setdefault(change["module"], []).append(change)
    # Every name in a line that opens something: a box of that name is red in the picture.
    opened = {
        name
        for line in comparison.security
        if line.kind == "opens"
        for words in [re.split(r",? \(?before:? ", str(line))[0]]
        for name in (*words.split(), *re.split(r"[^\w.-]+", words))
    }
    page = environment.get_template("report.html.j2").render(
        gate=gate,
        comparison=comparison,
        kinds={"opens": "opens", "closes": "closes", "neutral": "changes"},
        counts=Counter(change["what"] for change in changes),
        modules=sorted(modules.items()),
        order=list(dict.fromkeys(what for what, _ in ACTIONS.values())),
        outlook=_allowed_use(gate),
        sentences=catalog.describe(),
        opened=bool(opened),
        picture=Markup(draw(architecture, opened)) if (architecture := read_architecture(plan)) else "",  # noqa: S704 - draw escapes.
        seconds=(gate.finished_at - gate.started_at).total_seconds(),
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(page, encoding="utf-8")


def breakable(words: str) -> Markup:
    """Text with places where a narrow window may break it: after the marks in names and ARNs, not within a word."""
    return Markup(re.sub(r"([/:._=,\-]+)(?=[^\s/:._=,\-])", r"\1<wbr>", str(escape(words))))  # noqa: S704 - escaped.


def _allowed_use(gate: GateRecord) -> str:
    """What the record allows; `record.verify` decides the same at apply."""
    if gate.offline:
        return "An offline plan, which is never applied."
    if not gate.plan_sha256:
        return "Only the plan as JSON was checked, so there is no plan to apply."
    if not gate.tree_clean and gate.environment != "local":
        return "Made from a working tree with uncommitted changes, so it cannot be applied."
    return "Exactly this plan may be applied."


def _change(change: ResourceChange) -> dict[str, Any]:
    what, sign = ACTIONS.get(tuple(change.change.actions), (None, ""))
    return {
        "address": change.address.removeprefix(f"{change.module_address}."),
        "module": change.module_address or "the root",
        "what": what,
        "sign": sign,
        "attributes": _changed_attributes(change) if what in {"changed", "replaced"} else [],
    }


def _changed_attributes(change: ResourceChange) -> list[str]:
    """The names of attributes that change, without values."""
    before, after = change.change.before or {}, change.change.after or {}
    unknown = change.change.after_unknown if isinstance(change.change.after_unknown, dict) else {}
    names = {name for name in {*before, *after} if before.get(name) != after.get(name)}
    return sorted(names | {name for name, mark in unknown.items() if mark is True and name not in after})
