"""Roles and what they may, as IAM describes them: this table and nothing beside it."""

import pytest

# role → the service that may assume it, and every action that it is allowed
ROLES = {
    "agent": (
        "ecs-tasks",
        {
            *("ecs:RunTask", "ecs:StopTask", "ecs:DescribeTasks", "ecs:DescribeTaskDefinition", "ecs:TagResource"),
            *("iam:PassRole", "logs:GetLogEvents", "sqs:GetQueueUrl"),
            *("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:ChangeMessageVisibility"),
        },
    ),
    "execution": (
        "ecs-tasks",
        {
            *("ecr:GetAuthorizationToken", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"),
            *("logs:CreateLogStream", "logs:PutLogEvents", "ssm:GetParameters", "kms:Decrypt"),
        },
    ),
    "flow": ("ecs-tasks", {"s3:GetObject", "s3:PutObject", "s3:ListBucket", "kms:Decrypt", "kms:GenerateDataKey"}),
    "flow-logs": ("vpc-flow-logs", {"logs:CreateLogStream", "logs:PutLogEvents", "logs:DescribeLogStreams"}),
}
# AWS has no narrower form for these.
ANYWHERE = {"ecs:DescribeTaskDefinition", "ecr:GetAuthorizationToken"}


def many(value):
    return value if isinstance(value, list) else [value]


def actions(document):
    return {action for statement in document["Statement"] for action in many(statement["Action"])}


@pytest.fixture
def roles(environment):
    """The environment's roles by the end of their name."""
    found = [each for page in environment["iam"].get_paginator("list_roles").paginate() for each in page["Roles"]]
    start = f"{environment.title}-"
    return {each["RoleName"].removeprefix(start): each for each in found if each["RoleName"].startswith(start)}


@pytest.fixture(params=ROLES)
def role(request, roles):
    """One of the roles: the end of its name and what IAM says of it."""
    return request.param, roles[request.param]


@pytest.fixture
def policy(environment, role):
    """Its inline policy."""
    kind, description = role
    return environment["iam"].get_role_policy(RoleName=description["RoleName"], PolicyName=kind)["PolicyDocument"]


def test_there_are_these_roles_and_no_other(roles):
    assert set(roles) == set(ROLES)


def test_a_role_has_one_inline_policy_and_nothing_attached(environment, role):
    kind, description = role
    iam, name = environment["iam"], description["RoleName"]
    assert iam.list_role_policies(RoleName=name)["PolicyNames"] == [kind]
    assert iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"] == []


def test_a_role_may_do_what_its_row_says(role, policy):
    assert actions(policy) == ROLES[role[0]][1]


def test_no_statement_reaches_beyond_its_environment(environment, policy):
    own = (environment.title, environment.path, environment.results_bucket, "repository/data-flows")
    for statement in policy["Statement"]:
        assert statement["Effect"] == "Allow"
        keys_of_environment = "kms:ResourceAliases" in str(statement.get("Condition"))
        for resource in many(statement["Resource"]):
            if resource == "*":
                assert set(many(statement["Action"])) <= ANYWHERE
            elif resource == environment.arn("kms", "key/*") and keys_of_environment:
                assert f"alias/{environment.title}" in str(statement["Condition"])
            else:
                assert any(name in resource for name in own), resource


def test_only_its_service_in_this_account_assumes_a_role(environment, role):
    kind, description = role
    (statement,) = description["AssumeRolePolicyDocument"]["Statement"]
    assert statement["Principal"] == {"Service": f"{ROLES[kind][0]}.amazonaws.com"}
    assert statement["Action"] == "sts:AssumeRole"
    assert statement["Condition"] == {"StringEquals": {"aws:SourceAccount": environment.account}}


def test_a_role_is_bounded_by_what_all_of_them_may(environment, role):
    _, description = role
    arn = environment.arn("iam", f"policy/{environment.title}-boundary", region="")
    found = environment["iam"].get_role(RoleName=description["RoleName"])["Role"]
    assert found["PermissionsBoundary"]["PermissionsBoundaryArn"] == arn
    version = environment["iam"].get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
    boundary = environment["iam"].get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"]["Document"]
    assert actions(boundary) == set().union(*(allowed for _, allowed in ROLES.values()))
