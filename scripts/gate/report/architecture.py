"""Reads from a plan what it builds, as boxes and arrows for the picture in the report."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from scripts.gate.reading.documents import containers, documents
from scripts.gate.reading.plan import UNKNOWN, Plan, Resource
from scripts.gate.reading.references import targets
from scripts.gate.rules import no_ingress
from scripts.gate.rules.private_tasks import task_subnets

KINDS = {
    "s3": "bucket",
    "sqs": "queue",
    "ssm": "parameters",
    "kms": "key",
    "ecr": "image",
    "logs": "logs",
    "sns": "topic",
}

A_RUN = "one task a run"


@dataclass
class Box:
    """One box: a title and a few lines below it. `names` are its names in policies."""

    kind: str
    title: str
    lines: list[str] = field(default_factory=list)
    names: tuple[str, ...] = ()


@dataclass
class Arrow:
    """What the source may do to the target. `by` is the way there, such as `TCP 443`."""

    source: Box
    target: Box
    actions: list[str]
    by: str


@dataclass
class Zone:
    """An availability zone with its subnets: (private or public, address range, NAT gateway in it)."""

    name: str
    subnets: list[tuple[str, str, bool]]


@dataclass
class Architecture:
    """Everything to draw.

    `ingress` counts the rules that let calls in. `inside` runs in the VPC, `services` lie beside it, `outside` is what
    tasks call.
    """

    vpc: str
    zones: list[Zone]
    ports: list[str]
    has_nat: bool
    has_gateway: bool
    ingress: int
    endpoints: list[str]
    inside: list[Box]
    services: list[Box]
    arrows: list[Arrow]
    outside: str


def read_architecture(plan: Plan) -> Architecture | None:
    """The architecture of a plan, or None if it runs no task in a network of its own."""
    tasks = _tasks(plan)
    vpc = next(plan.planned("aws_vpc"), None)
    if not tasks or not vpc:
        return None
    nats = {
        one.address for nat in plan.planned("aws_nat_gateway") for one in targets(plan, nat, "subnet_id", "aws_subnet")
    }
    private = set(task_subnets(plan))
    zones: dict[str, Zone] = {}
    for subnet in plan.planned("aws_subnet"):
        name = _text(subnet.after.get("availability_zone"))
        kind = "private" if subnet.address in private else "public"
        zone = zones.setdefault(name, Zone(name, []))
        zone.subnets.append((kind, _text(subnet.after.get("cidr_block")), subnet.address in nats))
    services = list(_services(plan))
    inside, arrows = _roles(plan, tasks, services)
    return Architecture(
        vpc=f"VPC {_text(vpc.after.get('cidr_block'))}",
        zones=sorted(zones.values(), key=lambda zone: zone.name),
        ports=sorted({_ports(rule) for rule in plan.planned("aws_vpc_security_group_egress_rule")}),
        has_nat=bool(nats),
        has_gateway=any(True for _ in plan.planned("aws_internet_gateway")),
        ingress=sum(1 for _ in no_ingress.check(plan)),
        endpoints=[_last(one.after.get("service_name"), ".") for one in plan.planned("aws_vpc_endpoint")],
        inside=inside,
        services=services,
        arrows=arrows,
        outside=re.sub(r"^https?://([^/@]*@)?|/.*$", "", plan.variable("prefect_api_url") or "") or "the internet",
    )


def _tasks(plan: Plan) -> list[Box]:
    """A box for each service, one for the runs of the first role, and one for all runs of other roles."""
    boxes: list[Box] = []
    runs: dict[tuple[str, ...], list[Box]] = {}
    for task in plan.planned("aws_ecs_task_definition"):
        box = _task(plan, task)
        if A_RUN in box.lines:
            runs.setdefault(box.names, []).append(box)
        else:
            boxes.append(box)
    common, *others = runs.values() if runs else [[]]
    own = [box for group in others for box in group]
    for group in filter(None, (common, own)):
        first, number = group[0], len(group)
        several = [f"{number} task definitions"] if number > 1 else []
        title = first.title if number == 1 or group is common else "Flows with roles of their own"
        boxes.append(Box("task", title, [*first.lines, *several], tuple({name for box in group for name in box.names})))
    return boxes


def _task(plan: Plan, task: Resource) -> Box:
    service = next((one for one in plan.planned("aws_ecs_service") if _runs(plan, one, task)), None)
    lines = [f"{_text(task.after.get('cpu'))} CPU, {_text(task.after.get('memory'))} MiB"]
    if service:
        scaling = next(
            (
                f"{one.after.get('min_capacity')} to {one.after.get('max_capacity')} tasks"
                for one in plan.planned("aws_appautoscaling_target")
                if _last(one.after.get("resource_id"), "/") == service.after.get("name")
            ),
            f"{_text(service.after.get('desired_count'))} tasks",
        )
        lines.append(f"service, {scaling}")
    else:
        lines.append(A_RUN)
    role = task.after.get("task_role_arn")
    return Box("task", _text(task.after.get("family")), lines, names=(_last(role, "/"),))


def _runs(plan: Plan, service: Resource, task: Resource) -> bool:
    return task in targets(plan, service, "task_definition", "aws_ecs_task_definition")


def _services(plan: Plan) -> Iterator[Box]:
    """The boxes beside the VPC, from the one that a task needs first."""
    of_tasks = [container for definition in containers(plan) for container in definition.items]
    images = sorted({str(container.get("image")) for container in of_tasks})
    for image in images:
        repository, _, digest = image.rpartition("/")[2].partition("@")
        yield Box("image", "Image", [repository, f"{digest[:19]}…"] if digest else [repository], (repository,))
    secrets = sorted({str(one.get("name")) for container in of_tasks for one in container.get("secrets") or []})
    if secrets:
        yield Box("parameters", "SSM parameters", [f"{len(secrets)} secrets", *_wrapped(secrets)], ("parameter",))
    for alias in plan.planned("aws_kms_alias"):
        yield Box("key", "KMS key", [_text(alias.after.get("name"))])
    rules = [_text(rule.after.get("name")) for rule in plan.planned("aws_cloudwatch_event_rule")]
    for queue in plan.planned("aws_sqs_queue"):
        name = _text(queue.after.get("name"))
        filled = [f"filled by rule {rule}" for rule in rules if rule == name]
        yield Box("queue", "Queue", [name, *filled], (name,))
    for bucket in plan.planned("aws_s3_bucket"):
        name = _text(bucket.after.get("bucket"))
        yield Box("bucket", "Bucket", [name], (name,))
    groups = [_text(group.after.get("name")) for group in plan.planned("aws_cloudwatch_log_group")]
    if groups:
        yield Box("logs", "Logs", _wrapped(groups))
    alarms = sum(1 for _ in plan.planned("aws_cloudwatch_metric_alarm"))
    for topic in plan.planned("aws_sns_topic"):
        yield Box("topic", "Alerts", [_text(topic.after.get("name")), f"{alarms} alarms"])
    for pipeline in plan.planned("aws_codepipeline"):
        stages = [_text(stage.get("name")) for stage in pipeline.after.get("stage") or []]
        yield Box("pipeline", "Pipeline", [_text(pipeline.after.get("name")), " → ".join(stages)])


def _roles(plan: Plan, tasks: list[Box], services: list[Box]) -> tuple[list[Box], list[Arrow]]:
    """The boxes inside the VPC, and the arrows that the policies of their roles allow."""
    inside = [*tasks]
    by_role = {name: box for box in inside for name in box.names}
    executing = {_last(task.after.get("execution_role_arn"), "/") for task in plan.planned("aws_ecs_task_definition")}
    if executing:
        fargate = Box("fargate", "Fargate", ["starts each task, as", ", ".join(sorted(executing))], tuple(executing))
        inside.append(fargate)
        by_role |= dict.fromkeys(executing, fargate)
    found: dict[tuple[int, int], Arrow] = {}
    ports = "TCP " + ", ".join(sorted({_ports(rule) for rule in plan.planned("aws_vpc_security_group_egress_rule")}))
    endpoints = {_last(one.after.get("service_name"), ".") for one in plan.planned("aws_vpc_endpoint")}
    flow = next((box for box in tasks if A_RUN in box.lines), None)
    for document in documents(plan):
        source = by_role.get(_text(document.resource.after.get("role")))
        if document.kind != "identity" or not source:
            continue
        for statement in document.allowed():
            for action in statement.actions:
                service, _, name = action.partition(":")
                if service in {"ecs", "iam"}:
                    target, way = flow, "ECS"
                else:
                    target = _named(services, KINDS.get(service), statement.resources)
                    way = f"{ports} by endpoint" if service in endpoints else ports
                if target and target is not source:
                    arrow = found.setdefault((id(source), id(target)), Arrow(source, target, [], way))
                    arrow.actions += [name] if name not in arrow.actions else []
    return inside, list(found.values())


def _named(services: list[Box], kind: str | None, resources: tuple[str, ...]) -> Box | None:
    """The box of the kind that a statement's resources name, or the first."""
    of_kind = [box for box in services if box.kind == kind]
    for box in of_kind:
        if any(re.search(rf"[:/]{re.escape(name)}(?:[:/]|$)", one) for name in box.names for one in resources):
            return box
    return of_kind[0] if of_kind else None


def _ports(rule: Resource) -> str:
    first, last = _text(rule.after.get("from_port")), _text(rule.after.get("to_port"))
    return first if first == last else f"{first} to {last}"


def _wrapped(names: list[str], width: int = 44) -> list[str]:
    lines = [""]
    for name in names:
        lines += [""] if lines[-1] and len(lines[-1]) + len(name) > width else []
        lines[-1] += f", {name}" if lines[-1] else name
    return lines


def _last(value: Any, separator: str) -> str:
    return _text(value).rpartition(separator)[2]


def _text(value: Any) -> str:
    return "unknown" if value is UNKNOWN or value is None else str(value)
