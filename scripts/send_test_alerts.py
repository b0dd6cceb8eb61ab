"""Send one harmless message through each channel of an environment, and say what arrived where that can be known.

    python -m scripts.send_test_alerts prod

Secrets are read from Prefect's blocks, as Prefect itself does. Exit code 1 if a message was not taken.
"""

import asyncio

from scripts.local_stack.running import require_running
from scripts.registration.alert_test import send_all
from scripts.shared import prefect_api
from scripts.shared.command import command_parser, run_command
from scripts.shared.environments import find_environment
from scripts.shared.guard import guard


def main() -> int:
    """Send, print a line for each message."""
    parser = command_parser(__doc__)
    parser.add_argument("environment", type=find_environment)
    environment = parser.parse_args().environment
    require_running(environment)
    guard(environment, "send test messages to its channels", calls_prefect=True)
    prefect_api.configure(environment)
    sent = asyncio.run(send_all(environment))
    for each in sent:
        print(f"{'✓' if each.arrived else '✗'} {each.channel}: {each.said}")
    return 0 if all(each.arrived for each in sent) else 1


if __name__ == "__main__":
    run_command(main)
