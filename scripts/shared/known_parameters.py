"""The SSM parameters of an environment: those that the product knows, and what facts and flow files add.

terraform/main.tf reads the same file of known ones. Of each it says whether it is encrypted, whether only environments
have it whose facts list it, whether every run receives it, and which others come along with it.
"""

import json
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any

SECURE, PLAIN = "SecureString", "String"
KNOWN: dict[str, dict[str, Any]] = {
    each["name"]: each for each in json.loads(Path(__file__).with_suffix(".json").read_text())
}
# Whatever has such a name steers the run itself: Prefect's settings, the role's credentials, Python, the loader.
RESERVED = ("AWS_", "DATA_FLOWS_", "ECS_", "LD_", "PREFECT_", "PYTHON")


def parameter_types(facts: Mapping[str, Any], declared: Iterable[str] = ()) -> dict[str, str]:
    """Name and type of every parameter of an environment; `declared` are the names that flow files declare."""
    given = facts.get("parameters") or {}
    types = dict.fromkeys([*declared, *(name for name, each in KNOWN.items() if not each["listed"])], SECURE)
    types |= {name: PLAIN for name, each in KNOWN.items() if name in types and not each["encrypted"]}
    types |= dict.fromkeys(given.get("secure_strings") or (), SECURE) | dict.fromkeys(given.get("strings") or (), PLAIN)
    return types | {facts["prefect_credential"]: SECURE}


def of_every_run(facts: Mapping[str, Any]) -> set[str]:
    """The parameters that every run of an environment receives."""
    return {name for name in parameter_types(facts) if KNOWN.get(name, {}).get("every_run")}


def with_companions(names: Collection[str], facts: Mapping[str, Any]) -> list[str]:
    """The names, sorted, and those of the environment that come along with them."""
    there = parameter_types(facts)
    brought = {each for name in names if name in KNOWN for each in KNOWN[name]["brings"] if each in there}
    return sorted({*names, *brought})


def without_companions(names: Collection[str]) -> list[str]:
    """The names, sorted, without those that come along with another of them."""
    return sorted(set(names) - {each for name in names if name in KNOWN for each in KNOWN[name]["brings"]})
