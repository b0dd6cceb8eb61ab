"""Keeps every ECS service at its desired count: replaces dead tasks, rolls out changes, stops surplus tasks."""

import logging
import math
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, cast
from uuid import uuid4

from moto.ecs.models import EC2ContainerServiceBackend, ecs_backends

from scripts.local_stack.fargate.shape import CompleteService
from scripts.local_stack.fargate.task import FargateTask

logger = logging.getLogger(__name__)
INTERVAL_SECONDS = 1.0
LONGEST_BACKOFF_SECONDS = 60
STEADY_AFTER_SECONDS = 2  # A task that fails at once is RUNNING for a moment too.
STABLE_AFTER_SECONDS = 60  # A task that ran this long did start well: its successor starts at once.
BREAKER_FAILURES = 3
SCHEDULER = "ServiceSchedulerInitiated"


@dataclass
class _Memory:
    """What the scheduler remembers of one service from round to round."""

    failures: int = 0
    next_start: float = 0.0
    seen_dead: set[str] = field(default_factory=set)


class ServiceScheduler:
    """Goes through all services of all accounts and regions once a second, and at once when something changed."""

    def __init__(self, tasks: dict[str, FargateTask], lock: threading.RLock) -> None:
        self._tasks = tasks
        self._lock = lock
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._memory: dict[str, _Memory] = {}

    def start(self) -> None:
        """Start the rounds in a thread."""
        threading.Thread(target=self._run, name="services", daemon=True).start()

    def wake(self) -> None:
        """Start the next round now."""
        self._wake.set()

    def stop(self) -> None:
        """End the rounds: no task is started after this."""
        self._stopping.set()
        self._wake.set()
        with self._lock:
            pass  # A round that was under way has ended now.

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._wake.wait(INTERVAL_SECONDS)
            self._wake.clear()
            for account in list(ecs_backends.values()):
                for backend in list(account.values()):
                    for service in cast(list[CompleteService], list(backend.services.values())):
                        try:
                            with self._lock:
                                if not self._stopping.is_set():
                                    self._update(backend, service)
                        except Exception:
                            logger.exception("Service %s", service.name)

    def find_tasks(self, service: CompleteService) -> list[FargateTask]:
        """Return the service's tasks that have not stopped, oldest first."""
        return [
            run
            for run in list(self._tasks.values())
            if run.task.group == f"service:{service.name}"
            and run.task.cluster_arn == service.cluster_arn
            and run.task.last_status != "STOPPED"
        ]

    def refresh(self, service: CompleteService) -> None:
        """Update the counts and rollout states that DescribeServices shows."""
        tasks = self.find_tasks(service)
        service.running_count = sum(run.task.last_status == "RUNNING" for run in tasks)
        service.pending_count = sum(run.task.last_status in ("PROVISIONING", "PENDING") for run in tasks)
        for deployment in service.deployments:
            own = [run.task.last_status for run in tasks if run.task.started_by == deployment["id"]]
            is_primary = deployment["status"] == "PRIMARY"
            deployment["desiredCount"] = service.desired_count if is_primary else 0
            deployment["runningCount"] = own.count("RUNNING")
            deployment["pendingCount"] = own.count("PROVISIONING") + own.count("PENDING")
        with_tasks = {run.task.started_by for run in tasks}
        service.deployments = [
            deployment
            for deployment in service.deployments
            if deployment["status"] == "PRIMARY" or deployment["id"] in with_tasks
        ]
        if service.deployments:
            primary = service.deployments[0]
            steady = sum(_is_steady(run) for run in tasks if run.task.started_by == primary["id"])
            alone = len(service.deployments) == 1
            if alone and steady == service.desired_count and primary["rolloutState"] == "IN_PROGRESS":
                _set_rollout(primary, "COMPLETED", f"ECS deployment {primary['id']} completed.")
                _add_event(service, "has reached a steady state.")

    def deploy(self, service: CompleteService) -> None:
        """Make a primary deployment of the service's current definition and network; the old ones drain."""
        now = datetime.now(UTC)
        identifier = f"ecs-svc/{uuid4().int % 10**19:019d}"
        for deployment in service.deployments:
            deployment["status"] = "ACTIVE"
        template = service.deployments[0] if service.deployments else {}
        primary = template | {
            "id": identifier,
            "status": "PRIMARY",
            "createdAt": now,
            "taskDefinition": service.task_definition,
            "networkConfiguration": service.network_configuration,
            "failedTasks": 0,
        }
        _set_rollout(primary, "IN_PROGRESS", f"ECS deployment {identifier} in progress.")
        service.deployments.insert(0, primary)
        self._memory.pop(service.arn, None)

    def _update(self, backend: EC2ContainerServiceBackend, service: CompleteService) -> None:
        if service.status == "INACTIVE" or not service.deployments:
            return
        memory = self._memory.setdefault(service.arn, _Memory())
        self._count_failures(service, memory)
        tasks = [run for run in self.find_tasks(service) if run.task.desired_status == "RUNNING"]
        if service.status == "DRAINING":
            for run in tasks:
                run.stop("Service deleted", SCHEDULER)
            if not self.find_tasks(service):
                service.status = "INACTIVE"
                self._memory.pop(service.arn, None)
        else:
            self._adjust(backend, service, memory, tasks)
        self.refresh(service)

    def _adjust(
        self, backend: EC2ContainerServiceBackend, service: CompleteService, memory: _Memory, tasks: list[FargateTask]
    ) -> None:
        primary = service.deployments[0]
        wanted = service.desired_count
        current = [run for run in tasks if run.task.started_by == primary["id"]]
        old = [run for run in tasks if run.task.started_by != primary["id"]]
        for run in [run for run in current if run.task.health_status == "UNHEALTHY"]:
            run.stop("Task failed container health checks", SCHEDULER)
            current.remove(run)
        for run in current[wanted:]:
            run.stop(f"Scaling activity initiated by (deployment {primary['id']})", SCHEDULER)
        most, least = self._bounds(backend, service)
        running = sum(_is_steady(run) for run in current[:wanted])
        for run in old:
            others = sum(other.task.last_status == "RUNNING" for other in old if other.task.desired_status == "RUNNING")
            if run.task.last_status != "RUNNING" or running + others > least:
                run.stop(f"Scaling activity initiated by (deployment {primary['id']})", SCHEDULER)
        # Tasks that are stopping still count, because they still hold ports of this machine.
        missing = min(wanted - len(current), most - len(self.find_tasks(service)))
        if missing > 0 and primary["rolloutState"] != "FAILED" and time.monotonic() >= memory.next_start:
            self._start(backend, service, missing)

    def _start(self, backend: EC2ContainerServiceBackend, service: CompleteService, count: int) -> None:
        primary = service.deployments[0]
        strategy = getattr(service, "capacity_provider_strategy", None)
        tags = {"aws:ecs:serviceName": service.name, "aws:ecs:clusterName": service.cluster_name}
        managed = [{"key": key, "value": value} for key, value in tags.items()]
        started = backend.run_task(
            service.cluster_name,
            service.task_definition,
            count,
            None,
            primary["id"],
            [*(service.tags if service.propagate_tags == "SERVICE" else []), *managed],
            None if strategy else "FARGATE",
            service.network_configuration or None,
            f"service:{service.name}",
            service.platform_version,
            strategy,
        )
        _add_event(service, f"has started {len(started)} tasks: {' '.join(task.id for task in started)}.")

    def _bounds(self, backend: EC2ContainerServiceBackend, service: CompleteService) -> tuple[int, int]:
        """Return (most tasks, fewest running ones) during a rollout."""
        definition = backend.describe_task_definition(service.task_definition)
        if any(each.get("portMappings") or each.get("healthCheck") for each in definition.container_definitions):
            # It listens on a port. On Fargate each task has its own address. Here all tasks share this machine's
            # ports, so the old task must end before the new one starts.
            return service.desired_count, 0
        configuration = getattr(service, "deployment_configuration", None) or {}
        most = math.floor(service.desired_count * configuration.get("maximumPercent", 200) / 100)
        return most, math.ceil(service.desired_count * configuration.get("minimumHealthyPercent", 100) / 100)

    def _count_failures(self, service: CompleteService, memory: _Memory) -> None:
        """Count the tasks that ended by themselves, and delay the next start when that happens again and again."""
        dead = [
            run
            for run in list(self._tasks.values())
            if run.task.group == f"service:{service.name}"
            and run.task.cluster_arn == service.cluster_arn
            and run.task.last_status == "STOPPED"
            and run.task.id not in memory.seen_dead
        ]
        by_deployment: Counter[str] = Counter()
        for run in dead:
            memory.seen_dead.add(run.task.id)
            if run.task.stop_code in (SCHEDULER, "UserInitiated"):
                continue
            by_deployment[run.task.started_by] += 1
            lived = time.monotonic() - run.started_monotonic if run.started_monotonic else 0
            memory.failures = 1 if lived >= STABLE_AFTER_SECONDS else memory.failures + 1
            delay = min(2 ** (memory.failures - 1) - 1, LONGEST_BACKOFF_SECONDS)
            memory.next_start = time.monotonic() + delay
            _add_event(service, f"task {run.task.id} stopped: {run.task.stopped_reason}. Next start in {delay} s.")
        for deployment in service.deployments:
            if deployment["rolloutState"] == "IN_PROGRESS":
                deployment["failedTasks"] += by_deployment[deployment["id"]]
        self._break_circuit(service)

    def _break_circuit(self, service: CompleteService) -> None:
        breaker = (getattr(service, "deployment_configuration", None) or {}).get("deploymentCircuitBreaker") or {}
        primary = service.deployments[0]
        if not breaker.get("enable") or primary["failedTasks"] < BREAKER_FAILURES:
            return
        if primary["rolloutState"] != "IN_PROGRESS":
            return
        _set_rollout(primary, "FAILED", "ECS deployment circuit breaker: tasks failed to start.")
        previous = next((each for each in service.deployments[1:] if each["rolloutState"] == "COMPLETED"), None)
        if breaker.get("rollback") and previous:
            service.task_definition = previous["taskDefinition"]
            service.network_configuration = previous["networkConfiguration"]
            self.deploy(service)
            _set_rollout(service.deployments[0], "IN_PROGRESS", "ECS deployment circuit breaker: rolling back.")


def _is_steady(run: FargateTask) -> bool:
    if run.task.last_status != "RUNNING" or run.started_monotonic is None:
        return False
    if any(container.get("healthCheck") for container in run.definition.container_definitions):
        return run.task.health_status == "HEALTHY"
    return time.monotonic() - run.started_monotonic >= STEADY_AFTER_SECONDS


def _set_rollout(deployment: dict[str, Any], state: str, reason: str) -> None:
    deployment |= {"rolloutState": state, "rolloutStateReason": reason, "updatedAt": datetime.now(UTC)}


def _add_event(service: CompleteService, message: str) -> None:
    event = {"id": str(uuid4()), "createdAt": datetime.now(UTC), "message": f"(service {service.name}) {message}"}
    service.events = [event, *service.events][:100]
