"""The "ECS Task State Change" event, in AWS's shape, sent through the embedded EventBridge's own rules."""

import json
from datetime import datetime
from typing import Any

from moto.ecs.models import Task
from moto.events.models import events_backends
from tenacity import retry, retry_if_exception_type, stop_after_attempt

CONTAINER_FIELDS = {
    "container_arn": "containerArn",
    "exit_code": "exitCode",
    "last_status": "lastStatus",
    "name": "name",
    "image": "image",
    "image_digest": "imageDigest",
    "reason": "reason",
    "runtime_id": "runtimeId",
    "task_arn": "taskArn",
    "cpu": "cpu",
    "memory": "memory",
    "network_interfaces": "networkInterfaces",
}
TASK_FIELDS = {
    "attachments": "attachments",
    "availability_zone": "availabilityZone",
    "capacity_provider_name": "capacityProviderName",
    "cluster_arn": "clusterArn",
    "connectivity": "connectivity",
    "cpu": "cpu",
    "created_at": "createdAt",
    "desired_status": "desiredStatus",
    "group": "group",
    "launch_type": "launchType",
    "last_status": "lastStatus",
    "memory": "memory",
    "overrides": "overrides",
    "platform_version": "platformVersion",
    "pull_started_at": "pullStartedAt",
    "pull_stopped_at": "pullStoppedAt",
    "started_at": "startedAt",
    "started_by": "startedBy",
    "stop_code": "stopCode",
    "stopped_at": "stoppedAt",
    "stopped_reason": "stoppedReason",
    "stopping_at": "stoppingAt",
    "task_arn": "taskArn",
    "task_definition_arn": "taskDefinitionArn",
    "version": "version",
}


# A rule that Terraform makes at the same moment changes the rules while moto walks over them.
@retry(retry=retry_if_exception_type(RuntimeError), stop=stop_after_attempt(3), reraise=True)
def send_state_change(task: Task) -> None:
    """Send the task's present state to the default event bus of its account and region."""
    detail = _fields(task, TASK_FIELDS)
    detail["containers"] = [_fields(container, CONTAINER_FIELDS) for container in task.containers]
    detail["updatedAt"] = datetime.now().astimezone().isoformat()
    event = {
        "Source": "aws.ecs",
        "DetailType": "ECS Task State Change",
        "Resources": [task.task_arn],
        "Detail": json.dumps(detail, default=str),
    }
    # Not through PutEvents: AWS lets nobody but itself send what comes from aws.*.
    events_backends[task._account_id][task.region_name].put_events([event])


def _fields(source: Any, names: dict[str, str]) -> dict[str, Any]:
    found = {name: getattr(source, attribute, None) for attribute, name in names.items()}
    return {
        name: value.isoformat() if isinstance(value, datetime) else value
        for name, value in found.items()
        if value not in (None, "")
    }
