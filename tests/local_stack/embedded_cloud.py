"""An embedded AWS of the tests: a real server process on a free port, spoken to through boto3 only."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
from tenacity import retry, retry_if_exception_type, retry_if_result, stop_after_delay, wait_fixed

from scripts.local_stack import aws_clients
from scripts.local_stack.settings import ACCOUNT_ID, REGION, REPOSITORY, LocalSettings, variable

DIGEST = "a1" * 32
IMAGE = f"{ACCOUNT_ID}.dkr.ecr.{REGION}.amazonaws.com/data-flows@sha256:{DIGEST}"
CLUSTER = "DataFlows-Test"
LOG_GROUP = "/DataFlows/Test/flow"
QUEUE = "DataFlows-Test-task-events"
TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "ecs-tasks.amazonaws.com"}, "Action": "sts:AssumeRole"},
    ],
}


def free_ports(count: int) -> list[int]:
    """Return ports that nobody listens at, all different."""
    probes = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [probe.getsockname()[1] for probe in probes]
    for probe in probes:
        probe.close()
    return ports


class Cloud:
    """The server, the fixed parts that every task needs, and short ways to run tasks and wait for them."""

    def __init__(self, directory: Path) -> None:
        (port,) = free_ports(1)
        self.settings = LocalSettings(directory=directory, aws_port=port)
        self.process: subprocess.Popen | None = None

    def start(self) -> None:
        """Start the server from a shell that has a variable of its own, and wait until it answers."""
        self.settings.directory.mkdir(parents=True, exist_ok=True)
        command = ["--port", str(self.settings.aws_port), "--directory", str(self.settings.directory)]
        variables = {
            "VARIABLE_OF_THE_SHELL": "must not reach a task",
            variable("prefect_port"): str(self.settings.aws_port),  # Nonsense, but of no concern to this server.
        }
        with (self.settings.directory / "aws.log").open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "scripts.local_stack.aws_server", *command],
                cwd=REPOSITORY,
                env=os.environ | variables,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self._answers()

    @retry(retry=retry_if_exception_type(httpx.HTTPError), stop=stop_after_delay(60), wait=wait_fixed(0.1))
    def _answers(self) -> None:
        httpx.get(f"{self.settings.aws_endpoint_url}/_fargate/health", trust_env=False)

    def prepare(self) -> None:
        """Make the image folder, roles, network, cluster, log group, queue and rule."""
        (self.settings.images / DIGEST).mkdir(parents=True)
        self.execution_role = self.role("execution")
        self.flow_role = self.role("flow")
        vpc = self["ec2"].create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        self.subnet = self["ec2"].create_subnet(VpcId=vpc, CidrBlock="10.0.1.0/24")["Subnet"]["SubnetId"]
        group = self["ec2"].create_security_group(GroupName="tasks", Description="egress only", VpcId=vpc)
        self.security_group = group["GroupId"]
        self["ecs"].create_cluster(clusterName=CLUSTER)
        self["logs"].create_log_group(logGroupName=LOG_GROUP)
        self.queue = self["sqs"].create_queue(QueueName=QUEUE)["QueueUrl"]
        pattern = {
            "source": ["aws.ecs"],
            "detail-type": ["ECS Task State Change"],
            "detail": {"clusterArn": [f"arn:aws:ecs:{REGION}:{ACCOUNT_ID}:cluster/{CLUSTER}"]},
        }
        self["events"].put_rule(Name=QUEUE, EventPattern=json.dumps(pattern))
        target = {"Id": "queue", "Arn": f"arn:aws:sqs:{REGION}:{ACCOUNT_ID}:{QUEUE}"}
        self["events"].put_targets(Rule=QUEUE, Targets=[target])

    def stop(self) -> None:
        """End the server as supervisor does."""
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(30)

    @cached_property
    def _clients(self) -> dict[str, Any]:
        return {}

    def __getitem__(self, service: str) -> Any:
        if service not in self._clients:
            self._clients[service] = aws_clients.client(self.settings.aws_endpoint_url, service)
        return self._clients[service]

    def role(self, name: str) -> str:
        """Make a role that ECS tasks may assume; return its ARN."""
        created = self["iam"].create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(TRUST))
        return created["Role"]["Arn"]

    @property
    def network(self) -> dict[str, Any]:
        """Private subnet, security group, no public IP."""
        network = {"subnets": [self.subnet], "securityGroups": [self.security_group], "assignPublicIp": "DISABLED"}
        return {"awsvpcConfiguration": network}

    def define(self, *command: str, family: str | None = None, **changes: Any) -> str:
        """Register a task definition of one container named prefect; return its ARN.

        `changes` with a name of a task definition's own parameters go there, all others into the container.
        """
        own = {key: changes.pop(key) for key in ("taskRoleArn", "executionRoleArn") if key in changes}
        options = {"awslogs-group": LOG_GROUP, "awslogs-region": REGION, "awslogs-stream-prefix": "flow"}
        container = {
            "name": "prefect",
            "image": IMAGE,
            "essential": True,
            "command": list(command),
            "logConfiguration": {"logDriver": "awslogs", "options": options},
        }
        roles = {"taskRoleArn": self.flow_role, "executionRoleArn": self.execution_role} | own
        definition = self["ecs"].register_task_definition(
            family=family or f"test-{uuid4()}",
            requiresCompatibilities=["FARGATE"],
            networkMode="awsvpc",
            cpu="256",
            memory="512",
            containerDefinitions=[container | changes],
            **roles,
        )
        return definition["taskDefinition"]["taskDefinitionArn"]

    def run(self, definition: str, **request: Any) -> str:
        """RunTask; return the task's ARN."""
        request = {"launchType": "FARGATE", "networkConfiguration": self.network} | request
        answer = self["ecs"].run_task(cluster=CLUSTER, taskDefinition=definition, **request)
        return answer["tasks"][0]["taskArn"]

    def describe(self, task: str) -> dict[str, Any]:
        """DescribeTasks of one task."""
        return self["ecs"].describe_tasks(cluster=CLUSTER, tasks=[task], include=["TAGS"])["tasks"][0]

    def wait(self, task: str, status: str) -> dict[str, Any]:
        """Wait until the task has `status`; return its description."""
        return until(lambda: self.describe(task), lambda found: found["lastStatus"] == status)

    def finish(self, definition: str, **request: Any) -> dict[str, Any]:
        """RunTask and wait until it has stopped; return its description."""
        return self.wait(self.run(definition, **request), "STOPPED")

    def output(self, task: str) -> str:
        """Return what the task wrote to stdout and stderr."""
        return (self.settings.tasks / f"{task.split('/')[-1]}.log").read_text()

    def record(self, task: str) -> dict[str, Any]:
        """Return the task's record: its process id and when it was made."""
        return json.loads((self.settings.tasks / f"{task.split('/')[-1]}.json").read_text())

    def calls(self) -> list[dict[str, Any]]:
        """Return every recorded call."""
        return [json.loads(line) for line in self.settings.calls.read_text().splitlines()]


def until(look: Callable[[], Any], holds: Callable[[Any], Any], seconds: float = 30) -> Any:
    """Return the first result of `look` for which `holds` is true."""
    patient = retry(
        retry=retry_if_result(lambda found: not holds(found)), stop=stop_after_delay(seconds), wait=wait_fixed(0.1)
    )
    return patient(look)()
