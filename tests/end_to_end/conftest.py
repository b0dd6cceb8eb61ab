"""One local stack for the session, brought up by the very command of `make up`, on ports and in a folder of its own."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import httpx
import pytest
from embedded_aws import free_ports
from patience import PATIENCE_SECONDS

from scripts.local_stack.aws import clients
from scripts.local_stack.settings import LocalSettings
from scripts.shared.environments import ROOT


@dataclass(frozen=True)
class Stack:
    """A running local stack and the shell that its commands run in."""

    settings: LocalSettings
    shell: dict[str, str]

    def run(self, command: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run one of the Makefile's commands, such as `run_flow`, to its end."""
        return subprocess.run(
            [sys.executable, "-m", f"scripts.{command}", *arguments],
            cwd=ROOT, env=self.shell, capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=False,
        )  # fmt: skip

    def client(self, service: str) -> Any:
        """A boto3 client of the embedded AWS, as administrator."""
        return clients.client(self.settings.aws_endpoint_url, service)

    @cached_property
    def ecs(self) -> Any:
        """Client of ECS."""
        return self.client("ecs")

    def tasks(self, family: str, *states: str) -> list[dict[str, Any]]:
        """DescribeTasks of one family, in the given states, such as RUNNING."""
        cluster = "DataFlows-Local"
        arns = [
            arn
            for state in states
            for arn in self.ecs.list_tasks(cluster=cluster, family=family, desiredStatus=state)["taskArns"]
        ]
        return self.ecs.describe_tasks(cluster=cluster, tasks=arns)["tasks"] if arns else []

    def prefect(self, method: str, path: str, **body: object) -> Any:
        """Ask the Prefect API itself, without the client's settings of this process."""
        user, _, password = self.settings.prefect_auth_string().partition(":")
        url = f"{self.settings.prefect_api_url}{path}"
        answer = httpx.request(method, url, json=body, auth=(user, password), trust_env=False, timeout=PATIENCE_SECONDS)
        return answer.raise_for_status().json()

    def calls(self) -> list[dict[str, Any]]:
        """Every AWS call so far: service, action, role, resource, status."""
        return [json.loads(line) for line in self.settings.calls.read_text().splitlines()]

    def process_of(self, task: dict[str, Any]) -> int:
        """Pid of the process that is the task's container."""
        record = self.settings.tasks / f"{task['taskArn'].rpartition('/')[2]}.json"
        return json.loads(record.read_text())["pid"]


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The stack, where nothing ran yet; whatever the tests leave of it is ended."""
    names = ("aws_port", "snowflake_port", "prefect_port", "agent_health_port")
    settings = LocalSettings(
        directory=tmp_path_factory.mktemp("stack") / "local", **dict(zip(names, free_ports(4), strict=True))
    )
    chosen = {f"DATA_FLOWS_{name.upper()}": str(value) for name, value in settings.model_dump().items()}
    # What a developer may have set must reach neither the commands nor the tasks.
    theirs = {
        "AWS_PROFILE": "personal",
        "PREFECT_API_URL": "http://127.0.0.1:9/api",
        "HTTP_PROXY": "http://127.0.0.1:9",
    }
    stack = Stack(settings, {**os.environ, **theirs, **chosen})
    try:
        yield stack
    finally:
        stack.run("stop_local")


@pytest.fixture(scope="session")
def up(stack: Stack) -> str:
    """What `make up` printed, on a machine where nothing ran."""
    answer = stack.run("start_local")
    if answer.returncode:
        pytest.fail(f"make up ended with {answer.returncode}:\n{answer.stdout}\n{answer.stderr}")
    return answer.stdout


@pytest.fixture(scope="session")
def secrets(stack: Stack, up: str) -> dict[str, str]:
    """The secrets of this stack: value of every SecureString, by name."""
    found = stack.client("ssm").get_parameters_by_path(Path="/DataFlows/Local/", WithDecryption=True)["Parameters"]
    return {each["Name"].rpartition("/")[2]: each["Value"] for each in found if each["Type"] == "SecureString"}
