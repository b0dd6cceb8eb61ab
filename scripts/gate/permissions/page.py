"""Writes docs/security.md from the tables: `python -m scripts.gate.permissions.page`. A test keeps both in step."""

from collections.abc import Iterator, Sequence
from typing import Any

from scripts.gate.permissions import tables
from scripts.shared.environments import ROOT

PAGE = ROOT / "docs" / "security.md"
FLOWS = tables.TABLES / "flows.md"
HEAD = """# Who may do what

These tables are all that each role of an environment may do, and all that others may do to what the environment has.
The gate proves for every plan that its policies allow no more, and asks for each line that they allow it
([the gate](gate.md)). A flow file that declares `permissions` ([writing flows](writing-flows.md)) has a role of its own
below `{path}/flows/`, which may do what `flow` may and what the file declares, within a boundary of the same text.

`{title}` is the environment's name in AWS, such as `DataFlows-Dev`, `{prefix}` the same in the names of buckets, and
`{path}` in those of parameters and log groups. Of an ARN the tables show the service and what comes after the account.

<!-- Made from scripts/gate/permissions/*.yaml by `.venv/bin/python -m scripts.gate.permissions.page` -->
"""

OPERATORS = {
    "StringEquals": "is",
    "ArnEquals": "is",
    "ForAnyValue:StringEquals": "is",
    "StringLike": "is like",
    "ArnLike": "is like",
    "StringNotEquals": "is not",
}


def page() -> str:
    """The page as Markdown."""
    return "\n".join([HEAD, FLOWS.read_text(), *_roles(), *_principals(), *_never()])


def _roles() -> Iterator[str]:
    for path in sorted(set(tables.TABLES.glob("*.yaml")) - {tables.EVERY_ROLE, tables.PRINCIPALS}):
        table = tables.read(path)
        yield f"## {path.stem}\n"
        trusted = ", ".join(f"`{who}`" for line in table["trusted"] for who in _who(line))
        yield f"{table['about']} It is assumed by {trusted}.\n"
        yield from _table("why | may | on | only if", [(row["why"], *_calls(row)) for row in table["may"]])
        if bound := table.get("bound"):
            yield "Its boundary allows more than its policy, so that it does not grow with flows; it grants nothing:\n"
            yield from _table("why | may | on | only if", [(row["why"], *_calls(row)) for row in bound])


def _principals() -> Iterator[str]:
    yield "## Everybody else\n"
    every = [row for rows in tables.read(tables.PRINCIPALS).values() for row in rows]
    rows = [(row["why"], ", ".join(f"`{who}`" for who in _who(row)), *_calls(row)) for row in every]
    yield from _table("why | who | may | on | only if", rows)


def _never() -> Iterator[str]:
    yield "## What no role may do\n"
    yield "A table or a flow that lets a role do one of these is refused as well:\n"
    calls: dict[str, list[str]] = {}
    for row in tables.read(tables.EVERY_ROLE)["may_not"]:
        calls.setdefault(row["call"], []).append(f"`{_short(row['resource'])}`")
    for call, resources in calls.items():
        yield f"- `{call}` on {', '.join(dict.fromkeys(resources))}"
    yield ""


def _table(head: str, rows: Sequence[tuple[str, ...]]) -> Iterator[str]:
    """Rows that differ in their actions alone are one."""
    actions = head.split(" | ").index("may")
    merged: dict[tuple[str, ...], list[str]] = {}
    for row in rows:
        merged.setdefault((*row[:actions], *row[actions + 1 :]), []).append(row[actions])
    yield f"| {head} |"
    yield f"|{'---|' * len(rows[0])}"
    for rest, several in merged.items():
        yield f"| {' | '.join((*rest[:actions], ', '.join(several), *rest[actions:]))} |"
    yield ""


def _calls(row: dict[str, Any]) -> tuple[str, str, str]:
    """Actions, resources and conditions."""
    conditions = (
        f"`{key}` {OPERATORS.get(operator, operator)} {_values(values)}"
        for operator, keys in row.get("when", {}).items()
        for key, values in keys.items()
    )
    return _values(row["actions"]), _values(row.get("resources", [])), ", ".join(conditions)


def _who(row: dict[str, Any]) -> Iterator[str]:
    for names in row["who"].values():
        yield from (_short(each) for each in (names if isinstance(names, list) else [names]))


def _values(values: Any) -> str:
    return ", ".join(f"`{_short(str(each))}`" for each in (values if isinstance(values, list) else [values]))


def _short(text: str) -> str:
    """An ARN without partition, region and account."""
    fields = text.split(":", 5)
    return f"{fields[2]}:{fields[5]}" if len(fields) == 6 and fields[0] == "arn" else text


if __name__ == "__main__":
    PAGE.write_text(page())
