import json

import pytest
from plan_builder import find, policy, resource, task_definition

from scripts.gate.reading.documents import action_matches, documents
from scripts.gate.reading.plan import Plan
from scripts.gate.rules import known_policies, narrow_pass_role, no_wildcard_writes, own_policies

OUR_TAGS = {"aws:ResourceTag/environment": "amber", "aws:ResourceTag/service": "harbor-flows"}
ROLE = "arn:aws:iam::123456789012:role/HarborFlows-Amber-flow"
TO_ECS = {"StringEquals": {"iam:PassedToService": "ecs-tasks.amazonaws.com"}}
ADDRESS = 'module.iam["x"].aws_iam_role_policy.agent[0]'


def role_policy(*statements, address=ADDRESS):
    return resource(address, {"policy": policy(*statements)})


def test_pass_role_on_named_roles_to_a_named_service_is_narrow():
    good = {"Action": "iam:PassRole", "Resource": [ROLE], "Condition": TO_ECS}
    denied = {"Effect": "Deny", "Action": "*", "Resource": "*"}
    assert find(narrow_pass_role.check, role_policy(good, denied)) == []


@pytest.mark.parametrize(
    "change",
    [
        {"Resource": "*"},
        {"Resource": ["arn:aws:iam::123456789012:role/*"]},
        {"Resource": ["arn:aws:iam::123456789012:role/HarborFlows-?"]},
        {"Resource": ["arn:aws:iam::123456789012:role/${aws:username}"]},
        {"Resource": None, "NotResource": [ROLE]},
        {"Condition": None},
        {"Condition": {"StringEquals": {"iam:PassedToService": "*"}}},
        {"Condition": {"StringLike": {"iam:PassedToService": "*.amazonaws.com"}}},
        {"Condition": {"StringEqualsIfExists": {"iam:PassedToService": "ecs-tasks.amazonaws.com"}}},
        {"Condition": {"StringNotEquals": {"iam:PassedToService": "ecs-tasks.amazonaws.com"}}},
        {"Action": "iam:*"},
        {"Action": "*"},
        {"Action": "IAM:Pass*"},
        {"Action": "iam:P?ssRole"},
        {"Action": None, "NotAction": "s3:*"},
        {"Effect": "allow"},
    ],
    ids=str,
)
def test_pass_role_that_is_wider_is_named(change):
    """An Effect that is not exactly Deny counts as Allow, which only matters to the last case's wildcard."""
    wide = {"Action": "iam:PassRole", "Resource": ROLE, "Condition": TO_ECS} | change
    if "Effect" in change:
        wide["Resource"] = "*"
    found = find(narrow_pass_role.check, role_policy({k: v for k, v in wide.items() if v is not None}))
    assert {one.address for one in found} == {ADDRESS}
    assert "statement 1" in found[0].got


def test_statements_without_pass_role_are_not_its_business():
    assert find(narrow_pass_role.check, role_policy({"Action": ["s3:*", "iam:Get*"], "Resource": "*"})) == []


@pytest.mark.parametrize(
    "statement",
    [
        {"Action": ["ecs:DescribeTaskDefinition", "s3:List*", "ecr:GetAuthorizationToken"], "Resource": "*"},
        {"Action": "cloudwatch:PutMetricData", "Resource": "*"},
        {"Action": "ecs:*", "Resource": "arn:aws:ecs:eu-west-1:123456789012:service/HarborFlows-Amber/agent"},
        {"Action": "s3:PutObject", "Resource": "arn:aws:s3:::bucket/*"},
        {
            "Action": "logs:PutLogEvents",
            "Resource": "arn:aws:logs:eu-west-1:123456789012:log-group:/Harbor/Amber/*",
        },
        {"Action": "ecs:RunTask", "Resource": "*", "Effect": "Deny"},
        {
            "Action": "kms:Decrypt",
            "Resource": "arn:aws:kms:eu-west-1:123456789012:key/*",
            "Condition": {"ForAnyValue:StringEquals": {"kms:ResourceAliases": ["alias/HarborFlows-Amber"]}},
        },
        {
            "Action": "application-autoscaling:RegisterScalableTarget",
            "Resource": "arn:aws:application-autoscaling:eu-west-1:123456789012:scalable-target/*",
            "Condition": {"StringEquals": OUR_TAGS},
        },
    ],
    ids=str,
)
def test_reading_and_writing_to_what_is_named_is_fine(statement):
    assert find(no_wildcard_writes.check, role_policy(statement)) == []


