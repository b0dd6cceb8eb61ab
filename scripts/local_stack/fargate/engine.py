"""An embedded Fargate: each task that RunTask or a service starts is a local process of the embedded AWS.

It runs exactly the command and environment of the task definition and the request, as AWS would in the image's
container, and keeps moto's Task and Service objects up to date.
"""

import json
import logging
import threading
import time
from collections.abc import Callable
from functools import wraps
from http import HTTPStatus
from typing import Any, cast

from moto.core.exceptions import ServiceException
from moto.ecs.exceptions import EcsClientException
from moto.ecs.models import EC2ContainerServiceBackend, Task
from werkzeug.exceptions import HTTPException

from scripts.local_stack.aws.calls import CallRecorder
from scripts.local_stack.fargate import tokens
from scripts.local_stack.fargate.roles import Roles
from scripts.local_stack.fargate.services import ServiceScheduler
from scripts.local_stack.fargate.shape import CompleteService, CompleteTask
from scripts.local_stack.fargate.task import FargateTask, Surroundings
from scripts.local_stack.patches import Original
from scripts.local_stack.supervisor import processes
from scripts.shared.fargate import MEMORY_MIB
from scripts.shared.local_settings import LocalSettings

logger = logging.getLogger(__name__)
SHUTDOWN_GRACE_SECONDS = 10


class Fargate:
    """All tasks and services of one embedded AWS."""

    def __init__(self, settings: LocalSettings, recorder: CallRecorder) -> None:
        self._settings = settings
        self._tasks: dict[str, FargateTask] = {}
        self._lock = threading.RLock()
        self.services = ServiceScheduler(self._tasks, self._lock)
        roles = Roles(settings.aws_endpoint_url)
        self._surroundings = Surroundings(settings, roles, recorder, self.services.wake)

    def install(self) -> None:
        """Replace moto's methods that start, stop and describe tasks and services, and start the service scheduler."""
        self._settings.tasks.mkdir(parents=True, exist_ok=True)
        end_leftover_tasks(self._settings)
        for name in ("run_task", "stop_task", "create_service", "update_service", "delete_service"):
            self._wrap(name, getattr(self, f"_{name}"))
        self._wrap("describe_services", self._describe_services)
        tokens.install()
        self.services.start()

    def shut_down(self) -> None:
        """End every task: SIGTERM, and SIGKILL for what is left after ten seconds."""
        self.services.stop()
        running = [run for run in list(self._tasks.values()) if not run.finished.is_set()]
        for run in running:
            run.stop("The embedded AWS is shutting down", "TerminationNotice")
        deadline = time.monotonic() + SHUTDOWN_GRACE_SECONDS
        for run in running:
            if not run.finished.wait(max(0, deadline - time.monotonic())):
                run.kill()
                run.finished.wait(5)

    def answer(self, path: str, authorization: str) -> tuple[HTTPStatus, bytes]:
        """Answer a request to `/_fargate/...`: health, a task's credentials or its metadata."""
        _, _, kind, *rest = path.split("/")
        if kind == "health":
            return HTTPStatus.OK, b'{"status": "ok"}'
        run = self._tasks.get(rest[0]) if rest else None
        if run is None or run.finished.is_set():
            return HTTPStatus.NOT_FOUND, b'{"code": "NotFound", "message": "No such task runs."}'
        if kind == "credentials":
            return run.credentials.answer(authorization)
        if kind == "metadata":
            return HTTPStatus.OK, json.dumps(_metadata(run.task, whole="task" in rest[1:])).encode()
        return HTTPStatus.NOT_FOUND, b'{"code": "NotFound", "message": "Unknown path."}'

    def _wrap(self, name: str, function: Callable[..., Any]) -> None:
        original = getattr(EC2ContainerServiceBackend, name)

        @wraps(original)
        def wrapped(backend: EC2ContainerServiceBackend, *args: Any, **kwargs: Any) -> Any:
            with self._lock:
                result = function(original, backend, *args, **kwargs)
            self.services.wake()
            return result

        setattr(EC2ContainerServiceBackend, name, wrapped)

    def _run_task(
        self, original: Original, backend: EC2ContainerServiceBackend, *args: Any, **kwargs: Any
    ) -> list[Task]:
        try:
            _refuse_unknown_size(backend, *args[1:4:2])
            tasks: list[Task] = original(backend, *args, **kwargs)
        except (ServiceException, HTTPException):
            raise
        except Exception as error:
            # boto and the worker would repeat a call that ends in a server error again and again.
            logger.exception("RunTask")
            raise EcsClientException(f"The embedded AWS cannot run this task: {error!r}") from error
        for task in tasks:
            definition = backend.describe_task_definition(task.task_definition_arn)
            self._tasks[task.id] = FargateTask(task, definition, self._surroundings)
            self._tasks[task.id].start()
        return tasks

    def _stop_task(
        self, original: Original, backend: EC2ContainerServiceBackend, cluster: str, task: str, reason: str | None
    ) -> Any:
        run = self._tasks.get(task.split("/")[-1])
        if run is None:
            return original(backend, cluster, task, reason)
        run.stop(reason or "Task stopped by user", "UserInitiated")
        return run.task

    def _create_service(
        self, original: Original, backend: EC2ContainerServiceBackend, *args: Any, **kwargs: Any
    ) -> CompleteService:
        service: CompleteService = original(backend, *args, **kwargs)
        service.deployments = []
        self.services.deploy(service)
        service.deployments[0] |= {"launchType": "FARGATE", "platformFamily": "Linux", "platformVersion": "1.4.0"}
        self.services.refresh(service)
        return service

    def _update_service(
        self, original: Original, backend: EC2ContainerServiceBackend, properties: dict[str, Any]
    ) -> CompleteService:
        forced = properties.pop("force_new_deployment", False)
        name = properties["service"].split("/")[-1]
        service = cast(CompleteService, backend._get_service(properties.get("cluster", "default"), name))
        before = (service.task_definition, service.network_configuration)
        original(backend, properties)
        service.task_definition = backend.describe_task_definition(service.task_definition).arn
        if forced or before != (service.task_definition, service.network_configuration):
            self.services.deploy(service)
        self.services.refresh(service)
        return service

    def _delete_service(
        self, original: Original, backend: EC2ContainerServiceBackend, *args: Any, **kwargs: Any
    ) -> CompleteService:
        service: CompleteService = original(backend, *args, **kwargs)
        if self.services.find_tasks(service):
            service.status = "DRAINING"
        service.desired_count = 0
        self.services.refresh(service)
        return service

    def _describe_services(self, original: Original, backend: EC2ContainerServiceBackend, *args: Any) -> Any:
        found, failures = original(backend, *args)
        for service in found:
            self.services.refresh(service)
        return found, failures


