"""One line of a comparison, and the comparison of a plan with its base."""

from dataclasses import dataclass
from typing import Literal, get_args

# `opens` also stands for what weakens: an alarm switched off, data kept for a shorter time.
Kind = Literal["opens", "closes", "neutral"]
KINDS = get_args(Kind)


@dataclass(frozen=True)
class Line:
    """What changes, as `subject: words`."""

    kind: Kind
    subject: str
    words: str

    def __str__(self) -> str:
        return f"{self.subject}: {self.words}"


def in_order(lines: list[Line]) -> list[Line]:
    """Each line once, what opens something first."""
    return sorted(dict.fromkeys(lines), key=lambda line: KINDS.index(line.kind))


@dataclass(frozen=True)
class Comparison:
    """A plan compared with `base`, in words. A problem says in one sentence why something could not be compared.

    `flows` is None where no flows belong to the plan.
    """

    base: str = ""
    security: tuple[Line, ...] = ()
    problem: str = ""
    flows: tuple[Line, ...] | None = None
    flows_problem: str = ""

    def parts(self) -> list[tuple[str, str, tuple[Line, ...]]]:
        """Each part as title, the sentence that stands below it, and its lines."""
        found = [("Security", self.problem or ("" if self.security else "No change to security."), self.security)]
        if self.flows is not None or self.flows_problem:
            flows = self.flows or ()
            found.append(("Flows", self.flows_problem or ("" if flows else "No flow changes."), flows))
        return found
