"""The awslogs driver: it sends what a task writes to its log file to CloudWatch Logs, in order, within a second."""

import logging
import threading
import time
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from scripts.local_stack.fargate.environment import StartError
from scripts.local_stack.fargate.roles import RoleError, Roles

logger = logging.getLogger(__name__)
BATCH_EVENTS = 1000
LINE_LIMIT_BYTES = 256 * 1024


class LogShipper:
    """Sends the lines of one file to one log stream, as the execution role."""

    def __init__(self, path: Path, logs: Any, group: str, stream: str) -> None:
        self._file = path.open("rb")
        self._rest = b""
        self._lock = threading.Lock()
        self._logs = logs
        self._group = group
        self._stream = stream

    def ship(self, *, last: bool = False) -> None:
        """Send every line written since the last call; with `last`, an unfinished one too, and close the file."""
        with self._lock:
            if self._file.closed:
                return
            *lines, self._rest = (self._rest + self._file.read()).split(b"\n")
            if self._rest and (last or len(self._rest) > LINE_LIMIT_BYTES):
                lines.append(self._rest)
                self._rest = b""
            self._put(lines)
            if last:
                self._file.close()

    def _put(self, lines: list[bytes]) -> None:
        now = int(time.time() * 1000)
        # CloudWatch refuses empty messages, so Docker's driver leaves empty lines out.
        events = [{"timestamp": now, "message": line.decode(errors="replace")} for line in lines if line]
        for start in range(0, len(events), BATCH_EVENTS):
            batch = events[start : start + BATCH_EVENTS]
            try:
                self._logs.put_log_events(logGroupName=self._group, logStreamName=self._stream, logEvents=batch)
            except Exception:
                logger.exception("%s: %d log lines were not delivered to %s", self._stream, len(batch), self._group)


def open_shipper(
    path: Path, roles: Roles, execution_role_arn: str | None, definition: dict[str, Any], task_id: str
) -> LogShipper | None:
    """Return a shipper to the container's awslogs group, None without awslogs; raise StartError without the group."""
    configuration = definition.get("logConfiguration") or {}
    if configuration.get("logDriver") != "awslogs":
        return None
    options = configuration["options"]
    group = options["awslogs-group"]
    stream = f"{options['awslogs-stream-prefix']}/{definition['name']}/{task_id}"
    if not execution_role_arn:
        raise StartError("ResourceInitializationError: failed to validate logger args: no execution role")
    try:
        logs = roles.client("logs", options["awslogs-region"], execution_role_arn)
        if options.get("awslogs-create-group") == "true":
            _create_group(logs, group)
        logs.create_log_stream(logGroupName=group, logStreamName=stream)
    except ClientError as error:
        raise StartError(f"ResourceInitializationError: failed to validate logger args: {group}: {error}") from None
    except RoleError as error:
        raise StartError(str(error)) from None
    return LogShipper(path, logs, group, stream)


def _create_group(logs: Any, group: str) -> None:
    try:
        logs.create_log_group(logGroupName=group)
    except logs.exceptions.ResourceAlreadyExistsException:
        return
