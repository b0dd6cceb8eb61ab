"""Print the Makefile's targets in their groups, each with the variables that it takes.

    python3 scripts/show_targets.py
    python3 scripts/show_targets.py --nearest lgos logs lint up

Needs nothing but Python, so that it answers before anything is installed. With --nearest it prints which of the words
that follow was probably meant, as a question in brackets, or nothing.
"""

from __future__ import annotations

import argparse
import difflib
import re
from pathlib import Path

MAKEFILE = Path(__file__).resolve().parent.parent / "Makefile"
BEGINNING = "make <target> VARIABLE=value, such as: make try FLOW=daily_orders WATCH=1"
END = "README.md begins at the beginning. docs/development.md is for work on a flow."


def list_targets(makefile: str) -> str:
    """Groups (`##@ title`) and targets (`name: … ## text`) in their order. What title or text say is not said again."""
    takes = dict(re.findall(r"^takes\.(\S+) +:=(.*)$", makefile, re.MULTILINE))
    lines, title = [BEGINNING], ""
    for group, name, text in re.findall(r"^##@ (.+)$|^([a-z-]+):.*?## (.+)$", makefile, re.MULTILINE):
        if group:
            title = group
            lines += ["", title]
        else:
            variables = [each for each in takes[name].split() if f"{each}=" not in title + text]
            lines.append(f"  {name:<15} {text}{': ' if variables else ''}{' '.join(variables)}")
    return "\n".join([*lines, "", END])


def nearest(word: str, known: list[str]) -> str:
    """` (did you mean …?)` with the known word that is most like it, whatever its case, or nothing."""
    by_case = {each.casefold(): each for each in known}
    found = difflib.get_close_matches(word.casefold(), by_case, 1)
    return f" (did you mean {by_case[found[0]]}?)" if found else ""


def main() -> None:
    """List the targets, or guess one."""
    formatter = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=formatter, allow_abbrev=False)
    parser.add_argument("--nearest", metavar="WORD")
    parser.add_argument("known", nargs="*")
    given = parser.parse_args()
    print(nearest(given.nearest, given.known) if given.nearest else list_targets(MAKEFILE.read_text()))


if __name__ == "__main__":
    main()
