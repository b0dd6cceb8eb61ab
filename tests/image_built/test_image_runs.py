"""The image runs what task definitions and buildspecs say, confined as they say: agent, flow run, registration."""

import asyncio
import json
import re
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import pytest
import yaml
from conftest import DIGEST, FIGURES, Container, Planned, Surroundings
from engine import CONFINED
from patience import eventually, until
from prefect.client.orchestration import get_client

FLOW, AGENT = 'module.flow_task.aws_ecs_task_definition.flow["flow"]', "module.ecs_agent.aws_ecs_task_definition.agent"
REGISTER = 'module.delivery[0].aws_codebuild_project.stage["register"]'
MOST_CPU = 0.8  # Of the naive image, from the container's start to the first line of the flow's code.
# It says what it finds where it runs: how it is confined, and the CPU that was used before its first line.
TRIED = '''"""A flow that says where it runs."""

import json
import os
import resource
import time
from pathlib import Path

from prefect import flow


def writable(folder: str) -> bool:
    try:
        Path(folder, "tried").write_text("")
    except OSError:
        return False
    return True


@flow(name="tried")
def tried(seconds: int = 0) -> None:
    """Say it.

    Args:
        seconds: Wait so long.
    """
    lines = Path("/proc/self/status").read_text().splitlines()
    status = dict(line.split(":\\t", 1) for line in lines if ":\\t" in line)
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    parent = Path(f"/proc/{os.getppid()}/stat").read_text().rpartition(")")[2].split()
    ticks = (int(parent[11]) + int(parent[12])) / os.sysconf("SC_CLK_TCK")
    said = {
        "uid": os.getuid(), "gid": os.getgid(), "groups": os.getgroups(),
        "capabilities": {status[name].strip() for name in ("CapPrm", "CapEff", "CapBnd", "CapInh")} == {"0" * 16},
        "writable": [each for each in ("/tmp", "/opt/data-flows", "/opt/venv", "/", "/var/tmp") if writable(each)],
        "cpu": sum(each.ru_utime + each.ru_stime for each in used) + ticks,
    }
    print("SAID " + json.dumps(said), flush=True)
    time.sleep(seconds)
'''


def plain(container: dict[str, Any]) -> dict[str, str]:
    return {each["name"]: each["value"] for each in container["environment"]}


def said(output: str) -> dict[str, Any]:
    """What the flow said of itself."""
    match = re.search(r"SAID (\{.*\})", output)
    assert match, output[-4000:]
    return dict(json.loads(match[1]))


async def ask(call: Callable[..., Any]) -> Any:
    async with get_client() as client:
        return await call(client)


@pytest.fixture(scope="module")
def registered(built: str, planned: Planned, surroundings: Surroundings, start: Callable[..., Container]) -> str:
    """What registration said, as the pipeline runs it: it makes the pool of the agent and the block of results."""
    project = planned.resources[REGISTER]
    [environment] = project["environment"]
    given = {each["name"]: each["value"] for each in environment["environment_variable"] if each["type"] == "PLAINTEXT"}
    [source] = project["source"]
    commands = yaml.safe_load(source["buildspec"])["phases"]["build"]["commands"]
    variables = given | surroundings.variables | {"IMAGE_DIGEST": DIGEST, "RUNBOOK_URL": "https://runbook.example.org"}
    container = start(built, ["sh", "-ec", "\n".join(commands)], variables)
    output = container.output()
    assert container.process.returncode == 0, output[-4000:]
    return output


@pytest.fixture
def flow_options(tmp_path: Path) -> list[str]:
    """Options that put the flow's file where the image has flows."""
    (tmp_path / "tried.py").write_text(TRIED)
    (tmp_path / "tried.py").chmod(0o644)
    return [f"--volume={tmp_path}/tried.py:/opt/data-flows/flows/shared/tried.py:ro"]


@pytest.fixture
def new_run(prefect_server: str) -> Callable[..., str]:
    """`new_run(seconds=0)`: the id of a run of it that nobody has started."""

    def make(seconds: int = 0) -> str:
        async def run(client: Any) -> Any:
            flow_id = await client.create_flow_from_name("tried")
            deployment = await client.create_deployment(
                flow_id, name="tried", entrypoint="flows/shared/tried.py:tried", path="/opt/data-flows"
            )
            return (await client.create_flow_run_from_deployment(deployment, parameters={"seconds": seconds})).id

        return str(asyncio.run(ask(run)))

    return make