@pytest.mark.parametrize(
    "statement",
    [
        {"Action": "ecs:RunTask", "Resource": "*", "Condition": {"ArnEquals": {"ecs:cluster": "arn:aws:ecs:x"}}},
        {"Action": ["s3:GetObject", "s3:PutObject"], "Resource": ["arn:aws:s3:::a/*", "*"]},
        {"Action": "ecs:*", "Resource": "*"},
        {"Action": "*", "Resource": "*"},
        {"Action": "s3:G*", "Resource": "*"},
        {"Action": "s3:*Get*", "Resource": "*"},
        {"Action": "s3:PutObject", "Resource": "arn:aws:s3:::*"},
        {"Action": "s3:PutObject", "Resource": "arn:aws:s3:::*/*"},
        {"Action": "ecs:StopTask", "Resource": "arn:aws:ecs:eu-west-1:123456789012:task/*"},
        {"Action": "sqs:DeleteMessage", "Resource": "arn:aws:sqs:eu-west-1:123456789012:*"},
        {"Action": "sqs:DeleteMessage", "Resource": "arn:aws:sqs:*"},
        {"Action": "sqs:DeleteMessage", "NotResource": "arn:aws:sqs:eu-west-1:123456789012:other"},
        {"NotAction": "iam:*", "Resource": "*"},
        {"Action": "sqs:DeleteMessage"},
        {"action": "sqs:DeleteMessage", "resource": "*"},
        {
            "Action": "kms:Decrypt",
            "Resource": "arn:aws:kms:eu-west-1:123456789012:key/*",
            "Condition": {"StringLike": {"kms:ResourceAliases": ["alias/*"]}},
        },
        {
            "Action": "kms:Decrypt",
            "Resource": "*",
            "Condition": {"StringEquals": {"kms:RequestAlias": "alias/HarborFlows-Amber"}},
        },
        {
            "Action": "application-autoscaling:RegisterScalableTarget",
            "Resource": "arn:aws:application-autoscaling:eu-west-1:123456789012:scalable-target/*",
            "Condition": {"StringLike": {"aws:ResourceTag/environment": "amber*"}},
        },
        {
            "Action": "application-autoscaling:RegisterScalableTarget",
            "Resource": "arn:aws:application-autoscaling:eu-west-1:123456789012:scalable-target/*",
            "Condition": {"StringEquals": {"application-autoscaling:service-namespace": "ecs"}},
        },
        {
            "Action": "application-autoscaling:RegisterScalableTarget",
            "Resource": "arn:aws:application-autoscaling:eu-west-1:123456789012:scalable-target/*",
            "Condition": {"StringEquals": {"aws:ResourceTag/environment": "amber"}},
        },
        {
            "Action": "application-autoscaling:RegisterScalableTarget",
            "Resource": "arn:aws:application-autoscaling:eu-west-1:123456789012:scalable-target/*",
            "Condition": {"StringEquals": OUR_TAGS | {"aws:ResourceTag/service": "another-stack"}},
        },
        {
            "Action": "kms:Decrypt",
            "Resource": "arn:aws:kms:eu-west-1:123456789012:key/*",
            "Condition": {"ForAnyValue:StringEquals": {"kms:ResourceAliases": ["alias/AnotherStack-Amber"]}},
        },
        {
            "Action": "ecs:StopTask",
            "Resource": "arn:aws:ecs:eu-west-1:123456789012:task/*",
            "Condition": {"StringEquals": OUR_TAGS},
        },
    ],
    ids=str,
)
def test_writing_to_everything_is_named(statement):
    (found,) = find(no_wildcard_writes.check, role_policy(statement))
    assert found.address == ADDRESS
    assert "policy statement 1: " in found.got


@pytest.mark.parametrize(
    ("address", "attribute"),
    [
        ("aws_iam_policy.a", "policy"),
        ("aws_sqs_queue_policy.a", "policy"),
        ("aws_sns_topic.a", "policy"),
        ("aws_vpc_endpoint.s3", "policy"),
        ("aws_cloudwatch_log_resource_policy.a", "policy_document"),
        ("aws_of_a_type_that_nobody_thought_of.a", "rules"),
    ],
)
def test_resource_and_managed_policies_are_read_too(address, attribute):
    written = policy({"Action": "sqs:SendMessage", "Resource": "*", "Principal": "*"})
    (found,) = find(no_wildcard_writes.check, resource(address, {attribute: written}))
    assert found.address == address


def test_everything_but_something_is_named_in_a_resource_policy_too():
    written = policy({"Action": "s3:PutObject", "NotResource": "arn:aws:s3:::bucket/a", "Principal": "*"})
    assert find(no_wildcard_writes.check, resource("aws_s3_bucket_policy.a", {"policy": written}))


def test_inline_policies_of_a_role_are_read_too():
    inline = {"inline_policy": [{"name": "n", "policy": policy({"Action": "*", "Resource": "*"})}]}
    assert find(no_wildcard_writes.check, resource("aws_iam_role.a", inline))
    assert find(narrow_pass_role.check, resource("aws_iam_role.a", inline))


def test_the_star_of_a_key_policy_is_the_key_itself():
    everything = policy({"Action": "kms:*", "Resource": "*", "Principal": {"AWS": "arn:aws:iam::123456789012:root"}})
    assert find(no_wildcard_writes.check, resource("aws_kms_key.data", {"policy": everything})) == []


