"""Roles and what they may, as IAM describes them: these tables and nothing beside them."""

import re

import pytest
from deployment import AMBER

IMAGES = f"repository/{AMBER['image_repository']}"
# role of tasks and the network → the service that may assume it, and every action that it is allowed
TASKS = {
    "agent": (
        "ecs-tasks",
        {
            *("ecs:RunTask", "ecs:StopTask", "ecs:DescribeTasks", "ecs:DescribeTaskDefinition", "ecs:TagResource"),
            *("ecs:ListTasks", "iam:PassRole", "logs:GetLogEvents"),
            *("sqs:GetQueueUrl", "sqs:ReceiveMessage", "sqs:DeleteMessage", "sns:Publish"),
            *("kms:Decrypt", "kms:GenerateDataKey"),
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
# A flow of tests/fixtures/flows declares a right: it has a role and a boundary of its own.
OWN = {"flow-fixture_rights": TASKS["flow"]}
# role of a delivery → the service, and every action that does more than look
OF_EACH = {"kms:Decrypt", "kms:GenerateDataKey", "s3:PutObject"}
OF_EACH_BUILD = OF_EACH | {"logs:CreateLogStream", "logs:PutLogEvents"}
DELIVERIES = {
    "pipeline": (
        "codepipeline",
        OF_EACH | {"codebuild:StartBuild", "codestar-connections:UseConnection", "sns:Publish"},
    ),
    "plan": ("codebuild", OF_EACH_BUILD | {"codestar-connections:UseConnection", "s3:DeleteObject"}),
    "apply": (
        "codebuild",
        {
            *OF_EACH_BUILD,
            *("codestar-connections:UseConnection", "s3:DeleteObject", "iam:PassRole", "codebuild:UpdateProject"),
            *("ecs:RegisterTaskDefinition", "ecs:TagResource", "ecs:UpdateService"),
            *("application-autoscaling:RegisterScalableTarget", "application-autoscaling:PutScalingPolicy"),
            *("application-autoscaling:PutScheduledAction", "application-autoscaling:DeleteScalingPolicy"),
            *("application-autoscaling:DeleteScheduledAction", "cloudwatch:DeleteAlarms", "cloudwatch:PutDashboard"),
            *("cloudwatch:PutMetricAlarm", "cloudwatch:TagResource", "logs:DeleteMetricFilter"),
            *("logs:PutMetricFilter", "logs:PutRetentionPolicy"),
        },
    ),
    "register": ("codebuild", OF_EACH_BUILD),
}
ROLES = TASKS | OWN | DELIVERIES
LOOKING = re.compile(r":(Get|List|Describe|BatchGet|BatchCheck)")
# AWS has no narrower form for these.
ANYWHERE = re.compile(r":(Describe|List)|^ecr:GetAuthorizationToken|^ecs:RegisterTaskDefinition|^sns:GetSubscription")


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
    kind, _ = role
    allowed = actions(policy)
    if kind in DELIVERIES:
        allowed = {action for action in allowed if not LOOKING.search(action)}
    assert allowed == ROLES[kind][1]


def test_no_statement_reaches_beyond_its_environment(environment, policy):
    """By the name of what it is about; a key by its alias, and what AWS names by our tag."""
    names = (environment.title, environment.path, f"{environment.names.bucket_prefix}-", IMAGES)
    names += (":codestar-connections:",)
    aliases = {f"alias/{AMBER['name']}-Bootstrap", f"alias/{environment.title}"}
    for statement in policy["Statement"]:
        assert statement["Effect"] == "Allow"
        asked = {key: value for keys in statement.get("Condition", {}).values() for key, value in keys.items()}
        narrowed = (
            asked.get("aws:ResourceTag/environment") == environment.name
            or set(many(asked.get("kms:ResourceAliases", "*"))) <= aliases
            or all(ANYWHERE.search(action) for action in many(statement["Action"]))
        )
        for resource in many(statement["Resource"]):
            assert narrowed or any(name in resource for name in names), (resource, statement)


def test_only_its_service_in_this_account_assumes_a_role(environment, role):
    kind, description = role
    (statement,) = description["AssumeRolePolicyDocument"]["Statement"]
    assert statement["Principal"] == {"Service": f"{ROLES[kind][0]}.amazonaws.com"}
    assert statement["Action"] == "sts:AssumeRole"
    assert statement["Condition"] == {"StringEquals": {"aws:SourceAccount": environment.account}}


def test_a_role_is_bounded_by_what_it_may_or_tasks_by_what_all_of_them_may(environment, role):
    kind, description = role
    name = f"{environment.title}-boundary" if kind in TASKS else f"{environment.title}-{kind}-boundary"
    arn = environment.arn("iam", f"policy/{name}", region="")
    iam = environment["iam"]
    found = iam.get_role(RoleName=description["RoleName"])["Role"]
    assert found["PermissionsBoundary"]["PermissionsBoundaryArn"] == arn
    version = iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
    boundary = iam.get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"]["Document"]
    if kind in TASKS:
        assert actions(boundary) == set().union(*(allowed for _, allowed in TASKS.values()))
    else:
        assert boundary == iam.get_role_policy(RoleName=description["RoleName"], PolicyName=kind)["PolicyDocument"]
