"""What policy and boundary allow together is held against a table's lines, whatever way a policy is written."""

import json
from dataclasses import replace

import pytest
from plan_builder import plan_data, resource

from scripts.gate.permissions import containment, page
from scripts.gate.permissions.grants import granted
from scripts.gate.permissions.tables import Line, Role
from scripts.gate.reading.documents import Condition
from scripts.gate.reading.plan import Plan

QUEUE = "arn:aws:sqs:eu-west-1:1:events"
OURS = Condition("stringequals", "aws:sourceaccount", ("1",))


def line(*actions, on=(QUEUE,), when=()):
    return Line("worker.yaml", "", actions, tuple(on), tuple(when))


SEND = line("sqs:SendMessage")


def statement(effect="Allow", **parts):
    return {"Effect": effect} | parts


def told(*statements, lines=(SEND,), boundary=None):
    """What is found for a role with one policy, and its boundary where one is given."""
    document = json.dumps({"Statement": list(statements)})
    role = {"name": "worker", "assume_role_policy": json.dumps({"Statement": []})}
    changes = [resource("aws_iam_role_policy.worker", {"name": "p", "role": "worker", "policy": document})]
    if boundary is not None:
        changes.append(
            resource("aws_iam_policy.bound", {"name": "bound", "policy": json.dumps({"Statement": boundary})})
        )
        role["permissions_boundary"] = "arn:aws:iam::1:policy/bound"
    changes.append(resource("aws_iam_role.worker", role))
    given = granted(Plan(plan_data(*changes)))["worker"]
    return [str(each) for each in containment.excess(Role("worker", "", (), tuple(lines)), given)]


def test_what_a_line_says_is_no_finding():
    assert told(statement(Action="sqs:SendMessage", Resource=QUEUE)) == []
    assert told(statement(Action=["SQS:sendmessage"], Resource=[QUEUE])) == []


@pytest.mark.parametrize(
    ("parts", "example"),
    [
        ({"Action": "sqs:SendMessage", "Resource": [QUEUE, f"{QUEUE}-2"]}, f"sqs:SendMessage on {QUEUE}-2"),
        ({"Action": "sqs:SendMessage", "Resource": f"{QUEUE}*"}, f"sqs:SendMessage on {QUEUE}x"),
        ({"Action": "sqs:SendMessage", "Resource": "*"}, "sqs:SendMessage on *"),
        ({"Action": ["sqs:SendMessage", "sqs:PurgeQueue"], "Resource": QUEUE}, f"sqs:PurgeQueue on {QUEUE}"),
        ({"Action": "sqs:S*", "Resource": QUEUE}, f"sqs:SetQueueAttributes on {QUEUE}"),
        ({"NotAction": "iam:*", "Resource": QUEUE}, "on arn:aws:sqs"),
        ({"Action": "sqs:SendMessage", "NotResource": f"{QUEUE}?"}, "sqs:SendMessage on *"),
        ({"Action": "sqs:SendMessage", "Resource": QUEUE, "Condition": {}}, None),
    ],
)  # fmt: skip
def test_what_no_line_says_is_told_with_the_shortest_example(parts, example):
    found = told(statement(**parts))
    assert bool(found) is (example is not None)
    assert example is None or (len(found) == 1 and example in found[0])


def test_a_policy_variable_is_refused():
    [found] = told(statement(Action="sqs:SendMessage", Resource=QUEUE.replace("events", "${aws:username}")))[:1]
    assert "the policy variable ${aws:username}" in found


def test_only_what_the_boundary_allows_too_counts():
    everything = statement(Action="sqs:*", Resource="*")
    assert told(everything, boundary=[statement(Action="sqs:SendMessage", Resource=f"{QUEUE}")]) == []
    assert told(everything, boundary=[statement(Action="sqs:SendMessage", Resource=f"{QUEUE[:-1]}*")]) != []
    assert told(everything, boundary=[]) != []  # No policy at all: it bounds nothing.
    assert told(everything) != []


def test_what_is_denied_outright_does_not_count():
    send = statement(Action="sqs:SendMessage", Resource="arn:aws:sqs:eu-west-1:1:*")
    rest = statement("Deny", Action="sqs:*", NotResource=QUEUE)
    assert told(send) != []
    assert told(send, statement("Deny", Action="sqs:*", Resource="arn:aws:sqs:*")) == []
    # Denied all but what the line says, or only sometimes: these are not reasoned about, so they are told.
    assert told(send, rest) != []
    assert told(send, statement("Deny", Action="sqs:*", Resource="*", Condition={"Bool": {"a:b": "true"}})) != []


