"""What DescribeTasks shows of a task: moto's Task and Container, completed to AWS's shape."""

import os
from datetime import UTC, datetime
from typing import Any

from moto.ec2.models import ec2_backends
from moto.ecs.models import Task, TaskDefinition


def override_of(task: Task, name: str) -> dict[str, Any]:
    """Return what RunTask overrides in the container of that name."""
    containers = (task.overrides or {}).get("containerOverrides") or []
    return next((container for container in containers if container.get("name") == name), {})


def complete(task: Task, definition: TaskDefinition, override: dict[str, Any]) -> None:
    """Give moto's Task what DescribeTasks shows on AWS, and what the request asked of the network."""
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


def release_network_interface(task: Task) -> None:
    """Remove the task's network interface, as AWS does at its end; its subnet could not be destroyed otherwise."""
    backend = ec2_backends[task._account_id][task.region_name]
    for attachment in task.attachments:
        attachment["status"] = "DELETED"
        for detail in attachment["details"]:
            if detail["name"] == "networkInterfaceId":
                backend.enis.pop(detail["value"], None)
