"""Run the agent until it is told to stop: what the agent's ECS task executes.

    python -m scripts.start_agent --pool DataFlows-Dev --task-events DataFlows-Dev-task-events --time-limit 720

SIGTERM lets it finish the runs that it has taken, and give back the rest. With --topic it also tells of runs that go
wrong, which else Prefect's automations do.
"""

import asyncio
import os
import signal
from argparse import Namespace
from datetime import timedelta

from scripts.shared.command import command_parser, run_command


def main() -> None:
    """Read the arguments and serve."""
    parser = command_parser(__doc__)
    parser.add_argument("--pool", required=True, metavar="NAME", help="work pool, and ECS cluster of the same name")
    parser.add_argument("--task-events", required=True, metavar="QUEUE", help="SQS queue that tells of stopped tasks")
    parser.add_argument("--time-limit", required=True, type=int, metavar="MINUTES", help="of a run whose tags say none")
    parser.add_argument("--topic", default="", metavar="ARN", help="SNS topic on which it tells of runs that go wrong")
    parser.add_argument("--environment", default="", metavar="NAME", help="environment that its messages name")
    parser.add_argument("--log-group", default="", metavar="NAME", help="log group of flow runs, which they link to")
    parser.add_argument("--runbook", default="", metavar="URL", help="runbook of the flows, which they link to")
    asyncio.run(serve(parser.parse_args()))


async def serve(given: Namespace) -> None:
    """Serve until SIGTERM or SIGINT."""
    from scripts.agent.telling import Place
    from scripts.agent.worker import Agent
    from scripts.shared.run_pages import ui_url

    told = None
    if given.topic:
        pages, region = ui_url(os.environ["PREFECT_API_URL"]), given.topic.split(":")[3]
        told = Place(given.environment, given.pool, pages, given.runbook, region, given.log_group), given.topic

    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    await Agent(given.pool, given.task_events, timedelta(minutes=given.time_limit), told).serve(stopping)


if __name__ == "__main__":
    run_command(main)
