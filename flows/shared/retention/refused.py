"""Why a rule is not carried out."""

from __future__ import annotations

from datetime import datetime

from flows.shared.errors import DataFlowsError
from flows.shared.retention.declaration import Rule


class RetentionRefusedError(DataFlowsError):
    """A rule does not fit what is there, or would delete too much; the message says so, a line for each rule."""


def too_many(rule: Rule, unit: str, expired: int, before: int, cutoff: datetime) -> str:
    """The sentence for a rule that would delete a larger share than it may."""
    return (
        f"Retention {rule.name}: got {expired:,} of {before:,} {unit} of {rule.place} that are older than "
        f"{cutoff:%Y-%m-%d %H:%M} UTC; expected at most {rule.at_most:.0%}; if all of them may go, run it once with a "
        "higher at_most."
    )
