"""What runs on the local stack: its programs, its ECS tasks and the latest flow runs.

    python -m scripts.show_status

Exit code 0 when all of it runs, 1 when a part does not.
"""

import argparse
import asyncio
import sys

from rich.console import Console
from rich.table import Table

from scripts.local_stack.settings import LocalSettings
from scripts.local_stack.supervisor import supervision
from scripts.shared import prefect_api
from scripts.shared.environments import Environment, find_environment
from scripts.shared.refusal import run_command

RUNS_SHOWN = 5


def ecs_tasks(environment: Environment) -> list[dict]:
    """Tasks of the environment's cluster as DescribeTasks tells them, running or just stopped."""
    ecs = environment.client("ecs")
    if environment.title not in [arn.rpartition("/")[2] for arn in ecs.list_clusters()["clusterArns"]]:
        return []
    arns = [
        arn
        for state in ("RUNNING", "STOPPED")
        for arn in ecs.list_tasks(cluster=environment.title, desiredStatus=state)["taskArns"]
    ]
    return ecs.describe_tasks(cluster=environment.title, tasks=arns)["tasks"] if arns else []


async def flow_runs() -> list[tuple[str, str, str]]:
    """Name, state and seconds of the latest flow runs."""
    from prefect.client.orchestration import get_client
    from prefect.client.schemas.sorting import FlowRunSort

    async with get_client() as client:
        runs = await client.read_flow_runs(sort=FlowRunSort.START_TIME_DESC, limit=RUNS_SHOWN)
    return [(run.name, run.state_name or "", f"{run.total_run_time.total_seconds():.0f} s") for run in runs]


def main() -> int:
    """Print what runs."""
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    settings, environment = LocalSettings.load(), find_environment("local")
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 160)
    parts = supervision.status(settings)
    table = Table("program", "state", "pid", "up", "address", box=None, pad_edge=False)
    for part in parts:
        table.add_row(
            part.name, part.state, str(part.pid or ""), f"{part.uptime_seconds:.0f} s" if part.pid else "", part.address
        )
    console.print(table)
    all_run = all(part.state == "RUNNING" for part in parts)
    if not all_run:
        console.print("\nNot all of it runs: `make up` starts what is missing, `make down` ends the rest.")
        return 1
    tasks = Table("task", "family", "state", "exit", "reason", box=None, pad_edge=False)
    for task in ecs_tasks(environment):
        family = task["taskDefinitionArn"].rpartition("/")[2]
        code = task["containers"][0].get("exitCode")
        tasks.add_row(
            task["taskArn"].rpartition("/")[2][:8],
            family,
            task["lastStatus"],
            "" if code is None else str(code),
            task.get("stoppedReason", ""),
        )
    console.print()
    console.print(tasks)
    prefect_api.configure(environment)
    runs = Table("flow run", "state", "took", box=None, pad_edge=False)
    for run in asyncio.run(flow_runs()):
        runs.add_row(*run)
    console.print()
    console.print(runs)
    return 0


if __name__ == "__main__":
    run_command(main)
