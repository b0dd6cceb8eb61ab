import pytest
from plan_builder import find, policy, resource

from scripts.gate.rules import (
    bounded_roles,
    expected_principals,
    named_actions,
    narrow_federation,
    own_policies,
    roles_only,
    sound_policies,
)

ACCOUNT = "123456789012"
SOURCE = {"StringEquals": {"aws:SourceAccount": ACCOUNT}}


def role(principal, **statement):
    trust = {"Action": "sts:AssumeRole", "Principal": principal} | statement
    return resource("module.iam.aws_iam_role.agent[0]", {"assume_role_policy": policy(trust)})


def role_policy(**statement):
    return resource("module.iam.aws_iam_role_policy.agent[0]", {"policy": policy(statement)})


@pytest.mark.parametrize(
    "principal",
    [
        {"Service": "ecs-tasks.amazonaws.com"},
        {"Service": ["codebuild.amazonaws.com", "codepipeline.amazonaws.com"]},
        {"Service": "logs.eu-west-1.amazonaws.com"},
        {"AWS": f"arn:aws:iam::{ACCOUNT}:root"},
        {"AWS": ACCOUNT},
    ],
    ids=str,
)
def test_services_of_this_system_and_the_own_account_may_be_trusted(principal):
    assert find(expected_principals.check, role(principal)) == []


@pytest.mark.parametrize(
    "principal",
    [
        "*",
        {"AWS": "*"},
        {"Service": "lambda.amazonaws.com"},
        {"Service": "*.amazonaws.com"},
        {"Service": ["ecs-tasks.amazonaws.com", "ec2.amazonaws.com"]},
        {"AWS": "arn:aws:iam::999999999999:root"},
        {"AWS": f"arn:aws:iam::{ACCOUNT}:role/*"},
        {"CanonicalUser": "79a59df900b949e55d96a1e698fbacedfd6e09d98eacf8f8d5218e7cd47ef2be"},
        None,
    ],
    ids=str,
)
def test_anybody_else_is_named(principal):
    (found,) = find(expected_principals.check, role(principal))
    assert found.address == "module.iam.aws_iam_role.agent[0]"


def test_everybody_but_some_is_everybody():
    trust = policy({"Action": "sts:AssumeRole", "NotPrincipal": {"AWS": ACCOUNT}})
    (found,) = find(expected_principals.check, resource("aws_iam_role.a", {"assume_role_policy": trust}))
    assert "NotPrincipal" in found.got


@pytest.mark.parametrize(
    "type_", ["aws_sqs_queue_policy", "aws_s3_bucket_policy", "aws_sns_topic_policy", "aws_kms_key"]
)
def test_policies_of_resources_trust_nobody_else_either(type_):
    written = policy({"Action": "sqs:SendMessage", "Principal": "*", "Resource": "arn:aws:sqs:eu-west-1:1:q"})
    assert find(expected_principals.check, resource(f"{type_}.a", {"policy": written}))


@pytest.mark.parametrize(
    ("after", "count"),
    [
        ({"principal": "*"}, 1),
        ({"principal": "*", "condition": [{"key": "aws:PrincipalOrgID", "type": "StringEquals", "value": "o-1"}]}, 0),
        ({"principal": ACCOUNT}, 0),
    ],
    ids=str,
)
def test_not_everybody_may_put_events(after, count):
    assert len(find(expected_principals.check, resource("aws_cloudwatch_event_permission.a", after))) == count


def test_to_deny_everybody_is_fine():
    written = policy({"Effect": "Deny", "Action": "s3:*", "Principal": "*", "Resource": "*"})
    assert find(expected_principals.check, resource("aws_s3_bucket_policy.a", {"policy": written})) == []


ISSUER = "oidc.circleci.com/org/1"
FEDERATED = {"Federated": f"arn:aws:iam::{ACCOUNT}:oidc-provider/{ISSUER}"}
SUBJECT = "org/1/project/2/user/*"


def signed_in(**conditions):
    return role(FEDERATED, Action="sts:AssumeRoleWithWebIdentity", Condition=conditions)


def test_tokens_of_one_audience_and_one_project_may_sign_in():
    good = signed_in(StringEquals={f"{ISSUER}:aud": "1"}, StringLike={f"{ISSUER}:sub": SUBJECT})
    assert find(narrow_federation.check, good) == []


@pytest.mark.parametrize(
    ("conditions", "claims"),
    [
        ({}, ["aud", "sub"]),
        ({"StringEquals": {f"{ISSUER}:aud": "1"}}, ["sub"]),
        ({"StringLike": {f"{ISSUER}:sub": SUBJECT}}, ["aud"]),
        ({"StringEquals": {f"{ISSUER}:aud": "1"}, "StringLike": {f"{ISSUER}:sub": "*"}}, ["sub"]),
        ({"StringEquals": {f"{ISSUER}:aud": "1"}, "StringLike": {f"{ISSUER}:sub": ["org/1/project/2", "*"]}}, ["sub"]),
        ({"StringEquals": {f"{ISSUER}:aud": "1"}, "StringLike": {f"{ISSUER}:sub": "org/*/project/2"}}, ["sub"]),
        ({"StringEquals": {f"{ISSUER}:aud": "1"}, "StringLikeIfExists": {f"{ISSUER}:sub": SUBJECT}}, ["sub"]),
        ({"StringLike": {f"{ISSUER}:aud": "*", f"{ISSUER}:sub": SUBJECT}}, ["aud"]),
    ],
    ids=str,
)
def test_a_sign_in_that_is_wider_is_named_with_the_claim(conditions, claims):
    found = find(narrow_federation.check, signed_in(**conditions))
    assert [one.got.rpartition(" ")[2] for one in found] == claims


