"""Start a run of a deployed flow through the agent and follow its log until it ends.

    python -m scripts.run_flow daily_orders --env local --params '{"max_rows": 200}'
    python -m scripts.run_flow daily_orders/by_hand --env dev

Exit code 0 when the run ends Completed, 1 when it ends otherwise.
"""

import argparse
import asyncio
import json
from typing import Any

from scripts.shared import flow_runs, prefect_api
from scripts.shared.environments import find_environment
from scripts.shared.refusal import Refusal, run_command


def parse_parameters(text: str) -> dict[str, Any]:
    """The flow's parameters from JSON.

    Raises:
        Refusal: it is no JSON object.
    """
    try:
        parameters = json.loads(text)
    except ValueError as error:
        raise Refusal(f"PARAMS is {text!r}; expected a JSON object such as '{{\"max_rows\": 200}}': {error}.") from None
    if not isinstance(parameters, dict):
        raise Refusal(f"PARAMS is {text!r}; expected a JSON object such as '{{\"max_rows\": 200}}'.")
    return parameters


def main() -> int:
    """Start a run, follow it, tell how it ended."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("flow", help="flow, or flow/deployment")
    parser.add_argument("--env", default="local", metavar="ENV")
    parser.add_argument("--params", default="{}", metavar="JSON", help="parameters as a JSON object")
    arguments = parser.parse_args()
    parameters = parse_parameters(arguments.params)
    prefect_api.configure(find_environment(arguments.env))
    run, counted = asyncio.run(flow_runs.run_deployment(arguments.flow, parameters))
    ended = f"{run.state_name} after {run.total_run_time.total_seconds():.1f} s"
    completed = run.state.is_completed()
    # A run that was cancelled or crashed has a reason and no log.
    print(": ".join(filter(None, [ended, counted if completed else run.state.message])))
    return 0 if completed else 1


if __name__ == "__main__":
    run_command(main)
