"""Apply exactly the plan that passed the gate, then store its record and Terraform's outputs beside the state.

    python -m scripts.apply_plan dev

Refused when the record is missing, holds a finding, or names another plan, environment or commit. Anybody can edit the
record, so it is not trusted: the gate runs again on the plan that is applied.
"""

from scripts.delivery.applying import apply
from scripts.local_stack.running import require_running
from scripts.shared.command import command_parser, run_command
from scripts.shared.environments import find_environment


def main() -> None:
    """Apply one environment's plan."""
    parser = command_parser(__doc__)
    parser.add_argument("environment", type=find_environment)
    environment = parser.parse_args().environment
    require_running(environment)
    apply(environment)


if __name__ == "__main__":
    run_command(main)
