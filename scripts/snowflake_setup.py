"""Write what an environment needs in Snowflake as a SQL script, and show it. On request run it, or compare with it.

    python -m scripts.snowflake_setup --env dev
    python -m scripts.snowflake_setup --env dev --drift
    python -m scripts.snowflake_setup --env dev --apply

The script is made from the environment's facts, what its flow files declare, and account and user in SSM. It is run as
you: by the connection that Snowflake's connector takes (connections.toml, SNOWFLAKE_DEFAULT_CONNECTION_NAME).

Exit code 0 when all is as it should be, 1 with a difference or a refused statement, 2 if it could not be looked at.
"""

import sys

from scripts.local_stack.running import require_running
from scripts.registration.flow_import import FlowImport
from scripts.shared.command import command_parser, run_command
from scripts.shared.environments import find_environment
from scripts.shared.guard import guard
from scripts.shared.refusal import Refusal
from scripts.shared.steps import display_path
from scripts.shared.whole_file import write_whole
from scripts.warehouse import login, script
from scripts.warehouse.applying import apply
from scripts.warehouse.differences import differences
from scripts.warehouse.wanted import wanted


def main() -> int:
    """Write and show it; then run it, compare with it, or neither."""
    parser = command_parser(__doc__)
    parser.add_argument("--env", type=find_environment, default="local", metavar="ENV")
    parser.add_argument("--apply", action="store_true", help="run the statements, then compare")
    parser.add_argument("--drift", action="store_true", help="compare with what is there; change nothing")
    given = parser.parse_args()
    environment, is_asked = given.env, given.apply or given.drift
    if environment.is_local and is_asked:
        raise Refusal("The embedded Snowflake has no roles, users and warehouses to set up: got ENV=local.")
    require_running(environment)
    environment.require_account()
    with FlowImport(environment.name) as flow_import:
        want = wanted(environment, flow_import.sound_result().data)
    path = environment.directory.parent / "snowflake" / f"{environment.name}.sql"
    write_whole(path, text := script.script(want))
    if not is_asked:
        print(text, end="")
    print(
        *(f"Left out: {each}" for each in want.left_out), f"Written to {display_path(path)}.", sep="\n", file=sys.stderr
    )
    if not is_asked:
        return 0
    if given.apply:
        guard(environment, "change its side of Snowflake")
    with login.own_session(want.identity.account) as session:
        for sql in apply(want, session.ask) if given.apply else ():
            print(f"done  {sql}", flush=True)
        found = differences(want, session.ask)
    print("\n".join(found) or f"Nothing differs from {display_path(path)}.")
    return 1 if found else 0


if __name__ == "__main__":
    run_command(main)
