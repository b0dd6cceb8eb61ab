"""Roles and resource policies trust only the AWS services in use and the own account, never everybody."""

import re
from collections.abc import Iterator

from scripts.gate.reading.documents import Document, Statement, documents
from scripts.gate.reading.plan import Finding, Plan

NEEDS = ("known_policies",)
SERVICES = {
    "cloudwatch.amazonaws.com": "alarms publish to the topic",
    "codebuild.amazonaws.com": "the pipeline's steps",
    "codepipeline.amazonaws.com": "the pipeline",
    "delivery.logs.amazonaws.com": "logs of AWS services",
    "ecs-tasks.amazonaws.com": "agent and flow runs",
    "events.amazonaws.com": "rules put events into queues, topics and pipelines",
    "logging.s3.amazonaws.com": "access logs of buckets",
    "scheduler.amazonaws.com": "schedules",
    "vpc-flow-logs.amazonaws.com": "flow logs",
}
REGIONAL = re.compile(r"logs\.[a-z0-9-]+\.amazonaws\.com")  # A key's policy names CloudWatch Logs with its region.
ACCOUNT = re.compile(r"(?:arn:aws[a-z-]*:(?:iam|sts)::)?(\d{12})(?::.*)?")


def check(plan: Plan) -> Iterator[Finding]:
    for permission in plan.planned("aws_cloudwatch_event_permission"):
        if permission.after.get("principal") == "*" and not permission.after.get("condition"):
            yield Finding(
                permission.address, "principal = *", "one account, or a condition that names the organization"
            )
    for document in documents(plan):
        # Who passes an endpoint still needs a right of its own: narrow_endpoints looks at those.
        if document.resource.type.startswith("aws_vpc_endpoint") or document.kind in {"identity", "boundary"}:
            continue
        for statement in document.allowed():
            yield from _findings(plan, document, statement)


def _findings(plan: Plan, document: Document, statement: Statement) -> Iterator[Finding]:
    account = plan.variable("account_id")
    expected = f"one of {', '.join(SERVICES)}, or account {account or '<account>'}"
    who = [f"{kind} {name}" for kind, name in statement.principals if not _is_expected(kind, name, account)]
    if statement.not_principals:
        who.append("everybody but some (NotPrincipal)")
    if not (statement.principals or who):
        who.append("no principal")
    for one in who:
        yield Finding(document.address, f"{document.attribute} {statement.label}: {one}", expected)


def _is_expected(kind: str, name: str, account: str | None) -> bool:
    if kind == "Service":
        return name in SERVICES or bool(REGIONAL.fullmatch(name))
    if kind == "AWS":
        match = ACCOUNT.fullmatch(name)
        return match is not None and "*" not in name and account in {None, match[1]}
    return kind == "Federated"  # narrow_federation looks at those.
