"""Run the whole system on this machine: embedded cloud, plan, gate, apply, registration, and the flows tagged `run:up`.

    python -m scripts.start_local

The flow files are checked before anything starts (`make flows`). A second run changes nothing. If interrupted, run it
again or run `make down`.
"""

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
    command_parser(__doc__).parse_args()
    terraform.check_version()
    settings = LocalSettings.load()
    local_secrets.read(settings.secrets_file, find_environment("local"))
    with hold_lock(settings):
        with FlowImport("local") as flow_import:
            flow_import.sound_result()
        try:
            bring_up(settings)
        except (Refusal, KeyboardInterrupt):
            summary.print_remains(settings)
            raise


if __name__ == "__main__":
    run_command(main)