BOUNDARY = resource(
    "aws_iam_policy.boundary", {"name": "b", "path": "/", "policy": policy({"Action": "*", "Resource": "*"})}
)
BY_NAME = resource("aws_iam_role.a", {"permissions_boundary": "arn:aws:iam::123456789012:policy/b"})
BY_REFERENCE = resource(
    "aws_iam_role.a",
    {},
    unknown={"permissions_boundary": True},
    references={"permissions_boundary": ["aws_iam_policy.boundary.arn"]},
)
ATTACHED = resource("aws_iam_role_policy_attachment.a", {"policy_arn": "arn:aws:iam::123456789012:policy/b"})


@pytest.mark.parametrize(
    ("others", "is_boundary"), [([BY_NAME], True), ([BY_REFERENCE], True), ([], False), ([BY_NAME, ATTACHED], False)]
)
def test_a_boundary_grants_nothing_unless_it_is_also_attached(others, is_boundary):
    assert (find(no_wildcard_writes.check, BOUNDARY, *others) == []) is is_boundary


def test_an_unknown_policy_is_named_with_the_reference_that_makes_it_unknown():
    found = find(
        known_policies.check,
        resource(
            'module.iam.aws_iam_role_policy.agent["x"]',
            unknown={"policy": True},
            references={"policy": ["aws_iam_role.flow.arn", "aws_iam_role.flow"]},
        ),
        resource("module.iam.aws_iam_role.flow", {}, unknown={"arn": True}),
    )
    assert [one.address for one in found] == ['module.iam.aws_iam_role_policy.agent["x"]']
    assert found[0].got == "policy unknown until apply because of module.iam.aws_iam_role.flow.arn"


def test_an_unknown_trust_inline_endpoint_or_container_definition_is_a_finding():
    found = find(
        known_policies.check,
        resource(
            "aws_iam_role.a", {}, unknown={"assume_role_policy": True}, references={"assume_role_policy": ["local.a"]}
        ),
        resource("aws_iam_role.b", {"inline_policy": [{"name": "n"}]}, unknown={"inline_policy": [{"policy": True}]}),
        resource("aws_vpc_endpoint.c", {}, unknown={"policy": True}, references={"policy": ["local.a"]}),
        resource("aws_ecs_task_definition.d", {}, unknown={"container_definitions": True}),
    )
    assert [one.address for one in found] == [
        "aws_iam_role.a",
        "aws_iam_role.b",
        "aws_vpc_endpoint.c",
        "aws_ecs_task_definition.d",
    ]


def test_a_policy_that_nobody_wrote_is_the_providers_default_and_no_finding():
    nothing_set = resource("aws_sqs_queue.q", {"name": "q"}, unknown={"policy": True})
    lifecycle = resource("aws_ecr_lifecycle_policy.l", {}, unknown={"policy": True}, references={"policy": ["local.a"]})
    assert find(known_policies.check, nothing_set, lifecycle, task_definition()) == []


@pytest.mark.parametrize(
    "text",
    ["{", "[]", "{}", '{"Statement": 1}', '{"Statement": [], "Statement": []}', '{"Statement": [{"Condition": 1}]}'],
)
def test_a_policy_that_cannot_be_read_is_a_finding(text):
    (found,) = find(known_policies.check, resource("aws_iam_policy.a", {"policy": text}))
    assert found.got.startswith("policy not a policy document")


def test_every_document_has_its_kind():
    plan = Plan(
        {
            "format_version": "1.2",
            "planned_values": {},
            "resource_changes": [
                resource("aws_iam_role.a", {"assume_role_policy": policy({"Action": "sts:AssumeRole"})}),
                role_policy({"Action": "s3:GetObject", "Resource": "*"}),
                resource("aws_s3_bucket_policy.b", {"policy": policy({"Action": "s3:GetObject", "Resource": "*"})}),
            ],
        }
    )
    assert [document.kind for document in documents(plan)] == ["trust", "identity", "resource"]


@pytest.mark.parametrize(
    ("pattern", "action", "covers"),
    [
        ("iam:passrole", "iam:PassRole", True),
        ("iam:Pass*", "iam:PassRole", True),
        ("*:PassRole", "iam:PassRole", True),
        ("iam:[Pp]assRole", "iam:PassRole", False),
        ("iam:Get*", "iam:PassRole", False),
    ],
)
def test_action_patterns_match_as_in_iam(pattern, action, covers):
    assert action_matches(pattern, action) is covers


def test_an_attached_policy_that_the_plan_does_not_hold_is_a_finding():
    """Its document cannot be read, so what it grants is unknown."""
    attachment = "aws_iam_role_policy_attachment.a"
    managed = resource(attachment, {"policy_arn": "arn:aws:iam::aws:policy/AmazonECS_FullAccess"})
    (found,) = find(own_policies.check, managed)
    assert (found.address, found.got) == (attachment, "policy_arn = arn:aws:iam::aws:policy/AmazonECS_FullAccess")
    text = json.dumps({"Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::a/*"}]})
    ours = resource("aws_iam_policy.b", {"name": "b", "path": "/", "policy": text})
    attached = resource(attachment, {"policy_arn": "arn:aws:iam::123456789012:policy/b"})
    assert find(own_policies.check, ours, attached) == []
