"""Writes report.md: the short report, in the form that a pull request's comment takes."""

import re
from collections.abc import Iterator
from pathlib import Path

from scripts.gate import catalog
from scripts.gate.diff.line import Comparison
from scripts.gate.record import GateRecord
from scripts.gate.report.console import plural

MARKS = {"opens": "🔴 opens", "closes": "🟢 closes", "neutral": "⚪"}
# A comment holds 65,536 characters.
MOST_LINES, LONGEST, MOST = 60, 400, 60_000


def write_markdown(path: Path, gate: GateRecord, comparison: Comparison) -> None:
    """First the verdict, then what changes, then the findings."""
    text = "\n".join(_lines(gate, comparison)) + "\n"
    if len(text) > MOST:
        text = text[:MOST].rpartition("\n")[0] + "\n\nThe rest is in report.html.\n"
    path.write_text(text, encoding="utf-8")


def _lines(gate: GateRecord, comparison: Comparison) -> Iterator[str]:
    failed = [rule for rule in gate.rules if not rule.passed]
    verdict = "✗ Failed" if failed else "✓ Passed"
    yield from (f"### {verdict}: plan of {_escaped(gate.environment or 'an environment not named')}", "")
    where = f" in {plural(len(failed), 'check')}" if failed else ""
    yield f"{plural(len(gate.rules), 'check')}, {plural(len(gate.findings), 'finding')}{where}."
    for title, sentence, lines in comparison.parts():
        yield from ("", f"#### {title}{f', compared with {_escaped(comparison.base)}' if comparison.base else ''}", "")
        yield from [_escaped(sentence)] if sentence else []
        yield from _some(
            [f"- {MARKS[line.kind]} **{_escaped(line.subject)}**: {_escaped(line.words)}" for line in lines]
        )
    if failed:
        yield from ("", "#### Findings", "")
    sentences = catalog.describe()
    for rule in failed:
        yield f"**{_escaped(rule.name)}**: {_escaped(sentences.get(rule.name, ''))}"
        yield from _some(
            [
                f"- {_escaped(one.address)}: got {_escaped(one.got)}; expected {_escaped(one.expected)}"
                + (f" ({_escaped(one.place)})" if one.place else "")
                for one in rule.findings
            ]
        )
        yield ""


def _some(lines: list[str]) -> Iterator[str]:
    yield from lines[:MOST_LINES]
    if len(lines) > MOST_LINES:
        yield f"- and {len(lines) - MOST_LINES} more: see report.html"


def _escaped(words: str) -> str:
    """Text that Markdown shows as it is: no emphasis, link, HTML or mention of somebody in it."""
    short = words if len(words) <= LONGEST else f"{words[:LONGEST]}…"
    plain = "".join(char if char.isprintable() else "?" for char in short)
    return re.sub(r"([\\`*_{}\[\]<>#|~&])", r"\\\1", plain).replace("@", "@<!-- -->")
