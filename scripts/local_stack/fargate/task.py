"""One task of the embedded Fargate: a local process. Its states appear in moto's Task and as events."""

import logging
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil
from moto.ecs.models import Task, TaskDefinition

from scripts.local_stack.aws.calls import CallRecorder
from scripts.local_stack.fargate import environment, memory, shape
from scripts.local_stack.fargate.environment import StartError
from scripts.local_stack.fargate.events import send_state_change
from scripts.local_stack.fargate.health import HealthCheck
from scripts.local_stack.fargate.logs import LogShipper, open_shipper
from scripts.local_stack.fargate.roles import Roles, TaskCredentials
from scripts.local_stack.supervisor import processes
from scripts.shared.local_settings import LocalSettings

logger = logging.getLogger(__name__)
SHIP_SECONDS = 0.5
DEFAULT_STOP_TIMEOUT_SECONDS = 30


@dataclass(frozen=True)
class Surroundings:
    """What all tasks share."""

    settings: LocalSettings
    roles: Roles
    recorder: CallRecorder
    on_change: Callable[[], None]


class FargateTask:
    """Runs the command of one moto Task in a thread of its own, from PROVISIONING to STOPPED."""

    def __init__(self, task: Task, definition: TaskDefinition, surroundings: Surroundings) -> None:
        self.definition = definition
        self.started_monotonic: float | None = None
        self._around = surroundings
        self._container: dict[str, Any] = definition.container_definitions[0]
        self._override = shape.find_override(task, str(self._container["name"]))
        self.task = shape.complete(task, definition, self._override)
        overrides = task.overrides or {}
        self._execution_role = overrides.get("executionRoleArn") or getattr(definition, "execution_role_arn", None)
        task_role = overrides.get("taskRoleArn") or getattr(definition, "task_role_arn", None)
        self.credentials = TaskCredentials(surroundings.roles, task.id, task_role)
        self._process: subprocess.Popen[bytes] | None = None
        self._lock = threading.RLock()
        self._exited = threading.Event()
        self.finished = threading.Event()
        self._home = surroundings.settings.tasks / task.id
        self.log_file = surroundings.settings.tasks / f"{task.id}.log"
        self.record_file = surroundings.settings.tasks / f"{task.id}.json"

    def start(self) -> None:
        """Run the task in a thread."""
        self._change("PROVISIONING")
        threading.Thread(target=self._run, name=f"task-{self.task.id}", daemon=True).start()

    def stop(self, reason: str, code: str) -> None:
        """Send SIGTERM now and SIGKILL after the container's stopTimeout. A task not yet started never starts."""
        with self._lock:
            if self.task.desired_status == "STOPPED":
                return
            self.task.desired_status = "STOPPED"
            self.task.stop_code = code
            self.task.stopped_reason = reason
            self.task.stopping_at = datetime.now(UTC)
            process = self._process
        if self.task.last_status == "RUNNING":
            self._change("STOPPING")
        if process:
            with suppress(ProcessLookupError):
                process.send_signal(signal.SIGTERM)
            timeout = self._container.get("stopTimeout") or DEFAULT_STOP_TIMEOUT_SECONDS
            threading.Thread(target=self._kill_after, args=(timeout,), daemon=True).start()

    def kill(self) -> None:
        """SIGKILL everything of the task now."""
        if self._process and not self.finished.is_set():
            processes.kill_task(self.task.id, self._process.pid)

    def _run(self) -> None:
        try:
            try:
                process, shipper = self._launch()
            except StartError as error:
                self._failed_to_start(str(error))
                return
            exit_code = self._watch(process, shipper)
            self._stopped(exit_code)
        except Exception as error:
            logger.exception("Task %s", self.task.id)
            self._failed_to_start(f"InternalError: {error!r}")
        finally:
            shutil.rmtree(self._home, ignore_errors=True)
            self.finished.set()
            self._around.on_change()

    def _launch(self) -> tuple[subprocess.Popen[bytes], LogShipper | None]:
        self._change("PENDING")
        settings, roles, region = self._around.settings, self._around.roles, self.definition.arn.split(":")[3]
        if len(self.definition.container_definitions) > 1:
            raise StartError("The embedded Fargate runs tasks of one container; this definition has more.")
        folder = self._pull(settings.images)
        secret = environment.read_secrets(roles, region, self._execution_role, self._container)
        self.log_file.touch()
        shipper = open_shipper(self.log_file, roles, self._execution_role, self._container, self.task.id)
        command = [
            *(self._container.get("entryPoint") or []),
            *(self._override.get("command") or self._container.get("command") or []),
        ]
        if not command:
            raise StartError("CannotStartContainerError: no command specified")
        environment.make_home(self._home)
        variables = environment.combine(
            environment.image_variables(folder, self._home),
            environment.fargate_variables(settings.aws_endpoint_url, region, self.task.id, self.credentials.token),
            definition=self._container,
            override=self._override,
            secret=secret,
        )
        with self._lock:
            if self.task.desired_status == "STOPPED":
                raise StartError(self.task.stopped_reason or "Task stopped before it started")
            process = self._spawn(command, variables, folder)
            self._process = process
        self.task.started_at = datetime.now(UTC)
        self.task.connectivity, self.task.connectivity_at = "CONNECTED", self.task.started_at
        self.started_monotonic = time.monotonic()
        check = HealthCheck.from_container(self._container, variables, folder, self._exited)
        if check:
            check.start(self._health_changed)
        self._change("RUNNING")
        return process, shipper

    def _pull(self, images: Path) -> Path:
        image = self._container["image"]
        self.task.pull_started_at = datetime.now(UTC)
        role = (self._execution_role or "no-role").rsplit("/", 1)[-1]
        try:
            folder = environment.image_folder(images, image)
        except StartError:
            self._around.recorder.record("ecr", "BatchGetImage", role, image, 404)
            raise
        self._around.recorder.record("ecr", "BatchGetImage", role, image, 200)
        self.task.pull_stopped_at = datetime.now(UTC)
        self.task.containers[0].image_digest = f"sha256:{folder.name}"
        return folder

    def _spawn(self, command: list[str], variables: dict[str, str], folder: Path) -> subprocess.Popen[bytes]:
        with self.log_file.open("ab") as log:
            try:
                process = subprocess.Popen(
                    command,
                    env=variables,
                    cwd=folder,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
            except OSError as error:
                message = f"CannotStartContainerError: failed to create shim task: {command[0]}: {error.strerror}"
                raise StartError(message) from None
        record: dict[str, Any] = {"task_id": self.task.id, "group": self.task.group, "definition": self.definition.arn}
        record |= {"pid": process.pid, "started_at": datetime.now(UTC).isoformat()}
        with suppress(psutil.NoSuchProcess):  # It has ended already.
            record |= processes.identify(process.pid)
        processes.write_record(self.record_file, record)
        return process

    def _watch(self, process: subprocess.Popen[bytes], shipper: LogShipper | None) -> int:
        if shipper:
            threading.Thread(target=self._ship, args=(shipper,), daemon=True).start()
        limit = int(self.task.memory or self._container.get("memory") or 0)
        watched = (process.pid, limit, self._exited, self._out_of_memory)
        if limit:
            threading.Thread(target=memory.watch, args=watched, daemon=True).start()
        returned = process.wait()
        self._exited.set()
        try:
            # A container ends with its first process, and so do all other processes in it.
            processes.kill_task(self.task.id, process.pid)
            if shipper:
                shipper.ship(last=True)
        except Exception:  # The exit code is known, whatever fails after it.
            logger.exception("Task %s: what followed its end", self.task.id)
        return 128 - returned if returned < 0 else returned

    def _ship(self, shipper: LogShipper) -> None:
        while not self._exited.wait(SHIP_SECONDS):
            shipper.ship()

    def _kill_after(self, seconds: float) -> None:
        if not self._exited.wait(seconds):
            self.kill()

    def _out_of_memory(self) -> None:
        self.task.containers[0].reason = memory.REASON
        self.kill()

    def _health_changed(self, status: str) -> None:
        self.task.health_status = self.task.containers[0].health_status = status
        self._around.on_change()

    def _failed_to_start(self, reason: str) -> None:
        with self._lock:
            if self.task.desired_status != "STOPPED":
                self.task.stop_code, self.task.stopped_reason = "TaskFailedToStart", reason
        container = self.task.containers[0]
        container.reason = reason
        with self.log_file.open("a") as log:
            log.write(f"{reason}\n")
        self._end(None)

    def _stopped(self, exit_code: int) -> None:
        with self._lock:
            if self.task.desired_status != "STOPPED":
                self.task.stop_code = "EssentialContainerExited"
                self.task.stopped_reason = "Essential container in task exited"
        self.task.containers[0].exit_code = exit_code
        self._end(exit_code)

    def _end(self, exit_code: int | None) -> None:
        now = datetime.now(UTC)
        self.task.desired_status = "STOPPED"
        self.task.stopping_at = getattr(self.task, "stopping_at", None) or now
        self.task.execution_stopped_at = self.task.stopped_at = now
        record = processes.read_record(self.record_file) or {"task_id": self.task.id, "group": self.task.group}
        record |= {"stopped_at": now.isoformat(), "exit_code": exit_code, "reason": self.task.stopped_reason}
        processes.write_record(self.record_file, record)
        shape.release_network_interface(self.task)
        self._change("STOPPED")

    def _change(self, status: str) -> None:
        self.task.last_status = status
        for container in self.task.containers:
            container.last_status = status if status in ("RUNNING", "STOPPED") else "PENDING"
        self.task.version = getattr(self.task, "version", 0) + 1
        try:
            send_state_change(self.task)
        except Exception:
            logger.exception("Task %s: the event of %s was not sent", self.task.id, status)
        self._around.on_change()
