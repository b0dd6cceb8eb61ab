"""Stop everything that `make up` started, and nothing else.

python -m scripts.stop_local
"""

from scripts.local_stack.supervisor import supervision
from scripts.shared.command import command_parser, run_command
from scripts.shared.local_settings import LocalSettings


def main() -> None:
    """Stop the stack of the configured directory, from whatever state it is in."""
    command_parser(__doc__).parse_args()
    supervision.stop(LocalSettings.load(), on_progress=lambda _: None)
    print("stopped: nothing of the local stack is running; logs, plans and reports are kept in its folder")


if __name__ == "__main__":
    run_command(main)
