"""Show the end of a log of the local stack. On a terminal, follow it until Ctrl-C.

python -m scripts.show_logs agent
python -m scripts.show_logs prefect
"""

import sys
import time

from scripts.local_stack.supervisor import supervision
from scripts.shared.command import command_parser, run_command
from scripts.shared.local_settings import LocalSettings
from scripts.shared.refusal import Refusal
from scripts.shared.steps import display_path

LAST_LINES = 100
POLL_SECONDS = 0.5


def main() -> None:
    """Print and follow."""
    parser = command_parser(__doc__)
    parser.add_argument("name", nargs="?", default="agent", help="aws, snowflake, prefect, agent, or a task's id")
    name = parser.parse_args().name
    path = supervision.log_path(LocalSettings.load(), name)
    try:
        file = path.open(errors="replace")
    except FileNotFoundError:
        raise Refusal(
            f"{display_path(path)}: no such log; expected one of a running local stack: run `make up` first."
        ) from None
    with file:
        print(*file.readlines()[-LAST_LINES:], sep="", end="", flush=True)
        while sys.stdout.isatty():
            print(file.read(), end="", flush=True)
            time.sleep(POLL_SECONDS)


if __name__ == "__main__":
    run_command(main)
