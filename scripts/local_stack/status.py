"""Tables of what is running on the local stack: its programs, ECS tasks and latest flow runs."""

from collections.abc import Sequence

from rich.table import Table

from scripts.local_stack.supervisor.supervision import Part
from scripts.shared import flow_runs
from scripts.shared.environments import Environment
from scripts.shared.run_tags import TRY

RUNS_SHOWN = 5


def _table(*columns: str) -> Table:
    return Table(*columns, box=None, pad_edge=False)


def part_table(parts: Sequence[Part]) -> Table:
    """The programs of the stack."""
    table = _table("program", "state", "pid", "up", "address")
    for part in parts:
        up = f"{part.uptime_seconds:.0f} s" if part.pid else ""
        table.add_row(part.name, part.state, str(part.pid or ""), up, part.address)
    return table


def task_table(environment: Environment) -> Table:
    """Tasks of the environment's cluster as DescribeTasks tells them, running or just stopped."""
    table = _table("task", "family", "state", "exit", "reason")
    ecs, cluster = environment.client("ecs"), environment.title
    if cluster not in [arn.rpartition("/")[2] for arn in ecs.list_clusters()["clusterArns"]]:
        return table
    states = ("RUNNING", "STOPPED")
    arns = [arn for state in states for arn in ecs.list_tasks(cluster=cluster, desiredStatus=state)["taskArns"]]
    for task in ecs.describe_tasks(cluster=cluster, tasks=arns)["tasks"] if arns else []:
        task_id, family = (task[key].rpartition("/")[2] for key in ("taskArn", "taskDefinitionArn"))
        code = task["containers"][0].get("exitCode", "")
        table.add_row(task_id[:8], family, task["lastStatus"], str(code), task.get("stoppedReason", ""))
    return table


async def run_table() -> Table:
    """The latest flow runs."""
    table = _table("flow", "run", "state", "task", "since")
    for run, flow in await flow_runs.latest_runs(RUNS_SHOWN):
        task = (run.infrastructure_pid or "").rpartition("/")[2][:8]
        since = f"{run.state.timestamp.astimezone():%H:%M:%S}" if run.state else ""
        table.add_row(flow, run.name, run.state_name or "", "here" if TRY in run.tags else task, since)
    return table
