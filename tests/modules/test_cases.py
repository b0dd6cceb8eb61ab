"""Every case beside this file is planned: what a plan must hold, and what must be refused with which words.

`tests/modules/<module>/<case>.yaml`, where `root` stands for terraform/:
  variables   of the plan
  values      address: some of its planned attributes; a JSON document is written as YAML
  counts      resource type: how many are planned
  outputs     output: some of its value
  refused     a list: `with`, merged into the variables, and `message`, which must be all that Terraform says

SHOW=1 .venv/bin/python -m pytest -n 0 -s tests/modules/test_cases.py -k own_vpc      prints all planned values
"""

import json
import os
import re
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from all_cases import AllCases
from aws_limits import too_long

from scripts.gate.permissions.flow_definitions import definition
from scripts.gate.reading.hcl import blocks
from scripts.shared.environments import ROOT
from scripts.shared.names import Names

MODULES = sorted(path.name for path in (ROOT / "modules").iterdir())
CASES = {
    f"{path.parent.name}/{path.stem}": yaml.safe_load(path.read_text())
    for path in sorted((ROOT / "tests" / "modules").glob("*/*.yaml"))
}


def many_flows() -> dict[str, Any]:
    """The variables of 100 flow files with rights of their own, 60 of them with a secret too."""
    facts = CASES["root/longest_names"]["variables"] | {"prefect_credential": "PREFECT_API_KEY"}
    title = Names(facts["name"], facts["environment"]).title
    flows = {f"partners/of_a_team/with_a_long_name/load_{number:03}": number for number in range(100)}
    secrets = {flow: [f"PARTNER_TOKEN_{number:03}"] if number < 60 else [] for flow, number in flows.items()}
    rights = [{"actions": ["s3:GetObject", "s3:PutObject"], "resources": ["arn:{partition}:s3:::partner-{env}-%03d/*"]}]
    rights += [{"actions": ["sqs:SendMessage"], "resources": ["arn:{partition}:sqs:{region}:{account}:{title}-%03d"]}]
    return {
        "flow_permissions": [
            {"flow": flow, "actions": each["actions"], "resources": [each["resources"][0] % number]}
            for flow, number in flows.items()
            for each in rights
        ],
        "flow_definitions": {
            flow: definition(title, facts, flow, names, has_rights=True) for flow, names in secrets.items()
        },
    }


CASES["root/longest_names"]["variables"] |= many_flows()
PLANNED = [name for name, case in CASES.items() if case.keys() & {"values", "counts", "outputs"}]
REFUSALS = [(name, refusal) for name, case in CASES.items() for refusal in case.get("refused", [])]


def merged(variables: Any, changes: Any) -> Any:
    """The variables with the changes in them, objects attribute by attribute."""
    if not (isinstance(variables, dict) and isinstance(changes, dict)):
        return changes
    return variables | {key: merged(variables.get(key), value) for key, value in changes.items()}


def differences(expected: Any, actual: Any, at: str) -> Iterator[str]:
    """What of the expected is not in the actual. In a list of objects the order does not count, the number does."""
    if isinstance(actual, str) and actual.startswith(("{", "[")) and isinstance(expected, dict | list):
        actual = json.loads(actual)
    if isinstance(expected, dict) and isinstance(actual, dict):
        for key, value in expected.items():
            if key in actual:
                yield from differences(value, actual[key], f"{at}.{key}")
            else:
                yield f"{at}.{key}: got nothing known; expected {value}"
    elif isinstance(expected, list) and isinstance(actual, list) and any(isinstance(item, dict) for item in expected):
        if len(expected) != len(actual):
            yield f"{at}: got {len(actual)} items, {actual}; expected {len(expected)}"
        for item in expected:
            if all(any(differences(item, candidate, at)) for candidate in actual):
                yield f"{at}: got {actual}; expected among them {item}"
    elif expected != actual:
        yield f"{at}: got {actual}; expected {expected}"