@pytest.mark.parametrize(
    ("condition", "is_enough"),
    [
        ({"StringEquals": {"aws:SourceAccount": "1"}}, True),
        ({"StringEquals": {"aws:SourceAccount": ["1"], "aws:PrincipalType": "User"}}, True),
        ({"StringEquals": {"AWS:sourceaccount": "1"}}, True),
        ({"StringEquals": {"aws:SourceAccount": ["1", "2"]}}, False),
        ({"StringEqualsIfExists": {"aws:SourceAccount": "1"}}, False),
        ({"StringNotEquals": {"aws:SourceAccount": "1"}}, False),
        ({"StringLike": {"aws:SourceAccount": "1"}}, False),
        ({"ForAllValues:StringEquals": {"aws:SourceAccount": "1"}}, False),
        ({}, False),
    ],
)
def test_a_condition_of_a_line_must_be_there_with_its_values(condition, is_enough):
    asked = statement(Action="sqs:SendMessage", Resource=QUEUE, Condition=condition)
    found = told(asked, lines=[replace(SEND, conditions=(OURS,))])
    assert (found == []) is is_enough
    assert is_enough or "without stringequals aws:sourceaccount 1" in found[0]


@pytest.mark.parametrize(
    ("operator", "values", "is_enough"),
    [
        ("StringLike", ["landing/*"], True),
        ("StringEquals", ["landing/orders/"], True),
        ("StringLike", ["land*"], False),
        ("StringLike", ["landing/*", "payroll/"], False),
    ],
)
def test_a_condition_with_patterns_must_not_reach_further(operator, values, is_enough):
    own = Condition("stringlike", "s3:prefix", ("landing/*", "export/*"))
    asked = statement(Action="s3:ListBucket", Resource="arn:aws:s3:::b", Condition={operator: {"s3:prefix": values}})
    assert (told(asked, lines=[line("s3:ListBucket", on=["arn:aws:s3:::b"], when=[own])]) == []) is is_enough


def test_values_that_are_excluded_must_be_excluded_still():
    others = Condition("stringnotequals", "aws:principalaccount", ("1",))
    lines = [replace(SEND, conditions=(others,))]

    def asked(*values):
        excluded = {"StringNotEquals": {"aws:PrincipalAccount": list(values)}}
        return told(statement(Action="sqs:SendMessage", Resource=QUEUE, Condition=excluded), lines=lines)

    assert asked("1") == asked("1", "2") == []
    assert asked("2") != []


def test_an_action_is_compared_with_its_own_services_things_only():
    both = statement(Action=["sqs:SendMessage", "sns:Publish"], Resource=[QUEUE, "arn:aws:sns:eu-west-1:1:topic"])
    assert told(both, lines=[SEND, line("sns:Publish", on=["arn:aws:sns:eu-west-1:1:topic"])]) == []


@pytest.mark.parametrize(
    "changes",
    [
        [resource("aws_iam_role.worker", {"name": "worker", "inline_policy": [{"policy": "POLICY"}]})],
        [
            resource("aws_iam_policy.pay", {"name": "pay", "policy": "POLICY"}),
            resource("aws_iam_role.worker", {"name": "worker", "managed_policy_arns": ["arn:aws:iam::1:policy/pay"]}),
        ],
        [
            resource("aws_iam_policy.pay", {"name": "pay", "policy": "POLICY"}),
            resource("aws_iam_role.worker", {"name": "worker"}),
            resource("aws_iam_role_policy_attachment.x", {"role": "worker", "policy_arn": "arn:aws:iam::1:policy/pay"}),
        ],
    ],
    ids=["in the role's block", "named by the role", "attached"],
)  # fmt: skip
def test_a_policy_counts_however_the_role_gets_it(changes):
    pay = json.dumps({"Statement": [statement(Action="sqs:SendMessage", Resource="arn:aws:sqs:eu-west-1:1:Payroll")]})
    text = json.dumps([each["change"]["after"] for each in changes]).replace('"POLICY"', json.dumps(pay))
    for each, after in zip(changes, json.loads(text), strict=True):
        each["change"]["after"] = after
    [found] = containment.excess(Role("worker", "", (), (SEND,)), granted(Plan(plan_data(*changes)))["worker"])
    assert "role worker may sqs:SendMessage on arn:aws:sqs:eu-west-1:1:Payroll" in str(found)


def test_the_page_shows_the_tables_as_they_are():
    assert page.PAGE.read_text() == page.page(), "make it with: .venv/bin/python -m scripts.gate.permissions.page"
