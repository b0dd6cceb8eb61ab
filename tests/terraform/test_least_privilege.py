"""Each role may do what its table says and nothing of what its table forbids."""

import copy
import json
from collections import Counter

import pytest
import yaml
from fixture_repository import ENVIRONMENTS

from scripts.gate.permissions import oracle
from scripts.gate.reading.plan import Plan


@pytest.fixture(scope="module", params=ENVIRONMENTS)
def data(request, offline_plan):
    return json.loads((offline_plan(request.param) / "plan.json").read_text())


def change(data, address):
    """The planned values of one resource, in a copy of the plan."""
    mutated = copy.deepcopy(data)
    found = next(each for each in mutated["resource_changes"] if each["address"] == address)
    return mutated, found["change"]["after"]


def findings(data):
    return [str(finding) for finding in oracle.check(Plan(data))]


def test_every_role_answers_as_its_table_says(data):
    assert findings(data) == []


def test_the_tables_ask_every_role_for_what_it_may_and_for_at_least_25_denials(data):
    plan = Plan(data)
    asked = Counter((question.role, question.expected) for question in oracle.questions(plan))
    for role in oracle.Oracle(plan).roles:
        assert asked[role, True] >= 3, role
        assert asked[role, False] >= 25, role


@pytest.mark.parametrize("role", ["agent", "execution", "flow", "flow-logs", "pipeline", "plan", "apply", "register"])
def test_each_row_of_a_table_is_asked_once(role):
    rows = yaml.safe_load((oracle.TABLES / f"{role}.yaml").read_text())
    never = yaml.safe_load(oracle.EVERY_ROLE.read_text())["may_not"]
    asked = [str(row) for row in [*rows["may"], *rows["may_not"], *never]]
    assert sorted(asked) == sorted(set(asked))


def test_a_policy_that_grants_too_much_is_told_with_the_call(data):
    mutated, policy = change(data, 'module.iam.aws_iam_role_policy.task["agent"]')
    document = json.loads(policy["policy"])
    next(each for each in document["Statement"] if each["Sid"] == "HandRolesToFlows")["Resource"] = "*"
    policy["policy"] = json.dumps(document)
    # The boundary still holds it: that is what it is for.
    assert findings(mutated) == []
    mutated, boundary = change(mutated, "module.iam.aws_iam_policy.boundary")
    boundary["policy"] = json.dumps(document)
    assert any(
        "iam:PassRole on" in said and "role/Administrator" in said and "got" in said for said in findings(mutated)
    )


def test_a_right_that_is_missing_is_told(data):
    mutated, policy = change(data, 'module.iam.aws_iam_role_policy.task["execution"]')
    document = json.loads(policy["policy"])
    document["Statement"] = [each for each in document["Statement"] if each["Sid"] != "DecryptSecrets"]
    policy["policy"] = json.dumps(document)
    (said,) = findings(mutated)
    assert "kms:Decrypt" in said
    assert said.endswith("denied; expected allowed")


def test_a_role_without_a_table_is_told(data):
    mutated, role = change(data, 'module.iam.aws_iam_role.task["flow-logs"]')
    role["name"] = role["name"].replace("flow-logs", "backdoor")
    without_table, without_role = findings(mutated)
    assert "-backdoor: got a role without a table" in without_table
    assert "-flow-logs: got a table without a role" in without_role
