"""Subscribe PagerDuty to an environment's alarms. Its address stays in SSM: it is in no plan, state or output.

    python -m scripts.subscribe_alerts dev

Reads /<Name>/<Env>/PAGERDUTY_ENDPOINT. Safe to repeat: an existing subscription stays, and a new address replaces the
old one only after PagerDuty has confirmed it.
"""

from scripts.delivery.alert_subscription import subscribe_pagerduty
from scripts.local_stack.running import require_running
from scripts.shared.command import command_parser, run_command
from scripts.shared.environments import find_environment
from scripts.shared.guard import guard


def main() -> None:
    """Subscribe PagerDuty and say so."""
    parser = command_parser(__doc__)
    parser.add_argument("environment", type=find_environment)
    environment = parser.parse_args().environment
    require_running(environment)
    guard(environment, "subscribe PagerDuty to its alarms")
    print(subscribe_pagerduty(environment))


if __name__ == "__main__":
    run_command(main)
