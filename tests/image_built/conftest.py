"""The built image, and what it is run against: an embedded AWS, a Prefect server, the tasks as Terraform plans them."""

import json
import os
import re
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import pytest
from embedded_aws import EmbeddedAws
from engine import CONFINED, Engine, missing
from fixture_repository import FIXTURES
from gate_records import gate_record
from patience import PATIENCE_SECONDS

from scripts.gate import applied_state
from scripts.gate.permissions import flow_definitions, flow_permissions
from scripts.shared import terraform
from scripts.shared.environments import ROOT, STATE_VARIABLE, Environment
from scripts.shared.facts_file import read_environment
from scripts.shared.names import Names
from scripts.shared.offline_root import offline_root

IMAGE, NAIVE = "data-flows:built", "data-flows:naive"
RESULTS = "image-built-results"
DIGEST = f"sha256:{'c3' * 32}"
# What many write first: one stage, in which pip installs what the lock says, and the first line that is copied
# everywhere. Packages have bytecode, the standard library has none, as in the official base.
NAIVE_FILE = """{base}
ENV PYTHONDONTWRITEBYTECODE=1
COPY requirements/uv.txt requirements/runtime.txt ./
RUN pip install --no-cache-dir --require-hashes --requirement uv.txt
RUN python -m venv /opt/venv && uv pip sync --no-cache --python /opt/venv/bin/python --compile-bytecode runtime.txt
ENV PATH=/opt/venv/bin:$PATH PREFECT_HOME=/tmp/prefect PYTHONPATH=/opt/data-flows HOME=/tmp
WORKDIR /opt/data-flows
COPY flows/ flows/
COPY scripts/ scripts/
COPY sitecustomize.py ./
"""
# Whatever the agent may be asked to start: the tests start the containers themselves.
TEMPLATE = {
    "job_configuration": {"cpu": "{{ cpu }}"},
    "variables": {
        "type": "object",
        "properties": {
            **{name: {"type": "integer"} for name in ("cpu", "memory", "ephemeral_storage_gib")},
            "env": {"type": "object"},
            "definition": {"type": "string", "default": "flow"},
        },
    },
}
SECONDS: dict[str, float] = {}
FIGURES: dict[str, str] = {}


def timed(name: str, call: Callable[..., Any], *arguments: Any) -> Any:
    """What the call returns; its seconds stand at the end of the run."""
    began = time.monotonic()
    try:
        return call(*arguments)
    finally:
        SECONDS[name] = time.monotonic() - began


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """What was measured, and how long each part took."""
    for name, figure in FIGURES.items():
        terminalreporter.write_line(f"{name}: {figure}")
    terminalreporter.write_line(", ".join(f"{name} {seconds:.0f} s" for name, seconds in SECONDS.items()))


@pytest.fixture(scope="session")
def engine() -> Engine:
    if lacks := missing():
        pytest.fail(f"make test-image: {lacks}", pytrace=False)
    engine = Engine(ROOT / "build" / "image_built")
    base = re.findall(r"^FROM (\S+)", (ROOT / "Dockerfile").read_text(), re.MULTILINE)[-1]
    timed("base", engine.make_base, base)
    return engine


@pytest.fixture(scope="session")
def built(engine: Engine) -> str:
    """Name of the image that the repository's Dockerfile makes."""
    timed("image", engine.build, IMAGE, ROOT / "Dockerfile")
    return IMAGE