@pytest.mark.parametrize("action", ["*", "ecs:*", "s3:Get*", "s3:GetObjec?"])
def test_an_action_with_a_wildcard_is_named(action):
    (found,) = find(named_actions.check, role_policy(Action=["ecs:RunTask", action], Resource="arn:aws:ecs:x:1:task/a"))
    assert found.got == f"policy statement 1: {action}"


def test_all_but_some_actions_is_named_and_a_denied_wildcard_is_not():
    assert find(named_actions.check, role_policy(NotAction="iam:PassRole", Resource="*"))
    assert find(named_actions.check, role_policy(Effect="Deny", Action="*", Resource="*")) == []


@pytest.mark.parametrize(("who", "count"), [({"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, 0), ({"AWS": "*"}, 1)])
def test_the_account_may_administer_its_key(who, count):
    key = resource("aws_kms_key.a", {"policy": policy({"Action": "kms:*", "Principal": who, "Resource": "*"})})
    assert len(find(named_actions.check, key)) == count


BOUNDARY = resource("aws_iam_policy.boundary", {"name": "b", "path": "/", "policy": policy({"Action": "s3:GetObject"})})


@pytest.mark.parametrize(
    ("bounded", "said"),
    [
        (resource("aws_iam_role.a", {"permissions_boundary": f"arn:aws:iam::{ACCOUNT}:policy/b"}), None),
        (
            resource(
                "aws_iam_role.a",
                unknown={"permissions_boundary": True},
                references={"permissions_boundary": ["aws_iam_policy.boundary.arn"]},
            ),
            None,
        ),
        (resource("aws_iam_role.a", {"permissions_boundary": None}), "permissions_boundary unset"),
        (resource("aws_iam_role.a", {"permissions_boundary": f"arn:aws:iam::{ACCOUNT}:policy/c"}), "policy/c"),
        (resource("aws_iam_role.a", {"permissions_boundary": "arn:aws:iam::aws:policy/PowerUserAccess"}), "PowerUser"),
        (
            resource(
                "aws_iam_role.a",
                unknown={"permissions_boundary": True},
                references={"permissions_boundary": ["data.aws_iam_policy.x.arn"]},
            ),
            "unknown until apply because of data.aws_iam_policy.x.arn",
        ),
    ],
)
def test_a_role_is_bounded_by_a_policy_of_the_plan(bounded, said):
    found = find(bounded_roles.check, BOUNDARY, bounded)
    assert [one.address for one in found] == (["aws_iam_role.a"] if said else [])
    assert all(said in one.got for one in found)


@pytest.mark.parametrize("type_", ["aws_iam_user", "aws_iam_access_key", "aws_iam_group", "aws_iam_user_login_profile"])
def test_standing_credentials_are_named(type_):
    (found,) = find(roles_only.check, resource(f"{type_}.a"), resource("aws_iam_role.b"))
    assert found.address == f"{type_}.a"


@pytest.mark.parametrize(
    ("attached", "said"),
    [
        (resource("aws_iam_role.a", {"managed_policy_arns": ["arn:aws:iam::aws:policy/AdministratorAccess"]}), "Admin"),
        (resource("aws_iam_role.a", unknown={"managed_policy_arns": True}), None),
        (
            resource(
                "aws_iam_role_policy_attachment.a",
                unknown={"policy_arn": True},
                references={"policy_arn": ["aws_iam_policy.boundary.arn"]},
            ),
            None,
        ),
        (
            resource(
                "aws_iam_role_policy_attachment.a", unknown={"policy_arn": True}, references={"policy_arn": ["local.x"]}
            ),
            "unknown until apply because of local.x",
        ),
    ],
)
def test_only_policies_of_the_plan_are_attached(attached, said):
    found = find(own_policies.check, BOUNDARY, attached)
    assert bool(found) is bool(said)
    assert all(said in one.got for one in found)


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ({"Action": "ecs:RunTasks", "Resource": "*"}, "UNKNOWN_ACTION"),
        ({"Action": "s3:GetObject", "Resource": "arn:aws:s3:::bucket"}, "RESOURCE_MISMATCH"),
        ({"Action": "s3:GetObject", "Resource": "bucket/*"}, "INVALID_ARN"),
        (
            {
                "Action": "sqs:SendMessage",
                "Resource": "*",
                "Condition": {"ArnEquals": {"ecs:cluster": "arn:aws:ecs:x"}},
            },
            "UNKNOWN_CONDITION_FOR_ACTION",
        ),
        ({"Action": "ecs:RunTask", "Resource": f"arn:aws:ecs:eu-west-1:{ACCOUNT}:task-definition/a:*"}, None),
    ],
)
def test_what_a_policy_cannot_mean_is_named(statement, said):
    found = find(sound_policies.check, role_policy(**statement))
    assert [said in one.got for one in found] == ([True] if said else [])


def test_a_trust_policy_needs_no_resource_and_a_wildcard_makes_one_finding_of_its_problems():
    assert find(sound_policies.check, role({"Service": "ecs-tasks.amazonaws.com"}, Condition=SOURCE)) == []
    (found,) = find(
        sound_policies.check, role_policy(Action="ecs:*", Resource=f"arn:aws:ecs:eu-west-1:{ACCOUNT}:task/a/b")
    )
    assert "RESOURCE_MISMATCH" in found.got


def test_a_policy_of_an_image_repository_names_no_resource():
    allowed = policy({"Action": "ecr:BatchGetImage", "Principal": {"AWS": "arn:aws:iam::123456789012:root"}})
    assert find(sound_policies.check, resource("aws_ecr_repository_policy.a", {"policy": allowed})) == []
    assert find(sound_policies.check, resource("aws_sqs_queue_policy.a", {"policy": allowed}))
