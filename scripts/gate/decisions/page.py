"""Writes the tables as a page for readers.

    python -m scripts.gate.decisions.page      # after a change of a table

Writes docs/gate-decisions.md. The team's own tables are not on it.
"""

from collections.abc import Iterator
from typing import Any

from scripts.gate.decisions.tables import LISTS, Table, every_type, product_tables
from scripts.shared.environments import ROOT

FILE = ROOT / "docs" / "gate-decisions.md"
HEAD = """# What the gate lets every argument be

Each argument of each resource type that Terraform makes here stands in a table in `scripts/gate/decisions/`. The rule
`decided_values` holds every plan against them: a type, an argument or a value that no table allows is a finding, and so
is a resource that must be there and is not. `python -m scripts.gate.decisions.page` writes this page from the tables.

A block that is not set stands for all that is in it. `{title}`, `{path}`, `{account}` and other names in braces are
facts of the plan (`scripts/gate/reading/facts.py`); `*` is any text without a space.
"""
SPECIAL = {
    "given": "`{}` of the tfvars",
    "words": "{}",
    "document": "a document, as the table has it",
    "each": "a list, as the table has it",
    "rule": "judged by `{}`",
    "harmless": "{}",
}


def page() -> str:
    """The page's text."""
    lines = [HEAD, "## Whatever the type", "", *_rows(every_type()), ""]
    for type_, table in sorted(product_tables().items()):
        lines += [f"## {type_}", "", *_rows(table), ""]
    return "\n".join(lines).rstrip() + "\n"


def _rows(table: Table) -> Iterator[str]:
    yield "| argument | may be |"
    yield "|---|---|"
    for path, told in table.values.items():
        if told not in LISTS:
            yield f"| `{path}` | {_words(told)} |"
    for path, rule in table.rules.items():
        yield f"| `{path}` | judged by `{rule}` |"
    for reason in dict.fromkeys(table.harmless.values()):
        paths = [path for path, why in table.harmless.items() if why == reason]
        yield f"| {_names(paths)} | anything: {reason} |"
    for group, words in zip(LISTS, ("absent", "not set by the code"), strict=True):
        if paths := [path for path, told in table.values.items() if told == group]:
            yield f"| {_names(paths)} | {words} |"
    if known := [next((key, told) for key, told in entry.items() if key != "with") for entry in table.known]:
        yield ""
        yield f"Must be there: {', '.join(f'`{key}` {_words(told)}' for key, told in known)}."
    for argument, owner in table.every.items():
        yield ""
        yield f"Each `{owner}` has one, named in `{argument}`."


def _names(paths: list[str]) -> str:
    return ", ".join(f"`{path}`" for path in paths)


def _words(told: Any) -> str:
    """A form in words, in a cell of a table."""
    if isinstance(told, list):
        return " or ".join(dict.fromkeys(_words(one) for one in told))
    if isinstance(told, dict):
        if "min" in told:
            return f"{_plain(told['min'])} to {_plain(told['max'])}"
        if "from" in told:
            sources = told["from"] if isinstance(told["from"], list) else [told["from"]]
            return f"from {' or '.join(f'`{one}`' for one in sources)}"
        (key, value), *_ = told.items()
        return SPECIAL[key].format(_words(value) if key == "words" else value)
    if told in LISTS:
        return "nothing" if told == "absent" else "not set by the code"
    return f"`{_plain(told)}`"


def _plain(told: Any) -> str:
    return str(told).lower() if isinstance(told, bool) else str(told).replace("|", "\\|")


def main() -> None:
    """Write the page."""
    FILE.write_text(page())
    print(f"{FILE.name}: {len(product_tables())} resource types.")


if __name__ == "__main__":
    main()