def _refuse_unknown_size(backend: EC2ContainerServiceBackend, name: str, overrides: dict[str, Any] | None) -> None:
    """Fargate has tasks of certain sizes only; the worker can ask for any."""
    definition = backend.describe_task_definition(name)
    cpu, memory = (int((overrides or {}).get(part) or getattr(definition, part) or 0) for part in ("cpu", "memory"))
    if memory not in MEMORY_MIB.get(cpu, ()):
        raise EcsClientException("No Fargate configuration exists for given values.")


def end_leftover_tasks(settings: LocalSettings) -> int:
    """End the tasks that a crashed embedded AWS left behind; return how many processes that were."""
    records = [processes.read_record(path) for path in settings.tasks.glob("*.json")]
    known = [record for record in records if record.get("created") and not record.get("stopped_at")]
    first = [process for process in map(processes.find_process, known) if process]
    ids = [record["task_id"] for record in records if record.get("task_id")]
    rest = [
        process for task_id in ids for process in processes.find_marked(processes.TASK_MARK, f"/{task_id}", suffix=True)
    ]
    return processes.end([*first, *rest], grace_seconds=5)


def _metadata(task: CompleteTask, *, whole: bool) -> dict[str, Any]:
    family, revision = task.task_definition_arn.split("/")[-1].split(":")
    containers = [
        {
            "DockerId": container.runtime_id,
            "Name": container.name,
            "Image": container.image,
            "ContainerARN": container.container_arn,
            "KnownStatus": container.last_status,
            "Labels": {
                "com.amazonaws.ecs.cluster": task.cluster_arn,
                "com.amazonaws.ecs.container-name": container.name,
                "com.amazonaws.ecs.task-arn": task.task_arn,
                "com.amazonaws.ecs.task-definition-family": family,
                "com.amazonaws.ecs.task-definition-version": revision,
            },
        }
        for container in task.containers
    ]
    if not whole:
        return containers[0]
    return {
        "Cluster": task.cluster_arn,
        "TaskARN": task.task_arn,
        "Family": family,
        "Revision": revision,
        "DesiredStatus": task.desired_status,
        "KnownStatus": task.last_status,
        "LaunchType": "FARGATE",
        "AvailabilityZone": task.availability_zone,
        "Containers": containers,
    }
