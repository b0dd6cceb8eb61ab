"""Run a flow of the working tree here and now, with the variables, secrets, time limit and memory of its task.

    python -m scripts.try_flow daily_orders --params '{"max_rows": 200}'
    python -m scripts.try_flow flows/orders/daily_orders.py --watch
    python -m scripts.try_flow daily_orders --env dev --as me    # writes to me's own schema and prefixes

Exit code 0 when the run ends Completed, 1 when it ends otherwise.
"""

import os
import sys

from scripts.local_stack.running import require_running
from scripts.shared import flow_runs
from scripts.shared.command import command_parser, run_command
from scripts.shared.environments import ROOT, find_environment
from scripts.shared.guard import guard


def main() -> int:
    """Find the flow, make the process its task's, and execute it."""
    parser = command_parser(__doc__)
    parser.add_argument("flow", help="flow, flow/deployment, or flow file")
    parser.add_argument("--env", type=find_environment, default="local", metavar="ENV")
    parser.add_argument(
        "--params", type=flow_runs.parse_parameters, default="{}", metavar="JSON", help="parameters as a JSON object"
    )
    parser.add_argument("--watch", action="store_true", help="run it again whenever a file below flows/ changes")
    parser.add_argument(
        "--as", dest="own", default="", metavar="NAME", help="write to a schema and prefixes of NAME's own"
    )
    given = parser.parse_args()
    from scripts.trying import choice, execution, own_place, variables, watching

    own = own_place.told(given.env, given.own)

    file = choice.find_file(given.flow)
    require_running(given.env)
    if given.watch:
        watching.watch(
            [sys.executable, "-m", "scripts.try_flow", *(each for each in sys.argv[1:] if each != "--watch")]
        )
    guard(given.env, f"try {given.flow}", own=own)
    definition = variables.read(given.env, file)
    # Before anything imports prefect, which reads its settings once.
    combined = variables.combine(given.env, definition.variables) | {own_place.VARIABLE: given.own}
    os.environ.clear()
    os.environ.update(combined)
    return execution.execute(file, given.flow, given.params, definition)


def this_file() -> None:
    """Try the flow file that Python was started with; what follows it on the command line are this command's options.

    In a process that begins anew, because the file has imported prefect already.
    """
    file = os.path.relpath(str(sys.modules["__main__"].__file__), ROOT)
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    command = [sys.executable, "-m", "scripts.try_flow", file, *sys.argv[1:]]
    os.execve(sys.executable, command, os.environ | {"PYTHONPATH": path})  # noqa: S606 - no shell is needed.


if __name__ == "__main__":
    run_command(main)
