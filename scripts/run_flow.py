"""Start a run of a registered flow, which the agent executes, and follow its log until it ends.

    python -m scripts.run_flow daily_orders --env local --params '{"max_rows": 200}'
    python -m scripts.run_flow daily_orders/by_hand --env dev

On the local stack, what has changed in the flow files is registered first. Exit code 0 when the run ends Completed, 1
when it ends otherwise.
"""

import asyncio
from contextlib import nullcontext

from scripts.local_stack.running import require_running
from scripts.registration.flow_import import FlowImport
from scripts.shared.command import command_parser, run_command
from scripts.shared.environments import find_environment


def main() -> int:
    """Start a run, follow it, tell how it ended."""
    parser = command_parser(__doc__)
    parser.add_argument("flow", help="flow, or flow/deployment")
    parser.add_argument("--env", type=find_environment, default="local", metavar="ENV")
    parser.add_argument("--params", default="{}", metavar="JSON", help="parameters as a JSON object")
    parser.add_argument("--registered", action="store_true", help="as `make up` calls it, which has just registered")
    given = parser.parse_args()
    follows = given.env.is_local and not given.registered
    require_running(given.env)
    with FlowImport(given.env.name) if follows else nullcontext() as flow_import:
        # Imported only now: the flows are being imported meanwhile.
        from scripts.shared import flow_runs, prefect_api
        from scripts.shared.guard import guard

        parameters = flow_runs.parse_parameters(given.params)
        guard(given.env, f"run {given.flow}", calls_aws=False, calls_prefect=True)
        prefect_api.configure(given.env)
        if flow_import:
            import prefect.client.orchestration  # noqa: F401 - takes a second, as the import of the flows does.

            from scripts.registration.following import follow

            follow(given.env, given.flow, flow_import.result())
    run, ending = asyncio.run(flow_runs.run_deployment(given.flow, parameters))
    print(ending)
    return 0 if run.state and run.state.is_completed() else 1


if __name__ == "__main__":
    run_command(main)