@pytest.fixture
def start_run(
    planned: Planned,
    surroundings: Surroundings,
    flow_options: list[str],
    start: Callable[..., Container],
    registered: str,
) -> Callable[..., Container]:
    """`start_run(image, run)`: as the worker starts the task definition of flows."""

    def run(image: str, flow_run: str, *options: str, **how: Any) -> Container:
        task = planned.task(FLOW)
        variables = plain(task) | surroundings.variables | {"PREFECT__FLOW_RUN_ID": flow_run}
        memory = f"--memory={task['memory']}m"
        return start(image, task["command"], variables, *flow_options, memory, *options, **how)

    return run


def state_of(run: str) -> str:
    return str(asyncio.run(ask(lambda client: client.read_flow_run(run))).state_name)


def test_a_flow_run_completes_confined_as_its_task_definition_says(
    built: str, planned: Planned, new_run: Callable[..., str], start_run: Callable[..., Container]
) -> None:
    task = planned.task(FLOW)
    assert task["readonlyRootFilesystem"] is True
    assert task["linuxParameters"] == {"capabilities": {"drop": ["ALL"]}, "initProcessEnabled": True}
    run = new_run()
    container = start_run(built, run)
    output = container.output()
    found = said(output)
    assert container.process.returncode == 0, output[-4000:]
    assert state_of(run) == "Completed"
    assert (found["uid"], found["gid"], found["groups"]) == (10001, 10001, [10001])
    assert found["capabilities"]
    assert found["writable"] == ["/tmp"]  # noqa: S108 - the container's.


def test_a_flow_run_starts_with_less_cpu_than_in_the_naive_image(
    built: str, naive: str, new_run: Callable[..., str], start_run: Callable[..., Container]
) -> None:
    measured: dict[str, list[float]] = {built: [], naive: []}
    for image in (built, naive) * 3:
        measured[image].append(said(start_run(image, new_run()).output())["cpu"])
    used = {image: median(seconds) for image, seconds in measured.items()}
    FIGURES["CPU to the first line of a flow"] = (
        f"{used[built]:.1f} s, naive {used[naive]:.1f} ({used[built] / used[naive]:.0%})"
    )
    assert used[built] <= MOST_CPU * used[naive], measured


def waiting(container: Container, run: str) -> None:
    until(lambda: state_of(run) == "Running" or container.process.poll() is not None)
    assert container.process.poll() is None, container.output()[-4000:]


def test_sigterm_ends_a_flow_run_that_has_an_init(
    built: str, new_run: Callable[..., str], start_run: Callable[..., Container]
) -> None:
    run = new_run(seconds=3600)
    container = start_run(built, run)
    waiting(container, run)
    container.signal("TERM")
    output = container.output()
    assert container.process.returncode == 0, output[-4000:]
    assert asyncio.run(ask(lambda client: client.read_flow_run(run))).state.is_scheduled(), output[-4000:]


def test_without_an_init_a_flow_run_ignores_sigterm(
    built: str, new_run: Callable[..., str], start_run: Callable[..., Container]
) -> None:
    """Why initProcessEnabled is set: what has no handler of its own, as Prefect by default, ignores it as PID 1."""
    run = new_run(seconds=3600)
    container = start_run(built, run, "--env=PREFECT_FLOW_RUN_EXECUTE_SIGTERM_BEHAVIOR=die", how=CONFINED[1:])
    waiting(container, run)
    status = container.execute("cat", "/proc/1/status").stdout
    caught = int(re.search(r"^SigCgt:\s+(\w+)$", status, re.MULTILINE)[1], 16)  # type: ignore[index]
    assert not caught >> 14 & 1, "PID 1 handles SIGTERM now: does it still need an init?"


def test_registration_runs_in_it(registered: str, surroundings: Surroundings) -> None:
    assert f"work pool {surroundings.title}" in registered


def test_the_agent_runs_in_it_is_healthy_and_ends_at_sigterm(
    built: str, planned: Planned, surroundings: Surroundings, start: Callable[..., Container], registered: str
) -> None:
    task = planned.task(AGENT)
    agent = start(built, task["command"], plain(task) | surroundings.variables, f"--memory={task['memory']}m")
    health = task["healthCheck"]["command"]
    assert health[0] == "CMD"

    @eventually
    def healthy() -> None:
        assert agent.process.poll() is None, agent.output()[-4000:]
        answer = agent.execute(*health[1:])
        assert answer.returncode == 0, answer.stderr

    healthy()
    agent.signal("TERM")
    output = agent.output()
    assert agent.process.returncode == 0, output[-4000:]


def test_the_health_check_fails_where_no_agent_answers(
    built: str, planned: Planned, start: Callable[..., Container]
) -> None:
    health = planned.task(AGENT)["healthCheck"]["command"]
    container = start(built, health[1:], {})
    assert "Error" in container.output()
    assert container.process.returncode == 1
