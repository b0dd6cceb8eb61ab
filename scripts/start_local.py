"""Run the whole system on this machine: embedded cloud, plan, gate, apply, registration, and the flows tagged `run:up`.

    python -m scripts.start_local
    python -m scripts.start_local --fast    # without sample data and first runs

The flow files are checked before anything starts (`make flows`). A second run changes nothing. If interrupted, run it
again or run `make down`.
"""

import psutil

from scripts.local_stack import summary
from scripts.local_stack.bring_up import bring_up, hold_lock
from scripts.registration.flow_import import FlowImport
from scripts.shared import local_secrets, terraform
from scripts.shared.command import command_parser, run_command
from scripts.shared.environments import find_environment
from scripts.shared.local_settings import LocalSettings
from scripts.shared.refusal import Refusal


def main() -> None:
    """Bring the stack up; whatever fails, say what still runs and how to end it."""
    parser = command_parser(__doc__)
    parser.add_argument("--fast", action="store_true", help="put no sample data, and run no flow")
    parser.add_argument(
        "--since",
        type=float,
        default=psutil.Process().create_time(),
        metavar="SECONDS",
        help="Unix time from which to count the seconds; default: when this command was started",
    )
    given = parser.parse_args()
    terraform.check_version()
    settings = LocalSettings.load()
    local_secrets.read(settings.secrets_file, find_environment("local"))
    with hold_lock(settings):
        with FlowImport("local") as flow_import:
            flow_import.sound_result()
        try:
            bring_up(settings, given.since, fast=given.fast)
        except (Refusal, KeyboardInterrupt):
            summary.print_remains(settings)
            raise


if __name__ == "__main__":
    run_command(main)
