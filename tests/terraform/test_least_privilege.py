"""Each role may do what its table says, and nothing else: every right is taken away once, and widened once."""

import copy
import json
from dataclasses import replace

import pytest
from fixture_repository import ENVIRONMENTS

from scripts.gate.permissions import containment, oracle, tables
from scripts.gate.permissions.grants import granted
from scripts.gate.permissions.languages import Texts, shortest
from scripts.gate.reading.documents import Condition
from scripts.gate.reading.plan import Plan
from scripts.gate.rules.sound_policies import load_parliament

ROLES = ("agent", "execution", "flow", "fixture_rights", "flow-logs", "pipeline", "plan", "apply", "register")


@pytest.fixture(scope="module", params=ENVIRONMENTS)
def data(request, offline_plan):
    return json.loads((offline_plan(request.param) / "plan.json").read_text())


@pytest.fixture(scope="module")
def plan(offline_plan):
    return Plan.load(offline_plan("amber") / "plan.json")


def findings(plan):
    return [str(finding) for check in (containment, oracle) for finding in check.check(plan)]


def test_every_role_may_do_what_its_table_says_and_no_more(data):
    assert findings(Plan(data)) == []


def test_every_role_is_asked_for_each_line_and_for_what_no_role_may_do(data):
    plan = Plan(data)
    asked = list(oracle.questions(plan))
    never = len(tables.read(tables.EVERY_ROLE)["may_not"])
    assert never >= 25
    for role in tables.roles(plan):
        lines = sum(len(line.actions) * len(line.resources) for line in role.may)
        own = [question.expected for question in asked if question.role == role.name]
        assert (own.count(True), own.count(False)) == (lines, never)


def role_of(plan, name):
    """The table of a role, and what the plan gives it."""
    [table] = [each for each in tables.roles(plan) if each.name.endswith(f"-{name}")]
    return table, granted(plan)[table.name]


def other_action(line):
    """An action of the same service that the role's table does not name."""
    service = line.split(":")[0]
    return next(
        f"{service}:{privilege['privilege']}"
        for known in load_parliament().iam_definition
        if known["prefix"] == service
        for privilege in reversed(known["privileges"])
    )


def widened(statement, table):
    """The statement with one thing more each: another resource, another action, one condition dropped or loosened."""
    if statement.resources != ("*",) and statement.resources:
        service = statement.resources[0].split(":")[2]
        yield "resource", replace(statement, resources=(*statement.resources, f"arn:aws:{service}:::Payroll"))
    known = {action.lower() for line in (*table.may, *table.trusted) for action in line.actions}
    action = other_action(statement.actions[0])
    if action.lower() not in known:
        yield "action", replace(statement, actions=(*statement.actions, action))
    for number, condition in enumerate(statement.conditions):
        others = statement.conditions[:number] + statement.conditions[number + 1 :]
        yield f"without {condition.key}", replace(statement, conditions=others)
        looser = Condition(condition.operator, condition.key, (*condition.values, "arn:aws:payroll:*"))
        yield f"looser {condition.key}", replace(statement, conditions=(*others, looser))


@pytest.mark.parametrize("name", ROLES)
def test_every_statement_that_is_widened_in_policy_and_boundary_alike_is_told(plan, name):
    table, given = role_of(plan, name)
    missed, tried = [], 0
    for part in ("policies", "trust"):
        for document in getattr(given, part):
            for number, statement in enumerate(document.statements):
                for how, wider in widened(statement, table):
                    tried += 1
                    several = (*document.statements[:number], wider, *document.statements[number + 1 :])
                    spoiled = replace(document, statements=several)
                    bounds = None if given.boundary is None else (spoiled, *given.boundary)
                    told = list(containment.excess(table, replace(given, boundary=bounds, **{part: (spoiled,)})))
                    if not any(statement.label in str(finding) for finding in told):
                        missed.append(f"{statement.label}: {how}")
    assert tried > 3
    assert missed == []


