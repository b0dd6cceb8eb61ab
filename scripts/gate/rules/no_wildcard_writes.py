"""No statement allows a write action on every resource."""

import re
from collections.abc import Iterator

from scripts.gate.reading.documents import Document, Statement, documents
from scripts.gate.reading.plan import Finding, Plan

NEEDS = ("known_policies",)
EXPECTED = "ARNs that name what is written to, and actions by their names"

# Writing actions that AWS gives no resource level: `*` is the only resource they work with.
# From the "Resource types" column of the Service Authorization Reference, where it is empty.
NO_RESOURCE_LEVEL = {
    "cloudwatch:PutMetricData": "a metric is no resource; the namespace is limited by the key cloudwatch:namespace",
    "ecs:DeregisterTaskDefinition": "task definition revisions have no resource level for this call",
    "ecs:RegisterTaskDefinition": "the revision does not exist yet",
    "kms:CreateKey": "the key does not exist yet",
    "logs:CreateLogDelivery": "deliveries have no ARN",
    "logs:DeleteLogDelivery": "deliveries have no ARN",
    "logs:UpdateLogDelivery": "deliveries have no ARN",
    "logs:PutResourcePolicy": "log resource policies belong to the account",
    "ssmmessages:CreateControlChannel": "ECS Exec's channels have no ARN",
    "ssmmessages:CreateDataChannel": "ECS Exec's channels have no ARN",
    "ssmmessages:OpenControlChannel": "ECS Exec's channels have no ARN",
    "ssmmessages:OpenDataChannel": "ECS Exec's channels have no ARN",
    "xray:PutTelemetryRecords": "traces have no ARN",
    "xray:PutTraceSegments": "traces have no ARN",
}
EXEMPT = {action.lower() for action in NO_RESOURCE_LEVEL}
READING = re.compile(r"[a-z0-9-]+:(get|list|describe|batchget|head|lookup|search|query|scan|select|filter|view)")
# AWS chooses the ids of these: a plan can know a key only by its alias, a scaling target only by our tags on it. The
# conditions that name it excuse `*` in the id's place; no others do, and nowhere else.
KEY, TARGET = ":key/*", ":scalable-target/*"
ALIASES = {"kms:resourcealiases", "kms:requestalias"}
# The part of an ARN after the account is a type and a name, except in these services, where it is the name alone.
NAME_ONLY = {"s3", "sns", "sqs"}


def check(plan: Plan) -> Iterator[Finding]:
    for document in documents(plan):
        # A key policy's `*` is the key itself; a boundary grants nothing; a trust policy has no resource.
        if document.kind in {"trust", "boundary"} or document.resource.type.startswith("aws_kms_"):
            continue
        for statement in document.allowed():
            writing = _writing(statement)
            for target in _everything(plan, document, statement) if writing else ():
                got = f"{document.attribute} {statement.label}: {', '.join(writing)} on {target}"
                yield Finding(document.address, got, EXPECTED)


def _writing(statement: Statement) -> list[str]:
    if statement.not_actions:
        return [f"all but {', '.join(statement.not_actions)}"]
    return [action for action in statement.actions if _is_writing(action) and action.lower() not in EXEMPT]


def _is_writing(action: str) -> bool:
    """A wildcard before the end of a reading verb (`ecs:*`, `s3:G*`) also covers writing, now or when AWS adds more."""
    literal = re.split(r"[*?]", action.lower(), maxsplit=1)[0]
    return not READING.match(literal)


def _everything(plan: Plan, document: Document, statement: Statement) -> Iterator[str]:
    if statement.not_resources:
        yield f"all but {', '.join(statement.not_resources)}"
    elif not statement.resources and document.kind == "identity":
        yield "no Resource"
    for resource in statement.resources:
        if names_nothing(resource) and not _is_named_by_a_condition(plan, resource, statement):
            yield resource


def _is_named_by_a_condition(plan: Plan, resource: str, statement: Statement) -> bool:
    exact = [(operator, key, list(values)) for operator, key, values in statement.conditions if values]
    if resource.endswith(KEY):
        operators = {"stringequals", "foranyvalue:stringequals"}
        named = [values for operator, key, values in exact if key in ALIASES and operator in operators]
        return any(all(_is_own_alias(plan, value) for value in values) for values in named)
    if resource.endswith(TARGET):
        tags = {key: values for operator, key, values in exact if operator == "stringequals"}
        given = {tag: tags.get(f"aws:resourcetag/{tag}") for tag in ("environment", "service")}
        if plan.names is None:
            return all(given.values())
        # Both, because environments of two stacks may have one name.
        return given == {"environment": [plan.names.environment], "service": [plan.names.service]}
    return False


def _is_own_alias(plan: Plan, alias: str) -> bool:
    """The key of this environment, or that of the account's bootstrap, which state and images are encrypted with."""
    if plan.names is None:
        return alias.startswith("alias/")
    return alias in {f"alias/{plan.names.title}", f"alias/{plan.variable('bootstrap') or plan.names.stack}-Bootstrap"}


def names_nothing(resource: str) -> bool:
    """`*`, or an ARN whose resource part has no name in it: `arn:aws:s3:::*/*`, `arn:aws:ecs:eu-west-1:1:task/*`."""
    fields = resource.split(":", 5)
    if len(fields) < 6:
        return "*" in resource
    parts = [part for part in re.split(r"[:/]", fields[5]) if part]
    names = parts if fields[2] in NAME_ONLY or len(parts) == 1 else parts[1:]
    return all(not part.strip("*?") for part in names)
