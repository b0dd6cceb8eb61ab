"""Make the key of the flows' user in Snowflake anew, through the slot that is free. No run fails meanwhile.

    python -m scripts.rotate_key --env dev
    python -m scripts.rotate_key --env dev --finish

The new key is put into Snowflake, tried, and only then written to SSM. The former one stays, for the runs that have it,
until --finish takes it out. Without a key in SSM, the first is made. Interrupted anywhere, run it again.

Exit code 0 when done, or when there is nothing to do yet; 1 if a step was refused, 2 if nothing could be asked.
"""

from datetime import timedelta

from scripts.agent.settling import time_limit
from scripts.registration.flow_import import FlowImport
from scripts.shared.command import command_parser, run_command
from scripts.shared.environments import find_environment
from scripts.shared.guard import guard
from scripts.shared.refusal import Refusal
from scripts.warehouse import login, rotation, stored_keys
from scripts.warehouse.wanted import identity

TIME_LIMIT_MINUTES = 720  # Of a run whose environment says none: as in terraform/variables.tf, and a test compares.


def main() -> None:
    """Go one step on, and say what was done."""
    parser = command_parser(__doc__)
    parser.add_argument("--env", type=find_environment, default="local", metavar="ENV")
    parser.add_argument("--finish", action="store_true", help="take the former key out, if no run can have it")
    given = parser.parse_args()
    environment = given.env
    if environment.is_local:
        raise Refusal("The embedded Snowflake looks at no key: got ENV=local; expected another environment.")
    guard(environment, "take out the former key of Snowflake's user" if given.finish else "rotate Snowflake's key")
    default = timedelta(minutes=environment.facts["flow_task"].get("time_limit_minutes", TIME_LIMIT_MINUTES))
    with FlowImport(environment.name) as flow_import:
        limits = [time_limit(each["tags"], default) for each in flow_import.sound_result().deployments]
    who = identity(environment)
    with login.own_session(who.account) as session:
        keys = stored_keys.StoredKeys(environment, who)
        turn = rotation.Rotation(
            who.user, session.ask, keys.read, keys.write, keys.connects, keys.holders, max([default, *limits])
        )
        for line in turn.finish() if given.finish else turn.rotate():
            print(line, flush=True)


if __name__ == "__main__":
    run_command(main)
