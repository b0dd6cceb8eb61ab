"""Recorded AWS calls as IAM sees them: its name for the action, and the ARNs of what the call is about."""

from collections.abc import Callable, Iterable
from typing import Any

from scripts.gate.permissions.languages import Texts, shortest
from scripts.gate.permissions.oracle import Oracle
from scripts.gate.permissions.tables import Role

# What IAM calls otherwise than the API does.
SERVICES = {"monitoring": "cloudwatch"}
ACTIONS = {
    "ListObjectsV2": "ListBucket",
    "HeadBucket": "ListBucket",
    "HeadObject": "GetObject",
    "DeleteMessageBatch": "DeleteMessage",
    "GetBucketAccelerateConfiguration": "GetAccelerateConfiguration",
    "GetBucketCors": "GetBucketCORS",
    "GetBucketEncryption": "GetEncryptionConfiguration",
    "GetBucketLifecycleConfiguration": "GetLifecycleConfiguration",
    "GetBucketReplication": "GetReplicationConfiguration",
    "GetObjectLockConfiguration": "GetBucketObjectLockConfiguration",
    "GetPublicAccessBlock": "GetBucketPublicAccessBlock",
}
# Service → the part of an ARN after the account, made of what the call names.
RESOURCES: dict[str, Callable[[str, str], str]] = {
    "codebuild": lambda _, name: f"project/{name}",
    "codepipeline": lambda _, name: name,
    "ecr": lambda _, name: f"repository/{name.rpartition('/')[2].partition('@')[0]}",
    "ecs": lambda _, name: f"service/{name}",
    "events": lambda _, name: f"rule/{name}",
    "kms": lambda _, name: f"key/{name}",
    "logs": lambda action, name: (
        f"log-group:{name}" + (":log-stream:x" if action.endswith(("Events", "Stream")) else "")
    ),
    "sqs": lambda _, url: url.rpartition("/")[2],
}


def calls_by_role(
    calls: Iterable[dict[str, Any]], title: str, account: str, region: str
) -> dict[str, dict[str, set[str]]]:
    """Role → action → the ARNs it was called on, of what the roles of an environment called `title` have called."""
    found: dict[str, dict[str, set[str]]] = {}
    for call in calls:
        # STS tells any caller who it is; there is nothing to grant.
        if call["role"].startswith(f"{title}-") and call["action"] != "GetCallerIdentity":
            action, arns = _iam_view(call, account, region)
            found.setdefault(call["role"], {}).setdefault(action, set()).update(arns)
    return found


def refused(
    oracle: Oracle, made: dict[str, dict[str, set[str]]], context: dict[str, str]
) -> list[tuple[str, str, str]]:
    """(role, action, ARN) of the calls that the policies do not allow under the condition keys of `context`."""
    return [
        (role, action, arn)
        for role, actions in made.items()
        for action, arns in actions.items()
        for arn in arns or {""}
        # Of a call whose resource the record does not tell, the action at least must be granted.
        if not (oracle.may(role, action, arn, context) if arn else action in oracle.granted(role))
    ]


def unused(roles: Iterable[Role], made: dict[str, dict[str, set[str]]]) -> list[str]:
    """What a line of a table lets a role do that it did not do, where the line gives no reason (`rare`).

    Roles of flows share a table: it is enough that one of them used a line.
    """
    roles = list(roles)
    return [
        f"{role.name}: {action} ({line.why})"
        for role in roles
        for line in role.may
        for action in (() if line.rare else line.actions)
        if not any(
            _was_made(made.get(other.name, {}).get(action), line.resources) for other in roles if line in other.may
        )
    ]


def _was_made(arns: set[str] | None, patterns: tuple[str, ...]) -> bool:
    """Whether there was a call on such a resource, or one whose record does not tell on which."""
    return arns is not None and (not arns or any(shortest((Texts((arn,)),), patterns) is None for arn in arns))


def _iam_view(call: dict[str, Any], account: str, region: str) -> tuple[str, set[str]]:
    """The action, such as `s3:ListBucket`, and the ARNs; no ARN where the call names nothing or IAM narrows nothing."""
    service = SERVICES.get(call["service"], call["service"])
    action = ACTIONS.get(call["action"], call["action"])
    arns = {_arn(service, action, name, account, region) for name in call["resource"].split()}
    return f"{service}:{action}", arns - {""}


def _arn(service: str, action: str, name: str, account: str, region: str) -> str:
    if name.startswith("arn:"):
        return name
    if service == "s3":
        return f"arn:aws:s3:::{name}"
    if service == "iam":
        return f"arn:aws:iam::{account}:role/{name}"
    if action == "RegisterTaskDefinition" or service not in RESOURCES:
        return ""
    return f"arn:aws:{service}:{region}:{account}:{RESOURCES[service](action, name)}"
