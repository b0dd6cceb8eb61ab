"""The container's health check: a command in the container's environment. Its exit code says whether it is healthy."""

import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any


class HealthCheck:
    """Runs the check every `interval` seconds until the container has exited."""

    def __init__(self, check: dict[str, Any], variables: dict[str, str], folder: Path, exited: threading.Event) -> None:
        kind, *command = check["command"]
        self._command = ["/bin/sh", "-c", *command] if kind == "CMD-SHELL" else command
        self._check = check
        self._variables = variables
        self._folder = folder
        self._exited = exited

    @classmethod
    def from_container(cls, container: dict[str, Any], *arguments: Any) -> "HealthCheck | None":
        """Return the container's check, or None when it has none."""
        check = container.get("healthCheck") or {}
        return cls(check, *arguments) if check.get("command", ["NONE"])[0] != "NONE" else None

    def start(self, on_change: Callable[[str], None]) -> None:
        """Check in the background; `on_change` gets HEALTHY or UNHEALTHY whenever that changes."""
        threading.Thread(target=self._run, args=(on_change,), daemon=True).start()

    def _run(self, on_change: Callable[[str], None]) -> None:
        began, failures, status = time.monotonic(), 0, ""
        while not self._exited.wait(self._check.get("interval", 30)):
            if self._passes():
                failures, found = 0, "HEALTHY"
            elif time.monotonic() - began < self._check.get("startPeriod", 0):
                continue  # A container may take its time to start; only a success counts then.
            else:
                failures += 1
                found = "UNHEALTHY" if failures >= self._check.get("retries", 3) else status
            if found and found != status and not self._exited.is_set():
                status = found
                on_change(status)

    def _passes(self) -> bool:
        try:
            done = subprocess.run(
                self._command,
                env=self._variables,
                cwd=self._folder,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                timeout=self._check.get("timeout", 5),
                start_new_session=True,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired):
            return False
        return done.returncode == 0
