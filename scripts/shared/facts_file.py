"""Files of facts (terraform/environments/*.tfvars, terraform/bootstrap/accounts/*.tfvars), read strictly.

Terraform only warns of an unknown variable, and drops an unknown attribute silently: `aproval = true` would mean no
approval. Here everything that does not match `variables.tf` is refused before Terraform starts.
"""

import re
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from scripts.shared import environments, hcl_file, variable_types
from scripts.shared.environments import ROOT
from scripts.shared.hcl_file import Body, Entry, Value
from scripts.shared.names import Names
from scripts.shared.refusal import Refusal
from scripts.shared.steps import display_path
from scripts.shared.variable_types import Type, Variable

ACCOUNTS = ROOT / "terraform" / "bootstrap" / "accounts"
# What `make plan` passes itself, and what it passes for the local stack, whose addresses depend on free ports.
PASSED = {"image_digest", "flow_permissions", "flow_definitions", "on_call_flows"}
PASSED_LOCALLY = PASSED | {"prefect_api_url", "agent_health_port", "flow_environment"}
Problem = tuple[int, str]


def read_environment(path: Path) -> dict[str, Any]:
    """The facts of the environment that the file is named after; those that it leaves out have their defaults.

    Raises:
        Refusal: with every problem of its file and of its backend file, a line each.
    """
    name, backend = path.stem, path.with_suffix(".s3.tfbackend")
    variables = variable_types.declared(ROOT / "terraform")
    body = hcl_file.read(path)
    facts = _facts(body, variables)
    found = list(_problems(body, variables, PASSED_LOCALLY if name == "local" else PASSED))
    if facts.get("environment", name) != name:
        line = _line(body, "environment")
        found.append((line, f'got environment "{facts["environment"]}"; expected "{name}", the name of the file.'))
    found += _other_files(facts, path, variables)
    _refuse({path: found, backend: [] if found else list(_backend_problems(backend, facts))})
    return facts


def read_account(path: Path) -> dict[str, Any]:
    """The facts of an account that the bootstrap prepares.

    Raises:
        Refusal: with every problem of its file, a line each.
    """
    variables = variable_types.declared(ROOT / "terraform" / "bootstrap")
    body = hcl_file.read(path)
    _refuse({path: list(_problems(body, variables, ()))})
    return _facts(body, variables)


def check_all() -> list[str]:
    """The problems of all files of facts in the repository, a line each."""
    reads = [(read_environment, path) for path in sorted(environments.FACTS.glob("*.tfvars"))]
    reads += [(read_account, path) for path in sorted(ACCOUNTS.glob("*.tfvars"))]
    found = []
    for read, path in reads:
        try:
            read(path)
        except Refusal as refusal:
            found += str(refusal).splitlines()
    return found


def backend_of(facts: dict[str, Any]) -> dict[str, str | bool]:
    """The settings of the state backend that belongs to these facts, as terraform/bootstrap makes it."""
    names = Names(str(facts["name"]), str(facts["environment"]))
    return {
        "bucket": f"{names.bucket_prefix}-state-{facts['account_id']}",
        "key": f"{names.service}/terraform.tfstate",
        "region": str(facts["region"]),
        "use_lockfile": True,
        "encrypt": True,
        "kms_key_id": f"alias/{facts.get('bootstrap') or names.stack}-Bootstrap",
    }


def _refuse(problems: dict[Path, list[Problem]]) -> None:
    """Refuse with all problems, if there are any."""
    lines = [
        f"{display_path(path)}:{line}: {problem}" for path, found in problems.items() for line, problem in sorted(found)
    ]
    if lines:
        raise Refusal("\n".join(lines))


def _facts(body: Body, variables: dict[str, Variable]) -> dict[str, Any]:
    return {name: each.default for name, each in variables.items() if not each.is_required} | body.plain()


def _line(body: Body, key: str) -> int:
    return next((entry.line for entry in body.entries if entry.key == key), 1)