@pytest.fixture(scope="module")
def cases(tmp_path_factory):
    """Terraform with all cases."""
    planned = [(name.partition("/")[0], CASES[name]["variables"]) for name in PLANNED]
    refused = [(name.partition("/")[0], merged(CASES[name]["variables"], each["with"])) for name, each in REFUSALS]
    return AllCases(tmp_path_factory.mktemp("modules"), planned, refused)


@pytest.fixture(scope="module")
def plans(cases):
    """What each case that plans plans, by name."""
    return dict(zip(PLANNED, cases.plans(), strict=True))


@pytest.mark.parametrize("name", PLANNED)
def test_a_case_plans_what_it_expects(plans, name):
    case, plan = CASES[name], plans[name]
    if os.environ.get("SHOW"):
        print(yaml.safe_dump({"values": plan.values, "counts": dict(plan.counts), "outputs": plan.outputs}))
    found = list(differences(case.get("values", {}), plan.values, "values"))
    found += differences(
        case.get("counts", {}), {type_: plan.counts[type_] for type_ in case.get("counts", {})}, "counts"
    )
    found += differences(case.get("outputs", {}), plan.outputs, "outputs")
    assert not found, "\n".join(found)


def test_the_longest_names_are_within_the_limits_of_aws(plans):
    planned = plans["root/longest_names"].values
    assert list(too_long(planned)) == []
    own = [address for address in planned if address.startswith("module.iam.aws_iam_role.flow[")]
    assert len(own) == 100
    longer = {address: after | {"name": f"{after.get('name')}{'x' * 40}"} for address, after in planned.items()}
    assert any("aws_iam_role.task" in said for said in too_long(longer))


@pytest.fixture(scope="module")
def errors(cases):
    """What Terraform said against each refusal."""
    return cases.errors()


@pytest.mark.parametrize(
    ("name", "refusal"), REFUSALS, ids=[f"{name}: {refusal['message'][:60]}" for name, refusal in REFUSALS]
)
def test_wrong_input_is_refused_with_exactly_one_message(errors, name, refusal):
    assert errors[REFUSALS.index((name, refusal))] == [refusal["message"]]


def rules() -> Iterator[tuple[str, str, str]]:
    """(module, where, message template) of every validation and precondition of the modules and the root."""
    for module in [*MODULES, "root"]:
        directory = ROOT / "terraform" if module == "root" else ROOT / "modules" / module
        for name, body in blocks(directory, "variable"):
            for rule in body.get("validation", []):
                yield module, f"variable {name}", rule["error_message"]
        for name, body in blocks(directory, "resource"):
            for lifecycle in body.get("lifecycle", []):
                for rule in lifecycle.get("precondition", []):
                    yield module, name, rule["error_message"]


def pattern(template: str) -> re.Pattern[str]:
    """A message template as a pattern: each `${…}` stands for any text."""
    found, depth, start = "", 0, 0
    for mark in re.finditer(r"\$\{|\{|\}", template):
        if depth == 0 and mark[0] == "${":
            found += re.escape(template[start : mark.start()]) + ".*"
        if depth or mark[0] == "${":
            depth += -1 if mark[0] == "}" else 1
            start = mark.end()
    return re.compile((found + re.escape(template[start:])).replace(r'\\"', '"'))


@pytest.mark.parametrize("module", [*MODULES, "root"])
def test_every_validation_has_a_refused_case(module):
    messages = [refusal["message"] for name, refusal in REFUSALS if name.startswith(f"{module}/")]
    untested = [
        f"{where}: {template}"
        for rule_module, where, template in rules()
        if rule_module == module and not any(pattern(template).fullmatch(message) for message in messages)
    ]
    assert not untested, "got no `refused` case in tests/modules/" + module + " for\n" + "\n".join(untested)


def test_every_module_has_a_case_that_plans():
    assert {name.partition("/")[0] for name in PLANNED} == {*MODULES, "root"}
