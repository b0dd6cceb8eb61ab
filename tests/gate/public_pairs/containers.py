"""ECS: clusters, services, task definitions."""

import json
from typing import Any

from plan_builder import IMAGE, policy

from public_pairs.identity import ROLES
from public_pairs.pair import ACCOUNT, PATH, REGION, TITLE, Of, Pair, Stack, change
from public_pairs.storage import KEY, KMS

CLUSTER, SERVICE, TASK = "aws_ecs_cluster.agent", "aws_ecs_service.agent", "aws_ecs_task_definition.flow"
INSIGHTS = {"name": "containerInsights", "value": "enabled"}
CONTAINER = {
    "name": "prefect",
    "image": IMAGE,
    "essential": True,
    "command": ["prefect", "flow-run", "execute"],
    "environment": [{"name": "PREFECT_LOGGING_LEVEL", "value": "INFO"}],
    "secrets": [
        {"name": "PREFECT_API_KEY", "valueFrom": f"arn:aws:ssm:{REGION}:{ACCOUNT}:parameter{PATH}/PREFECT_API_KEY"}
    ],
    "readonlyRootFilesystem": True,
    "linuxParameters": {"capabilities": {"drop": ["ALL"]}, "initProcessEnabled": True},
    "mountPoints": [{"sourceVolume": "tmp", "containerPath": "/tmp", "readOnly": False}],  # noqa: S108 - of the task.
    "stopTimeout": 120,
    "logConfiguration": {
        "logDriver": "awslogs",
        "options": {
            "awslogs-group": f"{PATH}/flow",
            "awslogs-region": REGION,
            "awslogs-stream-prefix": "flow",
        },
    },
}
CONTAINERS: Stack = KMS | {
    CLUSTER: {"name": TITLE, "setting": [INSIGHTS]},
    "aws_cloudwatch_log_group.flow": {
        "name": f"{PATH}/flow",
        "retention_in_days": 365,
        "kms_key_id": Of(KEY, "arn"),
    },
    "aws_subnet.private": {
        "vpc_id": Of("aws_vpc.own"),
        "cidr_block": "10.0.1.0/24",
        "availability_zone": "eu-west-1a",
        "map_public_ip_on_launch": False,
        "assign_ipv6_address_on_creation": False,
        "enable_dns64": False,
        "ipv6_native": False,
        "enable_resource_name_dns_a_record_on_launch": False,
        "enable_resource_name_dns_aaaa_record_on_launch": False,
    },
    TASK: {
        "family": f"{TITLE}-flow",
        "network_mode": "awsvpc",
        "requires_compatibilities": ["FARGATE"],
        "cpu": "1024",
        "memory": "4096",
        "execution_role_arn": f"arn:aws:iam::{ACCOUNT}:role/{TITLE}-execution",
        "task_role_arn": f"arn:aws:iam::{ACCOUNT}:role/{TITLE}-flow",
        "volume": [{"name": "tmp"}],
        "container_definitions": json.dumps([CONTAINER]),
    },
    SERVICE: {
        "name": f"{TITLE}-agent",
        "cluster": Of(CLUSTER),
        "task_definition": Of(TASK, "arn"),
        "launch_type": "FARGATE",
        "platform_version": "LATEST",
        "scheduling_strategy": "REPLICA",
        "enable_execute_command": False,
        "desired_count": 1,
        "deployment_minimum_healthy_percent": 100,
        "deployment_maximum_percent": 200,
        "deployment_circuit_breaker": [{"enable": True, "rollback": True}],
        "capacity_provider_strategy": [{"capacity_provider": "FARGATE"}],
        "network_configuration": [
            {
                "assign_public_ip": False,
                "subnets": [Of("aws_subnet.private")],
                "security_groups": [Of("aws_security_group.tasks")],
            }
        ],
    },
    "aws_security_group.tasks": {
        "name": f"{TITLE}-tasks",
        "description": "Tasks call out",
        "vpc_id": Of("aws_vpc.own"),
        "revoke_rules_on_delete": False,
    },
}
NETWORK = CONTAINERS[SERVICE]["network_configuration"][0]


def ecs(about: str, bad: Stack, good: Stack = CONTAINERS, **why: str) -> Pair:
    """A pair about containers."""
    return Pair("ECS", about, bad, good, **why)


