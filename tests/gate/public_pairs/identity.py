"""IAM."""

from typing import Any

from plan_builder import policy

from public_pairs.pair import ACCOUNT, REGION, TITLE, Of, Pair, Stack, change, without

ROLE, INLINE, BOUNDARY = "aws_iam_role.agent", "aws_iam_role_policy.agent", "aws_iam_policy.boundary"
QUEUE = f"arn:aws:sqs:{REGION}:{ACCOUNT}:{TITLE}-task-events"
READ = {"Sid": "Read", "Action": ["sqs:DeleteMessage", "sqs:ReceiveMessage"], "Resource": QUEUE}
TRUST = {
    "Sid": "Tasks",
    "Action": "sts:AssumeRole",
    "Principal": {"Service": "ecs-tasks.amazonaws.com"},
    "Condition": {"StringEquals": {"aws:SourceAccount": ACCOUNT}},
}
ROLES: Stack = {
    ROLE: {
        "name": f"{TITLE}-agent",
        "path": "/",
        "max_session_duration": 3600,
        "permissions_boundary": f"arn:aws:iam::{ACCOUNT}:policy/{TITLE}-boundary",
        "assume_role_policy": policy(TRUST),
    },
    INLINE: {"name": "agent", "role": f"{TITLE}-agent", "policy": policy(READ)},
    BOUNDARY: {"name": f"{TITLE}-boundary", "path": "/", "policy": policy(READ)},
}


def role(**statement: Any) -> Stack:
    """The role, which may do one thing more, and its boundary lets it."""
    document = policy(READ, READ | {"Sid": "More"} | statement)
    return change(change(ROLES, INLINE, policy=document), BOUNDARY, policy=document)


def trusting(**statement: Any) -> Stack:
    """The role, which trusts somebody."""
    return change(ROLES, ROLE, assume_role_policy=policy(TRUST | statement))


def managed(**statement: Any) -> Stack:
    """A policy of its own, attached to the role."""
    stack = change(ROLES, "aws_iam_policy.more", name="more", path="/", policy=policy(READ | statement))
    return attached("aws_iam_role_policy_attachment.more", stack, role=f"{TITLE}-agent")


def attached(address: str, stack: Stack = ROLES, **to: Any) -> Stack:
    """A policy attached to somebody; without `policy_arn` that of `managed`."""
    return change(stack, address, **{"policy_arn": Of("aws_iam_policy.more", "arn")} | to)


def iam(about: str, bad: Stack, good: Stack = ROLES, **why: str) -> Pair:
    """A pair about identities."""
    return Pair("IAM", about, bad, good, **why)


AWS_OWNED = "arn:aws:iam::aws:policy/"
MORE = managed()
USER = "aws_iam_user.ci"
BOB: Stack = {USER: {"name": "ci"}}
GROUP: Stack = {
    "aws_iam_group.staff": {"name": "staff", "path": "/"},
    "aws_iam_group_policy.staff": {
        "name": "staff",
        "group": "staff",
        "policy": policy(READ | {"Condition": {"Bool": {"aws:MultiFactorAuthPresent": "true"}}}),
    },
    "aws_iam_group_membership.staff": {"name": "staff", "group": Of("aws_iam_group.staff", "name"), "users": ["ann"]},
}
NO_MFA = change(GROUP, "aws_iam_group_policy.staff", policy=policy(READ))
NO_GROUPS = "people come with roles of the account's own sign-on, so a plan makes no user and no group"
PASSWORDS: Stack = {
    "aws_iam_account_password_policy.all": {
        "minimum_password_length": 14,
        "max_password_age": 90,
        "password_reuse_prevention": 24,
        "require_lowercase_characters": True,
        "require_numbers": True,
        "require_symbols": True,
        "require_uppercase_characters": True,
    }
}
GITHUB = "token.actions.githubusercontent.com"
PUSH = {
    "Action": "sts:AssumeRoleWithWebIdentity",
    "Principal": {"Federated": f"arn:aws:iam::{ACCOUNT}:oidc-provider/{GITHUB}"},
}
AUDIENCE = {f"{GITHUB}:aud": "sts.amazonaws.com"}


