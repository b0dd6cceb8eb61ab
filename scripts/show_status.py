"""Show what is running on the local stack: its programs, its ECS tasks and the latest flow runs.

    python -m scripts.show_status

Exit code 0 when everything is running, 1 when something is not.
"""

import asyncio
import sys

from rich.console import Console

from scripts.local_stack import status
from scripts.local_stack.supervisor import supervision
from scripts.shared import prefect_api
from scripts.shared.command import command_parser, run_command
from scripts.shared.environments import find_environment
from scripts.shared.local_settings import LocalSettings


def main() -> int:
    """Print what runs."""
    command_parser(__doc__).parse_args()
    environment = find_environment("local")
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 160)
    parts = supervision.status(LocalSettings.load())
    console.print(status.part_table(parts))
    if not all(part.state == "RUNNING" for part in parts):
        console.print("\nNot everything is running: `make up` starts what is missing, `make down` stops the rest.")
        return 1
    console.print()
    console.print(status.task_table(environment))
    prefect_api.configure(environment)
    console.print()
    console.print(asyncio.run(status.run_table()))
    return 0


if __name__ == "__main__":
    run_command(main)