def container(**changes: Any) -> Stack:
    """The task definition with another container."""
    return change(CONTAINERS, TASK, container_definitions=json.dumps([CONTAINER | changes]))


def variable(name: str, value: str) -> Stack:
    """The container with a variable."""
    return container(environment=[{"name": name, "value": value}])


def executing(**logging: Any) -> Stack:
    """The cluster with ECS Exec, logged in this way."""
    return change(CONTAINERS, CLUSTER, configuration=[{"execute_command_configuration": [logging]}])


def mounted(**of: Any) -> Stack:
    """The task definition with a file system."""
    efs = {"file_system_id": "fs-1", "root_directory": "/"} | of
    return change(CONTAINERS, TASK, volume=[{"name": "tmp", "efs_volume_configuration": [efs]}])


LOGGED = {
    "logging": "OVERRIDE",
    "kms_key_id": Of(KEY, "arn"),
    "log_configuration": [
        {"cloud_watch_encryption_enabled": True, "cloud_watch_log_group_name": f"{PATH}/flow"},
    ],
}
NO_EXEC = "nobody runs commands in a container here, so a cluster has no such block"
SERVED = {address: values for address, values in CONTAINERS.items() if address != SERVICE} | ROLES
SERVED |= {SERVICE: CONTAINERS[SERVICE] | {"iam_role": Of("aws_iam_role.agent", "arn")}}
ADMIN = {"Sid": "All", "Action": "*", "Resource": "*"}

PAIRS = (
    ecs(
        "a cluster shows what its containers use",
        change(CONTAINERS, CLUSTER, setting=[INSIGHTS | {"value": "disabled"}]),
    ),
    ecs("a cluster says whether it shows what its containers use", change(CONTAINERS, CLUSTER, setting=None)),
    ecs(
        "commands in containers are logged",
        executing(**LOGGED | {"logging": "NONE"}),
        executing(**LOGGED),
        ours=NO_EXEC,
    ),
    ecs(
        "the log of such commands is encrypted",
        executing(**LOGGED | {"log_configuration": [{"cloud_watch_log_group_name": "x"}]}),
        executing(**LOGGED),
        ours=NO_EXEC,
    ),
    ecs(
        "the session of such commands is encrypted with a key of the customer",
        executing(**LOGGED | {"kms_key_id": None}),
        executing(**LOGGED),
        ours=NO_EXEC,
    ),
    ecs(
        "no variable is named like a secret",
        variable("DATABASE_PASSWORD", "oh dear"),
        variable("STAGE", "development"),
    ),
    ecs(
        "no variable holds an access key",
        variable("UPLOADER", "AKIA" + "QWERTYUIOP234567"),
        variable("STAGE", "development"),
    ),
    ecs(
        "a file system is encrypted on its way",
        mounted(transit_encryption="DISABLED"),
        mounted(transit_encryption="ENABLED", transit_encryption_port=2999),
        ours="tasks keep nothing on a file system: results go to the bucket",
    ),
    ecs("no container is privileged", container(privileged=True), container(privileged=False)),
    ecs("a root file system is read-only", container(readonlyRootFilesystem=False)),
    ecs("whether a root file system is read-only is said", container(readonlyRootFilesystem=None)),
    ecs("containers do not see the host's processes", change(CONTAINERS, TASK, pid_mode="host")),
    ecs(
        "the task's role is not the one that starts it",
        change(CONTAINERS, TASK, task_role_arn=f"arn:aws:iam::{ACCOUNT}:role/{TITLE}-execution"),
    ),
    ecs("tasks have addresses of their own", change(CONTAINERS, TASK, network_mode="host")),
    ecs(
        "tasks have no public address",
        change(CONTAINERS, SERVICE, network_configuration=[NETWORK | {"assign_public_ip": True}]),
    ),
    ecs("services run on Fargate's latest platform", change(CONTAINERS, SERVICE, platform_version="1.3.0")),
    ecs(
        "a service is no administrator",
        change(SERVED, "aws_iam_role_policy.agent", policy=policy(ADMIN)),
        SERVED,
        ours="a service on Fargate has no role of its own: its tasks have",
    ),
)
