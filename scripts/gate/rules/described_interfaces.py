"""Module interfaces are documented: descriptions, types, no null values, error messages that show the value."""

import re
from collections.abc import Iterator

from scripts.gate.reading.hcl import Hcl, blocks
from scripts.gate.reading.plan import Finding, Plan

SHORTEST = 20
WORDS = "description, one sentence of meaning, unit and source"


def check_hcl(hcl: Hcl, _plan: Plan) -> Iterator[Finding]:
    for folder in dict.fromkeys(hcl.folders.values()):
        where = hcl.short(folder)
        for kind in ("variable", "output"):
            for name, body in blocks(folder, kind):
                description = str(body.get("description") or "")
                if len(description) < SHORTEST:
                    yield Finding(f"{where}: {kind} {name}", f'description = "{description}"', WORDS)
        for name, body in blocks(folder, "variable"):
            address = f"{where}: variable {name}"
            if body.get("nullable") is not False:
                yield Finding(address, f"nullable = {str(body.get('nullable', 'unset')).lower()}", "nullable = false")
            if body.get("type") in {None, "any"}:
                yield Finding(address, f"type = {body.get('type', 'unset')}", "a specific type, not any")
            for validation in body.get("validation") or []:
                message = str(validation.get("error_message") or "")
                if not re.search(rf"\bvar\.{name}\b", message):
                    got = f'error_message = "{message}"'
                    yield Finding(address, got, f"a message with the value, ${{var.{name}}}, and what is expected")
