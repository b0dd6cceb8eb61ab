"""The gate's output on the console."""

from collections.abc import Iterator
from pathlib import Path

from rich.console import Console

from scripts.gate.diff.line import Comparison
from scripts.gate.record import GateRecord, RuleResult
from scripts.shared.steps import display_path

# Kind of a line → its word and colour.
KINDS = {"opens": ("opens", "red"), "closes": ("closes", "green"), "neutral": ("changes", "dim")}


def print_result(console: Console, result: RuleResult) -> None:
    """One check, with its findings."""
    if result.skipped:
        console.print(f"- {result.name:<22} skipped: {result.skipped}")
        return
    colour = "green" if result.passed else "red"
    console.print(f"[{colour}]{'✓' if result.passed else '✗'}[/] {result.name:<22} {result.seconds:8.3f} s")
    _print_plain(console, *_findings(result))


def print_review(console: Console, gate: GateRecord, comparison: Comparison) -> None:
    """What the change does, then all findings again: a reviewer reads the end of the output."""
    for title, sentence, lines in comparison.parts():
        against = f", compared with {comparison.base}" if comparison.base else ""
        _print_plain(console, "", f"{title}{against}:")
        _print_plain(console, *([f"    {sentence}"] if sentence else []))
        for line in lines:
            word, colour = KINDS[line.kind]
            console.print(f"    [{colour}]{word:<7}[/] ", end="")
            _print_plain(console, str(line))
    console.print()
    for result in gate.rules:
        if not result.passed:
            console.print(f"[red]✗[/] {result.name}")
            _print_plain(console, *_findings(result))


def print_summary(console: Console, gate: GateRecord, seconds: float, report: Path | None) -> None:
    """The last line."""
    result = "[green]passed[/]" if gate.passed else f"[red]failed[/] with {plural(len(gate.findings), 'finding')}"
    where = f"; look at {display_path(report)}" if report else ""
    console.print(
        f"Gate {result}: {plural(sum(not rule.skipped for rule in gate.rules), 'check')} in {seconds:.1f} s{where}"
    )


def plural(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"


def _findings(result: RuleResult) -> Iterator[str]:
    for finding in result.findings:
        place = f" [{finding.place}]" if finding.place else ""
        yield f"    {finding.address}: got {finding.got}; expected {finding.expected}{place}"


def _print_plain(console: Console, *lines: str) -> None:
    # A plan that is not ours may hold control characters, which a terminal would obey.
    for line in lines:
        console.print("".join(char if char.isprintable() else "?" for char in line), markup=False)
