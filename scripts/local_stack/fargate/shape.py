"""moto's Task, Container and Service, with the attributes that AWS shows and moto leaves out."""

import os
from datetime import UTC, datetime
from typing import Any, cast

from moto.ec2.models import ec2_backends
from moto.ecs.models import Container, Service, Task, TaskDefinition


class CompleteContainer(Container):
    """A Container with the attributes that moto's lacks."""

    exit_code: int
    image_digest: str
    reason: str
    runtime_id: str


class CompleteTask(Task):
    """A Task with the attributes that moto's lacks. Those of later states are not set before."""

    attachments: list[dict[str, Any]]
    containers: list[CompleteContainer]  # type: ignore[assignment]  # They are completed together.
    availability_zone: str
    connectivity: str
    connectivity_at: datetime
    cpu: str | None
    created_at: datetime
    ephemeral_storage: dict[str, int] | None
    execution_stopped_at: datetime
    health_status: str
    memory: str | None
    pull_started_at: datetime
    pull_stopped_at: datetime
    started_at: datetime
    stop_code: str
    stopped_at: datetime
    stopping_at: datetime
    version: int


class CompleteService(Service):
    """A Service as the embedded Fargate keeps it: it always has a task definition."""

    deployments: list[dict[str, Any]]
    network_configuration: dict[str, Any]
    task_definition: str


def find_override(task: Task, name: str) -> dict[str, Any]:
    """Return what RunTask overrides in the container of that name."""
    containers = (task.overrides or {}).get("containerOverrides") or []
    return next((container for container in containers if container.get("name") == name), {})


def complete(moto_task: Task, definition: TaskDefinition, override: dict[str, Any]) -> CompleteTask:
    """Give moto's Task what DescribeTasks shows on AWS, and what the request asked of the network; return it."""
    task = cast(CompleteTask, moto_task)
    task.created_at = datetime.now(UTC)
    task.availability_zone = f"{task.region_name}a"
    task.connectivity = "DISCONNECTED"
    task.health_status = "UNKNOWN"
    task.cpu = (task.overrides or {}).get("cpu") or definition.cpu
    task.memory = (task.overrides or {}).get("memory") or definition.memory
    task.ephemeral_storage = (task.overrides or {}).get("ephemeralStorage") or definition.ephemeral_storage
    task.launch_type = task.launch_type or "FARGATE"
    task.platform_version = task.platform_version or "1.4.0"
    container = task.containers[0]
    del container.exitCode  # Unknown until the process has ended; moto says 0 from the start.
    container.task_arn = task.task_arn
    container.container_arn = f"{task.task_arn.replace(':task/', ':container/')}/{container.container_arn[-36:]}"
    container.runtime_id = f"{task.id.replace('-', '')}-{os.getpid()}"
    container.health_status = "UNKNOWN"
    container.cpu, container.memory = str(override.get("cpu") or container.cpu), str(container.memory or "")
    requested = (getattr(task, "network_configuration", None) or {}).get("awsvpcConfiguration", {})
    for attachment in task.attachments:
        # AWS shows only the interface. The rest is here so that a test can tell what was asked for.
        attachment["details"] += [
            {"name": "subnetIds", "value": ",".join(requested.get("subnets", []))},
            {"name": "securityGroups", "value": ",".join(requested.get("securityGroups", []))},
            {"name": "assignPublicIp", "value": requested.get("assignPublicIp", "DISABLED")},
        ]
    return task


def release_network_interface(task: CompleteTask) -> None:
    """Remove the task's network interface, as AWS does at its end; its subnet could not be destroyed otherwise."""
    backend = ec2_backends[task._account_id][task.region_name]
    for attachment in task.attachments:
        attachment["status"] = "DELETED"
        for detail in attachment["details"]:
            if detail["name"] == "networkInterfaceId":
                backend.enis.pop(detail["value"], None)
