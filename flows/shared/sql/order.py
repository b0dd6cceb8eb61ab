"""The order of SQL files: each after those that make what it reads."""

from __future__ import annotations

from collections.abc import Sequence
from graphlib import CycleError, TopologicalSorter

from flows.shared.sql.files import SqlFile, SqlFilesError


def ordered(files: Sequence[SqlFile]) -> list[list[SqlFile]]:
    """The files in steps; those of one step need nothing of each other and can run at once.

    Raises SqlFilesError if two files make one table, or files read each other in a circle.
    """
    by_table: dict[str, SqlFile] = {}
    twice = [
        f"{file.place}: got {file.table}, which {first.place} makes; expected one file for each table."
        for file in files
        if (first := by_table.setdefault(file.table, file)) is not file
    ]
    if twice:
        raise SqlFilesError("\n".join(twice))
    sorter = TopologicalSorter({file.table: [each for each in file.reads if each in by_table] for file in files})
    try:
        sorter.prepare()
    except CycleError as error:
        # Each one is read by the next; the first is the last as well.
        circle = [by_table[table] for table in error.args[1]]
        named = ", ".join(f"{file.table} ({file.place})" for file in circle[1:])
        raise SqlFilesError(
            f"{circle[0].place}: got a circle of tables that are made from each other: {named}; expected an order: "
            "take one of these reads out."
        ) from None
    steps = []
    while sorter.is_active():
        ready = sorted(sorter.get_ready())
        steps.append([by_table[table] for table in ready])
        sorter.done(*ready)
    return steps


def in_words(steps: Sequence[Sequence[SqlFile]]) -> str:
    """The order for a person: a line for each file, with its step, what it makes and what it reads."""
    return "\n".join(
        f"{number}. {file.path} makes {file.table}" + (f" from {', '.join(file.reads)}" if file.reads else "")
        for number, step in enumerate(steps, start=1)
        for file in step
    )