@pytest.fixture(scope="session")
def naive(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Name of an image with the same packages and code, in one stage."""
    file = tmp_path_factory.mktemp("naive") / "Dockerfile"
    base = re.findall(r"^FROM .*$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)[-1]
    file.write_text(NAIVE_FILE.format(base=base))
    timed("naive image", engine.build, NAIVE, file)
    return NAIVE


@dataclass
class Container:
    """A container that runs."""

    engine: Engine
    name: str
    process: subprocess.Popen[str]

    def inspect(self) -> dict[str, Any]:
        return dict(json.loads(self.engine.run("podman", "inspect", self.name))[0])

    def execute(self, *command: str) -> subprocess.CompletedProcess[str]:
        """A command in it, as ECS executes a health check."""
        whole = self.engine.command("podman", "exec", self.name, *command)
        return subprocess.run(whole, capture_output=True, text=True, check=False)

    def signal(self, name: str) -> None:
        self.engine.run("podman", "kill", f"--signal={name}", self.name)

    def output(self) -> str:
        """All that it said, once it has ended."""
        return str(self.process.communicate(timeout=PATIENCE_SECONDS)[0])


@pytest.fixture(scope="module")
def start(engine: Engine) -> Iterator[Callable[..., Container]]:
    """`start(image, command, variables, *options)`: as a task of Fargate runs, on this machine's network."""
    containers: list[Container] = []

    def run(image: str, command: list[str], variables: dict[str, str], *options: str, how: Any = CONFINED) -> Container:
        name = f"tried-{os.getpid()}-{len(containers)}"
        names = [f"--env={each}" for each in variables]  # Values only in the environment of podman.
        whole = engine.command(
            "podman", "run", "--rm", f"--name={name}", "--network=host", "--http-proxy=false", *how, *names, *options,
            image, *command,
        )  # fmt: skip
        process = subprocess.Popen(
            whole, env=os.environ | variables, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        containers.append(Container(engine, name, process))
        return containers[-1]

    yield run
    for each in containers:
        if each.process.poll() is None:
            with suppress(AssertionError):
                each.engine.run("podman", "rm", "--force", "--time=0", each.name)
            each.process.wait(PATIENCE_SECONDS)


@dataclass
class Planned:
    """What Terraform plans for amber: definitions of tasks, and the command of registration."""

    resources: dict[str, dict[str, Any]]

    def task(self, address: str) -> dict[str, Any]:
        """The one container of a task definition."""
        [container] = json.loads(self.resources[address]["container_definitions"])
        return dict(container)


@pytest.fixture(scope="session")
def planned(tmp_path_factory: pytest.TempPathFactory) -> Planned:
    def plan() -> Planned:
        folder = tmp_path_factory.mktemp("planned")
        root = offline_root(folder)
        shell = terraform.environment_variables(Environment("amber", folder), folder)
        terraform.init(root, shell, None)
        variables = [f"-var-file={FIXTURES / 'environments' / 'amber.tfvars'}", f"-var=image_digest={DIGEST}"]
        command = ["terraform", f"-chdir={root}", "plan", "-no-color", f"-out={folder / 'plan.tfplan'}", *variables]
        answer = subprocess.run(command, env=shell, capture_output=True, text=True, check=False)
        assert answer.returncode == 0, answer.stderr
        terraform.show(folder / "plan.tfplan", folder / "plan.json", root, shell)
        changes = json.loads((folder / "plan.json").read_text())["resource_changes"]
        return Planned({each["address"]: each["change"]["after"] for each in changes})

    return timed("plan", plan)


@dataclass
class Surroundings:
    """Where the image's commands run: variables that lead them to this machine's Prefect server and embedded AWS."""

    title: str
    variables: dict[str, str]


@pytest.fixture(scope="session")
def surroundings(prefect_process: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Surroundings]:
    """Amber as far as registration and agent ask for it: record and outputs beside the state, and the queue."""
    amber = read_environment(FIXTURES / "environments" / "amber.tfvars")
    names = Names(amber["name"], "amber")
    bucket = "image-built-state"
    aws = EmbeddedAws(tmp_path_factory.mktemp("aws"), amber["account_id"], amber["region"])
    timed("embedded AWS", aws.start)
    try:
        aws["s3"].create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": amber["region"]})
        aws["s3"].create_bucket(Bucket=RESULTS, CreateBucketConfiguration={"LocationConstraint": amber["region"]})
        aws["sqs"].create_queue(QueueName=f"{names.title}-task-events")
        shell = aws.settings.aws_environment(amber["region"]) | {STATE_VARIABLE: f"s3://{bucket}/state"}
        own = {name: value for name, value in shell.items() if name == STATE_VARIABLE or name.startswith("AWS_")}
        with pytest.MonkeyPatch.context() as patch:
            for name, value in own.items():
                patch.setenv(name, value)
            record = gate_record(image_digest=DIGEST)
            applied_state.save(Environment("amber", ROOT), record, outputs(names.title, amber))
        yield Surroundings(names.title, own | {"PREFECT_API_URL": prefect_process, "DO_NOT_TRACK": "1"})
    finally:
        aws.stop()


def outputs(title: str, amber: dict[str, Any]) -> dict[str, Any]:
    """Terraform's outputs, as far as registration reads them, for the flows of this repository."""
    rights = flow_permissions.declared(ROOT)
    declared = {
        flow: {
            "definition": each["name"],
            "secrets": each["secrets"],
            "permissions": [
                {"actions": one["actions"], "resources": one["resources"]} for one in rights if one["flow"] == flow
            ],
        }
        for flow, each in flow_definitions.definitions(title, amber).items()
    }
    secrets = sorted({name for each in declared.values() for name in each["secrets"]})
    pool = {"name": title, "base_job_template": TEMPLATE, "concurrency_limit": None, "time_limit_minutes": 60}
    return {
        "work_pool": pool,
        "results_bucket": RESULTS,
        "facts": {
            "environment": "amber", "name": amber["name"], "title": title, "owner": "tests", "schedules": "inactive",
            "guarded": False, "region": amber["region"], "log_group": "/flow", "alerts": [],
            "result_block": f"{title.lower()}-results",
        },
        "flows": {"declared": declared, "parameters": secrets},
    }  # fmt: skip
