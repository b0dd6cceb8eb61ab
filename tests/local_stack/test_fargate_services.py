"""ECS services of the embedded Fargate are kept at their desired count, and what is told of them is true."""

import json
import os
import signal
from itertools import pairwise
from typing import Any
from uuid import uuid4

import psutil
import pytest
from embedded_cloud import CLUSTER, Cloud
from patience import until


class Service:
    """A service of `sleep 60` tasks, or of `command`."""

    def __init__(self, cloud: Cloud, desired: int = 1, command: tuple[str, ...] = ("sleep", "9999"), **request: Any):
        self.cloud, self.name = cloud, f"service-{uuid4()}"
        self.definition = cloud.define(*command, family=self.name, **request.pop("container", {}))
        self.ecs = cloud["ecs"]
        request = {"launchType": "FARGATE", "networkConfiguration": cloud.network} | request
        self.created = self.ecs.create_service(
            cluster=CLUSTER, serviceName=self.name, taskDefinition=self.definition, desiredCount=desired, **request
        )["service"]

    def describe(self) -> dict[str, Any]:
        """DescribeServices of this one."""
        return self.ecs.describe_services(cluster=CLUSTER, services=[self.name])["services"][0]

    def tasks(self) -> list[str]:
        """Its tasks that should run."""
        return self.ecs.list_tasks(cluster=CLUSTER, serviceName=self.name)["taskArns"]

    def steady(self, count: int) -> list[str]:
        """Wait until it is rolled out with `count` tasks; return them."""
        until(
            self.describe,
            lambda found: (
                found["runningCount"] == count
                and [each["rolloutState"] for each in found["deployments"]] == ["COMPLETED"]
            ),
        )
        return until(self.tasks, lambda tasks: len(tasks) == count)

    def update(self, **changes: Any) -> None:
        """UpdateService."""
        self.ecs.update_service(cluster=CLUSTER, service=self.name, **changes)

    def delete(self) -> None:
        """DeleteService, by force."""
        self.ecs.delete_service(cluster=CLUSTER, service=self.name, force=True)


@pytest.fixture
def services(cloud: Cloud):
    """Make services; they are deleted after the test."""
    made: list[Service] = []

    def make(*arguments: Any, **request: Any) -> Service:
        made.append(Service(cloud, *arguments, **request))
        return made[-1]

    yield make
    for service in made:
        service.delete()


def test_a_new_service_comes_to_its_desired_count_by_itself(services, cloud: Cloud):
    service = services(desired=2)
    assert service.created["runningCount"] == 0  # What it was later depends on how fast its tasks start.
    tasks = [cloud.describe(task) for task in service.steady(2)]
    assert {task["group"] for task in tasks} == {f"service:{service.name}"}
    assert {task["startedBy"] for task in tasks} == {service.describe()["deployments"][0]["id"]}
    subnets = {detail["value"] for task in tasks for detail in task["attachments"][0]["details"]} & {cloud.subnet}
    assert subnets == {cloud.subnet}


def test_a_killed_task_is_replaced(services, cloud: Cloud):
    service = services()
    (first,) = service.steady(1)
    os.kill(cloud.record(first)["pid"], signal.SIGKILL)
    cloud.wait(first, "STOPPED")
    (second,) = until(service.tasks, lambda tasks: tasks and tasks != [first])
    assert cloud.wait(second, "RUNNING")["taskArn"] == second
    service.steady(1)


def test_a_new_task_definition_replaces_the_tasks_without_a_gap(services, cloud: Cloud):
    service = services()
    (old,) = service.steady(1)
    new_definition = cloud.define("sleep", "61", family=service.name)
    service.update(taskDefinition=new_definition)
    statuses = [each["status"] for each in service.describe()["deployments"]]
    assert statuses == ["PRIMARY", "ACTIVE"]
    (new,) = until(service.tasks, lambda tasks: tasks and tasks != [old] and len(tasks) == 1)
    assert cloud.describe(new)["taskDefinitionArn"] == new_definition
    stopped = cloud.wait(old, "STOPPED")
    assert stopped["stopCode"] == "ServiceSchedulerInitiated"
    assert cloud.describe(new)["startedAt"] <= stopped["stoppingAt"]
    service.steady(1)


def test_a_service_that_listens_is_replaced_old_first(services, cloud: Cloud):
    """All tasks share this machine's ports, which on Fargate each has for itself."""
    check = {"command": ["CMD", "true"], "interval": 5}
    service = services(container={"healthCheck": check})
    (old,) = service.steady(1)
    service.update(forceNewDeployment=True)
    (new,) = until(service.tasks, lambda tasks: tasks and tasks != [old])
    assert cloud.describe(new)["createdAt"] >= cloud.wait(old, "STOPPED")["stoppedAt"]


def test_scaling_in_and_out_follows_the_desired_count(services):
    service = services(desired=2)
    service.steady(2)
    service.update(desiredCount=1)
    service.steady(1)
    service.update(desiredCount=3)
    service.steady(3)


def test_a_deleted_service_drains_and_ends_its_processes(services, cloud: Cloud):
    service = services(command=("sh", "-c", "trap 'sleep 1; exit 0' TERM; while :; do sleep 0.1; done"))
    (task,) = service.steady(1)
    pid = cloud.record(task)["pid"]
    service.delete()
    assert service.describe()["status"] == "DRAINING"
    until(service.describe, lambda found: found["status"] == "INACTIVE")
    assert not psutil.pid_exists(pid)
    assert service.name not in json.dumps(cloud["ecs"].list_services(cluster=CLUSTER)["serviceArns"])


def test_tasks_that_keep_dying_break_the_circuit_and_the_old_definition_comes_back(services, cloud: Cloud):
    breaker = {"deploymentCircuitBreaker": {"enable": True, "rollback": True}}
    service = services(deploymentConfiguration=breaker)
    service.steady(1)
    service.update(taskDefinition=cloud.define("false", family=service.name))
    until(service.describe, lambda found: found["taskDefinition"] == service.definition)
    service.steady(1)


def test_a_crash_loop_is_slowed_down(services, cloud: Cloud):
    service = services(command=("false",))
    until(service.describe, lambda found: found["deployments"][0]["failedTasks"] >= 3)
    answer = cloud["ecs"].list_tasks(cluster=CLUSTER, serviceName=service.name, desiredStatus="STOPPED")
    times = sorted(cloud.describe(task)["createdAt"] for task in answer["taskArns"])[:3]
    gaps = [(later - earlier).total_seconds() for earlier, later in pairwise(times)]
    assert gaps[1] >= 1


def test_an_unhealthy_task_is_replaced(services, cloud: Cloud):
    check = {"command": ["CMD-SHELL", "exit 1"], "interval": 5, "retries": 1, "startPeriod": 0}
    service = services(container={"healthCheck": check})
    (first,) = until(service.tasks, bool)
    stopped = cloud.wait(first, "STOPPED")
    assert stopped["stoppedReason"] == "Task failed container health checks"
    assert stopped["healthStatus"] == "UNHEALTHY"
