"""Writes the files of a new environment from templates, with an address range that no other environment uses."""

import re
from collections.abc import Iterator
from ipaddress import IPv4Network
from pathlib import Path
from string import Template
from typing import Any

from scripts.shared.environments import ROOT
from scripts.shared.facts_file import backend_of, read_account, read_environment
from scripts.shared.names import Names
from scripts.shared.refusal import Refusal
from scripts.shared.variable_types import declared

Facts = dict[str, Any]
# Where CircleCI's configuration lists the environments whose plans every change is checked with.
PLANNED_IN_CIRCLECI = re.compile(r"&planned \[[\w, ]+")
TEMPLATES = Path(__file__).with_name("templates") / "environment"
# Tens first: they are easier to remember.
RANGES = [IPv4Network(f"10.{each}.0.0/16") for each in sorted(range(1, 255), key=lambda each: (each % 10 != 0, each))]
NO_CIRCLECI = {
    "organization_id": "00000000-0000-0000-0000-000000000000",
    "project_id": "00000000-0000-0000-0000-000000000000",
    "origin": "github.com/example/data-flows",
}


def write_environment(name: str, account: str, region: str, owner: str, root: Path = ROOT) -> list[str]:
    """Write the facts, the state backend and, for an account without a file, the account's facts; add it to CircleCI.

    Returns:
        What was written, and what is left to do in the file of an account that is there already, a line each.

    Raises:
        Refusal: a value is not usable; then nothing is written.
    """
    facts_folder, accounts_folder = root / "terraform" / "environments", root / "terraform" / "bootstrap" / "accounts"
    others = {path.stem: read_environment(path) for path in sorted(facts_folder.glob("*.tfvars"))}
    accounts = {path: read_account(path) for path in sorted(accounts_folder.glob("*.tfvars"))}
    stack, owner = others["local"]["name"], owner or others["local"]["owner"]
    _require_forms(NAME=name, ACCOUNT=account, REGION=region, OWNER=owner)
    facts_path, account_path = facts_folder / f"{name}.tfvars", accounts_folder / f"{name}.tfvars"
    account_file = next((path for path, facts in accounts.items() if facts["account_id"] == account), None)
    prepared = accounts[account_file] if account_file else {"name": stack, "region": region, "stacks": {stack: [name]}}
    if taken := next((path for path in (facts_path, account_path) if path.exists() and path != account_file), None):
        raise Refusal(f'NAME is "{name}"; expected a new name, because {taken.relative_to(root)} exists.')
    if prepared["region"] != region:
        raise Refusal(
            f'REGION is "{region}"; expected {prepared["region"]}, as in {account_file}.'.replace(f"{root}/", "")
        )

    facts = {"name": stack, "environment": name, "account_id": account, "region": region, "bootstrap": prepared["name"]}
    values = _values(facts, owner, others)
    files = {facts_path: ("facts.tfvars", values), facts_path.with_suffix(".s3.tfbackend"): ("s3.tfbackend", values)}
    if not account_file:
        circleci = next((each["circleci"] for each in accounts.values()), NO_CIRCLECI)
        files[account_path] = ("account.tfvars", values | circleci)
    for path, (template, given) in files.items():
        path.write_text(Template((TEMPLATES / f"{template}.template").read_text()).substitute(given))
    lines = [f"wrote {path.relative_to(root)}" for path in files]
    if (circleci := root / ".circleci" / "config.yml").is_file():
        text, found = PLANNED_IN_CIRCLECI.subn(rf"\g<0>, {name}", circleci.read_text())
        circleci.write_text(text)
        verb = f"added {name}" if found else f"Next: add {name}"
        lines.append(f"{verb} to the environments that CircleCI plans, in .circleci/config.yml")
    if account_file and name not in prepared["stacks"].get(stack, []):
        lines.append(f'Next: in {account_file.relative_to(root)}, add "{name}" to {stack} in `stacks`.')
    return lines


def _require_forms(**given: str) -> None:
    """Refuse values of the wrong form, all at once, by what Terraform asks of the variables."""
    variables = declared(ROOT / "terraform")
    names = {"NAME": "environment", "ACCOUNT": "account_id", "REGION": "region", "OWNER": "owner"}
    problems = [
        f'{name} is "{value}"; expected {expected}'
        for name, value in given.items()
        for pattern, expected in variables[names[name]].forms
        if not re.search(pattern, value)
    ]
    if problems:
        raise Refusal("\n".join(problems))


def _values(facts: Facts, owner: str, others: dict[str, Facts]) -> dict[str, Any]:
    """What the templates ask for."""
    stack, name = facts["name"], facts["environment"]
    prefix = Names(stack, name).service.replace("-", "_").upper()
    cidrs = {other: theirs["network"]["cidr"] for other, theirs in others.items() if theirs["network"].get("cidr")}
    return {
        **backend_of(facts),
        "stack": stack,
        "name": name,
        "account": facts["account_id"],
        "owner": owner,
        "bootstrap": "" if facts["bootstrap"] == stack else f'bootstrap   = "{facts["bootstrap"]}"\n',
        "cidr": _free_range(others),
        "reserved": ", ".join(f'{other} = "{cidr}"' for other, cidr in cidrs.items()),
        "database": f"{prefix}_{name.upper()}",
        "warehouse": f"LOADING_{name.upper()}",
        "role": f"{prefix}_LOADER_{name.upper()}",
    }


def _free_range(others: dict[str, Facts]) -> IPv4Network:
    """The first range that no environment has or reserves.

    Raises:
        Refusal: there is none left.
    """
    taken = [IPv4Network(each) for theirs in others.values() for each in _ranges(theirs["network"])]
    free = next((each for each in RANGES if not any(each.overlaps(other) for other in taken)), None)
    if not free:
        raise Refusal("Got no free /16 range in 10.0.0.0/8; expected one that no environment uses or reserves.")
    return free


def _ranges(network: Facts) -> Iterator[str]:
    if network.get("cidr"):
        yield network["cidr"]
    yield from (network.get("reserved_ranges") or {}).values()
