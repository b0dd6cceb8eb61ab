"""Tells which parameters of an environment are there and which are missing: names and types, never values."""

from collections.abc import Collection

from scripts.parameters.store import Store, Stored
from scripts.shared.environments import Environment
from scripts.shared.parameters import environment_parameters, writable_parameters

HEAD = ("parameter", "type", "version", "written", "")


def describe(
    environment: Environment, stored: dict[str, Stored], store: Store, own: Collection[str] = ()
) -> tuple[list[str], bool]:
    """Lines of a table with remedies below it, and whether none is needed. `own`: names in `.secrets.env`."""
    known, used = writable_parameters(environment), environment_parameters(environment)
    rows, remedies = [HEAD], []
    for name in sorted({*known, *used, *stored}):
        there = stored.get(name)
        state, remedy = _state(environment, name, known.get(name, ""), there, store)
        if environment.is_local and not remedy and name in used:
            state = "from .secrets.env" if name in own else "made up by `make up`"
        remedies += [f"{name}: {remedy}."] if remedy else []
        written = f"{there.written.astimezone():%Y-%m-%d %H:%M}" if there else ""
        kind, version = (there.kind, str(there.version)) if there else (known.get(name) or used[name], "")
        rows.append((name, kind, version, written, state))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return lines + remedies, not remedies


def _state(environment: Environment, name: str, kind: str, there: Stored | None, store: Store) -> tuple[str, str]:
    """State in a word or two, and what to do about it; empty if nothing."""
    write_it = f"`make secret NAME={name} ENV={environment.name}`"
    if not there:
        return ("", "") if environment.is_local else ("missing", f"write it with {write_it}")
    if not kind:
        return ("", "") if environment.is_local else ("not read by anything", "")
    if there.kind != kind:
        return "wrong type", store.wrong_type(name, there.kind, kind)
    if not store.is_own_key(there.key):
        return "other key", f"got the key {there.key}, expected {store.key}; write it again with {write_it}"
    return "", ""
