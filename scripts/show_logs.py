"""Show the end of a log. On a terminal, follow it until its end or Ctrl-C.

    python -m scripts.show_logs --flow daily_orders
    python -m scripts.show_logs --run brave-otter --env dev
    python -m scripts.show_logs --task 0f3c21ab
    python -m scripts.show_logs --name agent

It takes what `make status` and `make run` print. Runs' logs come from Prefect; those of tasks and of the agent from
CloudWatch, or for `local` from the stack's own files.
"""

import asyncio
import sys

from scripts.shared.command import command_parser, run_command
from scripts.shared.environments import Environment, find_environment

LAST_LINES = 100


def main() -> None:
    """Find the log and show it."""
    parser = command_parser(__doc__)
    wanted = parser.add_mutually_exclusive_group()
    wanted.add_argument("--flow", default="", help="flow, or flow/deployment: its latest run")
    wanted.add_argument("--run", default="", help="name or id of a flow run")
    wanted.add_argument("--task", default="", help="id of an ECS task, or the beginning of it")
    wanted.add_argument("--name", default="agent", help="agent, or for local: aws, snowflake, dbt, prefect")
    parser.add_argument("--env", type=find_environment, default="local", metavar="ENV")
    given = parser.parse_args()
    if given.flow or given.run:
        show_run(given.env, given.flow, given.run)
    elif given.env.is_local:
        from scripts.local_stack import log_files

        log_files.show(given.task or given.name, LAST_LINES, follow=sys.stdout.isatty())
    else:
        from scripts.shared import cloud_logs

        given.env.require_account()
        cloud_logs.show(given.env, given.task or given.name, LAST_LINES, follow=sys.stdout.isatty())


def show_run(environment: Environment, flow: str, run: str) -> None:
    """A run's log, and how the run ended."""
    from scripts.local_stack.running import require_running
    from scripts.shared import prefect_api

    require_running(environment)
    prefect_api.configure(environment)
    from prefect.client.orchestration import get_client

    from scripts.shared import flow_runs, run_log

    async def show() -> None:
        async with get_client() as client:
            found = await flow_runs.find_run(client, flow=flow, name=run)
            print(f"{found.name}: {flow_runs.address(found)}")
            found, where = await run_log.follow(client, found, to_its_end=sys.stdout.isatty())
            if found.state and found.state.is_final():
                print(flow_runs.ending(found, await flow_runs.figures(client, found), flow_runs.reason(found, where)))

    asyncio.run(show())


if __name__ == "__main__":
    run_command(main)
