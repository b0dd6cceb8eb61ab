"""What `make up` does: one step after the other, each safe to repeat."""

import asyncio
import fcntl
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from scripts.local_stack import first_runs, seed_landing, summary
from scripts.local_stack.supervisor import processes, supervision
from scripts.shared import prefect_api
from scripts.shared.environments import Environment, find_environment
from scripts.shared.local_settings import LocalSettings
from scripts.shared.refusal import Refusal
from scripts.shared.steps import Steps

PYTHON = (sys.executable, "-m")


@contextmanager
def hold_lock(settings: LocalSettings) -> Iterator[None]:
    """Hold the stack's lock file while it is brought up.

    Raises:
        Refusal: another `make up` of the same stack is under way.
    """
    settings.directory.mkdir(parents=True, exist_ok=True)
    with (settings.directory / "up.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Refusal("Another `make up` is running; expected none: wait for it, or stop it with Ctrl-C.") from None
        yield


def remove_stale_lock(environment: Environment) -> None:
    """Remove the state lock that a killed Terraform left: this process holds `up.lock`, and no other step runs."""
    state = environment.backend
    environment.client("s3").delete_object(Bucket=state["bucket"], Key=f"{state['key']}.tflock")


def bring_up(settings: LocalSettings, since: float, *, fast: bool) -> None:
    """All steps, each safe to repeat. The flow files are checked already, `since` that Unix time.

    `fast`: without the sample data, and without the flows that are to run once.
    """
    environment = find_environment("local")
    steps = Steps(settings.directory / "logs")
    supervision.end_steps(settings)
    steps.run("Embedded AWS, Snowflake, dbt Cloud, Prefect", *PYTHON, "scripts.local_stack.supervisor.start")
    remove_stale_lock(environment)
    # Marked, so that a later `make up` or `make down` finds what outlives this one, were it killed.
    env = {**os.environ, processes.MARK: str(settings.directory)}
    steps.run("Plan and gate", *PYTHON, "scripts.plan_environment", "local", "--flows-checked", env=env)
    steps.run("Apply", *PYTHON, "scripts.apply_plan", "local", env=env)
    if seed_landing.landing_files() and not fast:
        steps.run("Landing data", *PYTHON, "scripts.local_stack.seed_landing", env=env)
    steps.run("Register flows", *PYTHON, "scripts.register_flows", "--env", "local", env=env)
    deployments = tags_by_deployment(environment)
    runs = {
        name: steps.run(f"Run {name}", *PYTHON, "scripts.run_flow", name, "--registered", env=env)
        for name in first_runs.order_runs({} if fast else deployments)
    }
    summary.print_summary(environment, settings, list(deployments), runs, time.time() - since)


def tags_by_deployment(environment: Environment) -> dict[str, list[str]]:
    """Tags of every deployment, by its name."""
    prefect_api.configure(environment)
    from prefect.client.orchestration import get_client

    async def read() -> dict[str, list[str]]:
        async with get_client() as client:
            return {name: found.tags for name, found in (await prefect_api.deployments_by_name(client)).items()}

    return asyncio.run(read())
