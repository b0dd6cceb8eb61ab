"""An embedded AWS with what a task needs to run, and short ways to run tasks and wait for them."""

import json
from typing import Any
from uuid import uuid4

from embedded_aws import ACCOUNT_ID, REGION, EmbeddedAws
from patience import until

from scripts.shared.local_settings import variable

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


class Cloud(EmbeddedAws):
    """The server, the fixed parts that every task needs, and what tests do with tasks."""

    def start(self) -> None:
        """Start the server from a shell that has variables of its own."""
        nonsense = {variable("prefect_port"): str(self.settings.aws_port)}  # Of no concern to this server.
        super().start(VARIABLE_OF_THE_SHELL="must not reach a task", **nonsense)

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
