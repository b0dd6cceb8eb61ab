"""Start a run of a registered flow, which the agent executes, and follow its log until it ends.

    python -m scripts.run_flow daily_orders --env local --params '{"max_rows": 200}'
    python -m scripts.run_flow daily_orders/by_hand --env dev

Exit code 0 when the run ends Completed, 1 when it ends otherwise.
"""

import asyncio

from scripts.shared import flow_runs, prefect_api
from scripts.shared.command import command_parser, run_command
from scripts.shared.environments import find_environment
from scripts.shared.guard import guard


def main() -> int:
    """Start a run, follow it, tell how it ended."""
    parser = command_parser(__doc__)
    parser.add_argument("flow", help="flow, or flow/deployment")
    parser.add_argument("--env", type=find_environment, default="local", metavar="ENV")
    parser.add_argument(
        "--params", type=flow_runs.parse_parameters, default="{}", metavar="JSON", help="parameters as a JSON object"
    )
    given = parser.parse_args()
    guard(given.env, f"run {given.flow}", calls_aws=False, calls_prefect=True)
    prefect_api.configure(given.env)
    run, ending = asyncio.run(flow_runs.run_deployment(given.flow, given.params))
    print(ending)
    return 0 if run.state and run.state.is_completed() else 1


if __name__ == "__main__":
    run_command(main)
