"""An embedded AWS of the tests' own: a real server process on a free port, spoken to through boto3 only."""

import json
import os
import signal
import socket
import subprocess
import sys
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import Any

import httpx
from patience import PATIENCE_SECONDS, until

from scripts.shared import embedded_clients
from scripts.shared.local_settings import REPOSITORY, LocalSettings

ACCOUNT_ID, REGION = "123456789012", "eu-west-1"


def free_ports(count: int) -> list[int]:
    """Ports of 127.0.0.1 that nobody holds now, all different."""
    probes = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [probe.getsockname()[1] for probe in probes]
    for probe in probes:
        probe.close()
    return ports


class EmbeddedAws:
    """The server; `aws["s3"]` is a client of it as administrator."""

    def __init__(self, directory: Path, account_id: str = ACCOUNT_ID, region: str = REGION) -> None:
        (port,) = free_ports(1)
        self.account_id, self.region = account_id, region
        self.settings = LocalSettings.model_construct(directory=directory, aws_port=port)
        self.process: subprocess.Popen | None = None

    def start(self, **variables: str) -> None:
        """Start the server, with further environment variables, and wait until it answers."""
        directory = self.settings.directory
        directory.mkdir(parents=True, exist_ok=True)
        place = ["--port", str(self.settings.aws_port), "--directory", str(directory), "--account-id", self.account_id]
        with (directory / "aws.log").open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "scripts.local_stack.aws.server", *place],
                cwd=REPOSITORY,
                env=os.environ | variables,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        until(lambda: self._answers() or self.process.poll() is not None)
        assert self.process.poll() is None, (directory / "aws.log").read_text()[-2000:]

    def _answers(self) -> bool:
        with suppress(httpx.HTTPError):
            return httpx.get(f"{self.settings.aws_endpoint_url}/_fargate/health", trust_env=False).is_success
        return False

    def stop(self) -> None:
        """End the server as supervisor does."""
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(PATIENCE_SECONDS)

    @cached_property
    def _clients(self) -> dict[str, Any]:
        return {}

    def __getitem__(self, service: str) -> Any:
        if service not in self._clients:
            self._clients[service] = embedded_clients.client(self.settings.aws_endpoint_url, service, self.region)
        return self._clients[service]

    def calls(self) -> list[dict[str, Any]]:
        """Every recorded call: service, action, role, resource, status."""
        return [json.loads(line) for line in self.settings.calls.read_text().splitlines()]