def passwords(about: str, **changes: Any) -> Pair:
    """A pair about the account's passwords."""
    bad = change(PASSWORDS, "aws_iam_account_password_policy.all", **changes)
    return iam(f"passwords of the account {about}", bad, PASSWORDS)


PAIRS = (
    iam("a role is no administrator", role(Action="*", Resource="*")),
    iam("a policy is no administrator's", managed(Action="*", Resource="*"), MORE),
    iam("a role may not do everything with one service", role(Action="s3:*", Resource="*")),
    iam("a managed policy does not open all of S3", managed(Action="s3:*", Resource="*"), MORE),
    iam("a role's actions are named", role(Action=["sqs:*"])),
    iam("a role's resources are named", role(Action=["sqs:GetQueueAttributes"], Resource="*")),
    iam("reading has resources too", role(Action=["cloudformation:Describe*", "cloudformation:List*"], Resource="*")),
    iam("a role may not get rights for itself", role(Action=["iam:PassRole", "ecs:RunTask"], Resource="*")),
    iam("a role may not give rights to others", role(Action=["iam:PutRolePolicy"], Resource="*")),
    iam("a role may not read all data", role(Action=["s3:GetObject", "ssm:GetParameter"], Resource="*")),
    iam("a role may not write everywhere", role(Action=["s3:PutObject"], Resource="*")),
    iam("a role may not make credentials", role(Action=["iam:CreateAccessKey"], Resource="*")),
    iam("not everybody may assume a role", trusting(Principal={"AWS": "*"})),
    iam("not every service may assume a role", trusting(Principal={"Service": "*"})),
    iam(
        "not a whole account may assume a role",
        trusting(Principal={"AWS": f"arn:aws:iam::{ACCOUNT}:root"}),
    ),
    iam("no other account may assume a role", trusting(Principal={"AWS": "arn:aws:iam::999999999999:root"})),
    iam(
        "a role for GitHub names the repository",
        trusting(**PUSH, Condition={"StringEquals": AUDIENCE}),
        trusting(
            **PUSH, Condition={"StringEquals": AUDIENCE | {f"{GITHUB}:sub": "repo:harbor/flows:ref:refs/heads/main"}}
        ),
        ours="CircleCI's tokens are the only ones that are trusted here",
    ),
    iam(
        "AWS's policy for administrators is not attached",
        attached(
            "aws_iam_role_policy_attachment.more", role=f"{TITLE}-agent", policy_arn=f"{AWS_OWNED}AdministratorAccess"
        ),
        MORE,
    ),
    iam(
        "AWS's policy for administrators is not among a role's own",
        change(ROLES, ROLE, managed_policy_arns=[f"{AWS_OWNED}AdministratorAccess"]),
    ),
    iam(
        "AWS's policy for all of IAM is not attached",
        attached("aws_iam_role_policy_attachment.more", role=f"{TITLE}-agent", policy_arn=f"{AWS_OWNED}IAMFullAccess"),
        MORE,
    ),
    iam(
        "policies are attached to roles, not to users",
        attached("aws_iam_user_policy_attachment.ci", MORE | BOB, user="ci"),
        MORE,
    ),
    iam(
        "users have no policies of their own",
        change(BOB, "aws_iam_user_policy.ci", user="ci", policy=policy(READ)),
        ROLES,
    ),
    iam("there are no users", BOB, ROLES),
    iam("root has no access key", change({}, "aws_iam_access_key.root", user="root", status="Active"), ROLES),
    iam("users have no access key", change(BOB, "aws_iam_access_key.ci", user="ci", status="Active"), ROLES),
    iam(
        "users have no password",
        change(BOB, "aws_iam_user_login_profile.ci", user="ci", pgp_key="keybase:ann"),
        BOB,
        strict=NO_GROUPS,
    ),
    iam("a group asks for MFA", NO_MFA, GROUP, strict=NO_GROUPS),
    iam("a group has members", without(GROUP, "aws_iam_group_membership.staff"), GROUP, strict=NO_GROUPS),
    passwords("are long", minimum_password_length=6),
    passwords("do not last", max_password_age=365),
    passwords("are not used again", password_reuse_prevention=1),
    passwords("have small letters", require_lowercase_characters=False),
    passwords("have capitals", require_uppercase_characters=False),
    passwords("have digits", require_numbers=False),
    passwords("have signs", require_symbols=False),
)