@pytest.mark.parametrize("name", ROLES)
def test_every_right_of_a_policy_that_is_taken_away_is_told(data, name):
    missed = []
    whole = Plan(data)
    table, _ = role_of(whole, name)
    address = next(
        each.address for each in whole.planned("aws_iam_role_policy") if each.after.get("role") == table.name
    )
    entry = next(each for each in data["resource_changes"] if each["address"] == address)
    document = json.loads(entry["change"]["after"]["policy"])
    for statement in document["Statement"]:
        actions = [statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"]
        for action in actions:
            narrower = copy.deepcopy(document)
            [one] = [each for each in narrower["Statement"] if each.get("Sid") == statement.get("Sid")]
            one["Action"] = [each for each in actions if each != action]
            mutated = mutate(data, address, narrower)
            told = any(f"{action} on" in str(finding) for finding in oracle.check(mutated))
            if not told and not is_said_twice(narrower, action, statement):
                missed.append(f"{statement.get('Sid')}: {action}")
    assert missed == []


def is_said_twice(document, action, statement):
    """Whether another statement allows the same: stages read artifacts' bucket as all of the environment's."""
    resources = [statement["Resource"]] if isinstance(statement["Resource"], str) else statement["Resource"]
    others = [
        resource
        for each in document["Statement"]
        if action in ([each["Action"]] if isinstance(each["Action"], str) else each["Action"])
        for resource in ([each["Resource"]] if isinstance(each["Resource"], str) else each["Resource"])
    ]
    return shortest((Texts(tuple(resources)),), tuple(others)) is None


def mutate(data, address, document):
    """The plan with another policy at an address."""
    changes = [
        each
        if each["address"] != address
        else each | {"change": each["change"] | {"after": each["change"]["after"] | {"policy": json.dumps(document)}}}
        for each in data["resource_changes"]
    ]
    return Plan(data | {"resource_changes": changes})


def change(data, address):
    """The planned values of one resource, in a copy of the plan."""
    mutated = copy.deepcopy(data)
    found = next(each for each in mutated["resource_changes"] if each["address"] == address)
    return mutated, found["change"]["after"]


def test_the_boundary_holds_a_policy_that_grants_too_much(data):
    mutated, policy = change(data, 'module.iam.aws_iam_role_policy.task["agent"]')
    document = json.loads(policy["policy"])
    next(each for each in document["Statement"] if each["Sid"] == "HandRolesToFlows")["Resource"] = "*"
    policy["policy"] = json.dumps(document)
    assert findings(Plan(mutated)) == []
    mutated, boundary = change(mutated, "module.iam.aws_iam_policy.boundary")
    boundary["policy"] = json.dumps(document)
    told = [said for said in findings(Plan(mutated)) if "role HarborFlows" in said and "may iam:PassRole on" in said]
    assert len(told) == 1


def test_a_boundary_alone_is_no_wider_than_the_tables_of_its_roles(data):
    mutated, boundary = change(data, "module.iam.aws_iam_policy.boundary")
    document = json.loads(boundary["policy"])
    document["Statement"].append({"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": "*"})
    boundary["policy"] = json.dumps(document)
    [said] = findings(Plan(mutated))
    assert "some role may sqs:SendMessage on *; expected no more than the lines of agent.yaml, execution.yaml" in said


def test_what_a_flow_declares_is_a_line_of_its_role_but_not_what_no_role_may_do(data):
    mutated, policy = change(data, 'module.iam.aws_iam_role_policy.flow["flow-fixture_rights"]')
    boundary = next(
        each["change"]["after"]
        for each in mutated["resource_changes"]
        if each["address"] == 'module.iam.aws_iam_policy.flow_boundary["flow-fixture_rights"]'
    )
    flow = {"flow": "fixture_rights"}
    right = flow | {"actions": ["s3:GetObject"], "resources": ["arn:{partition}:s3:::partner-{env}/*"]}
    environment = mutated["variables"]["environment"]["value"]
    for holder in (policy, boundary):
        document = json.loads(holder["policy"])
        granted_ = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::partner-{environment}/*"}
        document["Statement"].append(granted_)
        holder["policy"] = json.dumps(document)
    assert any("may s3:GetObject on arn:aws:s3:::partner-" in said for said in findings(Plan(mutated)))
    mutated["variables"]["flow_permissions"]["value"].append(right)
    assert findings(Plan(mutated)) == []
    # Not even an hour: the common role has it only where the facts say so.
    mutated["variables"]["flow_permissions"]["value"][-1] = right | {"flow": "fixture_load"}
    assert any("may s3:GetObject on arn:aws:s3:::partner-" in said for said in findings(Plan(mutated)))


def test_a_role_without_a_table_is_told(data):
    mutated, role = change(data, 'module.iam.aws_iam_role.task["flow-logs"]')
    role["name"] = role["name"].replace("flow-logs", "backdoor")
    told = findings(Plan(mutated))
    assert any("-backdoor: got a role without a table" in said for said in told)