def _problems(body: Body, variables: dict[str, Variable], passed: Collection[str]) -> Iterator[Problem]:
    """What does not fit the declared variables."""
    for block in body.blocks:
        yield block.line, f"got a block {block.kind}; expected `{block.kind} = {{ … }}`."
    known = [name for name in variables if name not in passed]
    yield from _repeated_keys(body.entries, "")
    for entry in body.entries:
        if entry.key in passed:
            yield entry.line, f"got {entry.key}; expected no such fact: `make plan` passes it."
        elif entry.key not in variables:
            yield entry.line, _unknown(entry.key, "", known)
        else:
            variable = variables[entry.key]
            if entry.value.kind == "null" and variable.is_required:
                yield entry.line, f"got {entry.key} = null; expected {variable.type}."
            yield from _type_problems(entry.value, variable.type, entry.key)
            yield from _form_problems(entry, variable)
    for name in known:
        if variables[name].is_required and name not in {entry.key for entry in body.entries}:
            yield 1, f"got no {name}; expected {variables[name].type}."


def _type_problems(value: Value, type_: Type, name: str) -> Iterator[Problem]:
    wanted = {"list": "list", "set": "list", "map": "object"}.get(type_.kind, type_.kind)
    if value.kind == "null" or type_.kind == "any":
        return
    if value.kind != wanted:
        got = "an expression" if value.kind in {"expression", "name", "call"} else f"a {value.kind}"
        yield value.line, f"got {got} for {name}; expected {type_}."
        return
    yield from _repeated_keys(value.entries, f"{name}.")
    for index, item in enumerate(value.items):
        yield from _type_problems(item, type_.element or Type("any"), f"{name}[{index}]")
    if type_.kind == "map":
        for entry in value.entries:
            yield from _type_problems(entry.value, type_.element or Type("any"), f"{name}.{entry.key}")
    if type_.kind == "object":
        yield from _attribute_problems(value, type_, name)


def _attribute_problems(value: Value, type_: Type, name: str) -> Iterator[Problem]:
    known = type_.attributes
    given = {entry.key for entry in value.entries}
    for entry in value.entries:
        if entry.key not in known:
            yield entry.line, _unknown(entry.key, f"{name}.", list(known))
            continue
        if entry.value.kind == "null" and not known[entry.key].is_optional:
            yield entry.line, f"got {name}.{entry.key} = null; expected {known[entry.key]}."
        yield from _type_problems(entry.value, known[entry.key], f"{name}.{entry.key}")
    for key, of in known.items():
        if key not in given and not of.is_optional:
            yield value.line, f"got no {name}.{key}; expected {of}."


def _form_problems(entry: Entry, variable: Variable) -> Iterator[Problem]:
    if entry.value.kind != "string":
        return
    for pattern, expected in variable.forms:
        if not re.search(pattern, str(entry.value.content)):
            yield entry.line, f'got {entry.key} "{entry.value.content}"; expected {expected}'


def _unknown(key: str, prefix: str, known: Sequence[str]) -> str:
    near = get_close_matches(key, known, 1)
    question = f"; did you mean {near[0]}?" if near else "."
    return f"got unknown key {prefix}{key}; expected one of {', '.join(sorted(known))}{question}"


def _repeated_keys(entries: Sequence[Entry], prefix: str) -> Iterator[Problem]:
    for key, count in Counter(entry.key for entry in entries).items():
        if count > 1:
            lines = [entry.line for entry in entries if entry.key == key]
            yield lines[1], f"got {prefix}{key} again; expected it once, as in line {lines[0]}."


def _other_files(facts: dict[str, Any], path: Path, variables: dict[str, Variable]) -> Iterator[Problem]:
    """Another file that describes the same stack in the same account: both would use one state."""
    for other in sorted(path.parent.glob("*.tfvars")):
        theirs = {} if other == path else _facts(hcl_file.read(other), variables)
        if theirs and all(theirs.get(key) == facts.get(key) for key in ("name", "environment", "account_id")):
            yield 1, f"got the environment and account of {other.name}; expected one file for each environment."


def _backend_problems(path: Path, facts: dict[str, Any]) -> Iterator[Problem]:
    expected = backend_of(facts)
    if not path.is_file():
        yield 1, f"got no such file; expected a file that names the state bucket {expected['bucket']}."
        return
    body = hcl_file.read(path)
    yield from _repeated_keys(body.entries, "")
    for key in ("bucket", "key", "region"):
        if (got := body.plain().get(key)) != expected[key]:
            yield _line(body, key), f'got {key} "{got}"; expected "{expected[key]}", which belongs to the facts.'
