"""Which task definition runs of a flow file start from: one for each set of secrets, and one for each file with rights.

A definition is known by its name, `flow` for files that declare nothing, `flow-…` for others. The family in ECS and the
role of its own in IAM are named `<environment's title>-<name>`.
"""

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypedDict

from scripts.gate.permissions import flow_permissions
from scripts.shared import flow_secrets
from scripts.shared.environments import ROOT
from scripts.shared.known_parameters import with_companions, without_companions

COMMON = "flow"
# A role's name has 64 characters, and begins with the environment's title and a hyphen.
MOST = 63
HASH = 8


class Definition(TypedDict):
    """Name of the definition, and the secrets in it that not every run receives."""

    name: str
    secrets: list[str]


def definitions(title: str, facts: Mapping[str, Any], root: Path = ROOT) -> dict[str, Definition]:
    """The definition of each flow file that declares something, by the file's path below flows/ without its ending.

    Raises:
        Refusal: a file declares something that cannot be read.
    """
    with_rights = {each["flow"] for each in flow_permissions.declared(root)}
    secrets = flow_secrets.declared(root)
    return {
        flow: definition(title, facts, flow, secrets.get(flow, []), has_rights=flow in with_rights)
        for flow in sorted({*with_rights, *secrets})
    }


def definition(title: str, facts: Mapping[str, Any], flow: str, secrets: list[str], *, has_rights: bool) -> Definition:
    """The definition of one flow file, by what it declares."""
    names = with_companions(secrets, facts)
    if has_rights:
        return {"name": _name(title, flow), "secrets": names}
    # A folder of that name would be read as secrets: `_name` tells it apart.
    words = "/".join(("with", *(each.lower() for each in without_companions(names))))
    return {"name": _name(title, words, is_path=False), "secrets": names}


def _name(title: str, words: str, *, is_path: bool = True) -> str:
    """Readable, with a hash of the words where they alone would be too long or could be those of another."""
    name = "-".join((COMMON, *re.findall(r"\w+", words, re.ASCII)))
    is_own = re.fullmatch(r"[a-z0-9_]+(/[a-z0-9_]+)*", words) and not (is_path and words.startswith("with/"))
    most = MOST - len(title)
    if is_own and len(name) <= most:
        return name
    return f"{name[: most - HASH - 1]}-{hashlib.sha256(words.encode()).hexdigest()[:HASH]}"
