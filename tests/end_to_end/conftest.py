"""One local stack for the session, brought up by the very command of `make up`, on ports and in a folder of its own.

It runs in a copy of the repository to which the fixture flows are added: what the product promises is tested with them,
and whatever flows a team has run beside them.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import httpx
import pytest
from embedded_aws import free_ports
from patience import PATIENCE_SECONDS
from repository_copy import commit, copy_repository
from tenacity import retry, retry_if_exception, stop_after_delay, wait_fixed

from scripts.shared import embedded_clients
from scripts.shared.environments import ROOT, Environment
from scripts.shared.local_settings import LocalSettings
from scripts.shared.parameters import environment_parameters

FIXTURES = ROOT / "tests" / "fixtures" / "flows"


def is_busy(error: BaseException) -> bool:
    """Whether to ask Prefect again: it starts, or SQLite has another writer."""
    if isinstance(error, httpx.HTTPStatusError):
        return error.response.status_code == httpx.codes.SERVICE_UNAVAILABLE
    return isinstance(error, httpx.TransportError)


@dataclass(frozen=True)
class Stack:
    """A running local stack, the repository it is of, and the shell that its commands run in."""

    root: Path
    settings: LocalSettings
    shell: dict[str, str]

    def run(self, command: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run one of the Makefile's commands, such as `run_flow`, to its end."""
        return subprocess.run(
            [sys.executable, "-m", f"scripts.{command}", *arguments],
            cwd=self.root, env=self.shell, capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=False,
        )  # fmt: skip

    @cached_property
    def environment(self) -> Environment:
        """The environment `local`: the copy has the facts of this repository."""
        return Environment("local", self.settings.directory)

    @property
    def plan(self) -> dict[str, Any]:
        """What `make up` planned last."""
        return json.loads((self.settings.directory / "plan.json").read_text())

    @property
    def results_bucket(self) -> str:
        """Name of the bucket with landing data, results and exports."""
        return self.plan["planned_values"]["outputs"]["results_bucket"]["value"]

    def client(self, service: str) -> Any:
        """A boto3 client of the embedded AWS, as administrator."""
        return embedded_clients.client(self.settings.aws_endpoint_url, service, self.environment.facts["region"])

    @cached_property
    def ecs(self) -> Any:
        """Client of ECS."""
        return self.client("ecs")

    def tasks(self, role: str, *states: str) -> list[dict[str, Any]]:
        """DescribeTasks of the agent or of the flow runs, in the given states, such as RUNNING."""
        cluster = self.environment.title
        arns = [
            arn for state in states for arn in self.ecs.list_tasks(cluster=cluster, desiredStatus=state)["taskArns"]
        ]
        found = self.ecs.describe_tasks(cluster=cluster, tasks=arns)["tasks"] if arns else []
        # Flow runs have several families.
        family = re.compile(rf".*/{cluster}-{role}(-[\w-]+)?:\d+")
        return [task for task in found if family.fullmatch(task["taskDefinitionArn"])]

    @retry(
        retry=retry_if_exception(is_busy), stop=stop_after_delay(PATIENCE_SECONDS), wait=wait_fixed(0.5), reraise=True
    )
    def prefect(self, method: str, path: str, **body: object) -> Any:
        """Ask the Prefect API itself, without the client's settings of this process."""
        user, _, password = self.settings.prefect_auth_string().partition(":")
        url = f"{self.settings.prefect_api_url}{path}"
        answer = httpx.request(method, url, json=body, auth=(user, password), trust_env=False, timeout=PATIENCE_SECONDS)
        return answer.raise_for_status().json()

    def deployments(self) -> dict[str, dict[str, Any]]:
        """Every registered deployment, by `<flow>/<deployment>`."""
        flows = {flow["id"]: flow["name"] for flow in self.prefect("POST", "/flows/filter")}
        found = self.prefect("POST", "/deployments/filter")
        return {f"{flows[each['flow_id']]}/{each['name']}": each for each in found}

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
    names = ("aws_port", "snowflake_port", "dbt_port", "prefect_port", "agent_health_port")
    settings = LocalSettings(
        directory=tmp_path_factory.mktemp("stack") / "local", **dict(zip(names, free_ports(5), strict=True))
    )
    chosen = {f"DATA_FLOWS_{name.upper()}": str(value) for name, value in settings.model_dump().items()}
    # What a developer may have set must reach neither the commands nor the tasks.
    theirs = {
        "AWS_PROFILE": "personal",
        "PREFECT_API_URL": "http://127.0.0.1:9/api",
        "HTTP_PROXY": "http://127.0.0.1:9",
    }
    root = copy_repository(tmp_path_factory.mktemp("repository"))
    shutil.copytree(FIXTURES, root / "flows" / "fixtures")
    commit(root)
    stack = Stack(root, settings, {**os.environ, **theirs, **chosen})
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
def parameters(stack: Stack, up: str) -> dict[str, str]:
    """Value of every SSM parameter of this stack, by name."""
    path = stack.environment.names.path
    pages = stack.client("ssm").get_paginator("get_parameters_by_path").paginate(Path=path, WithDecryption=True)
    return {each["Name"].rpartition("/")[2]: each["Value"] for page in pages for each in page["Parameters"]}


@pytest.fixture(scope="session")
def secrets(stack: Stack, parameters: dict[str, str]) -> dict[str, str]:
    """The secrets of this stack: value of every SecureString, by name."""
    kinds = environment_parameters(stack.environment)
    return {name: value for name, value in parameters.items() if kinds.get(name) != "String"}
