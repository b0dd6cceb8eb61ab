"""Write a value into an environment's parameters (SSM), or show which are there and which are missing. Never a value.

    python -m scripts.set_secret --env dev
    python -m scripts.set_secret SNOWFLAKE_USER --env dev
    python -m scripts.set_secret SNOWFLAKE_PRIVATE_KEY --env dev < snowflake_rsa_key.p8
    python -m scripts.set_secret SNOWFLAKE_PRIVATE_KEY --env dev --generate

The value is typed, hidden, or comes on standard input: no command line holds it. For `local` it goes into .secrets.env,
which `make up` reads. --generate makes a key pair and shows its public half with the statement for Snowflake.

Exit code 1 if something is missing or wrong and no value was written.
"""

import sys

from scripts.parameters import asking, values
from scripts.shared.command import command_parser, run_command
from scripts.shared.environments import find_environment
from scripts.shared.guard import guard
from scripts.shared.parameter_forms import PRIVATE_KEY
from scripts.shared.parameters import require_known
from scripts.shared.refusal import Refusal


def main() -> int:
    """Write, if there is a name; then show."""
    parser = command_parser(__doc__)
    parser.add_argument("name", nargs="?", default="", help="the parameter to write; without it, only show")
    parser.add_argument("--env", type=find_environment, default="local", metavar="ENV")
    parser.add_argument("--generate", action="store_true", help=f"make a key pair; only for {PRIVATE_KEY}")
    given = parser.parse_args()
    if given.generate and given.name != PRIVATE_KEY:
        raise Refusal(f'GENERATE makes a key pair: got NAME="{given.name}"; expected NAME={PRIVATE_KEY}.')
    if not given.name:
        given.env.require_account()
        lines, is_complete = values.show(given.env)
        print("\n".join(lines))
        return 0 if is_complete else 1
    require_known(given.env, given.name)
    guard(given.env, f"write {given.name}")
    value = generated() if given.generate else values.prepare(given.env, given.name, asking.ask(given.name))
    print(values.write(given.env, given.name, value), "\n", sep="")
    print("\n".join(values.show(given.env)[0]))
    return 0


def generated() -> str:
    """The private half of a new key pair; the public half is shown, and at a terminal waited for."""
    from scripts.shared.key_pair import new_key_pair

    private, public = new_key_pair()
    print(f"ALTER USER <user> SET RSA_PUBLIC_KEY='{public}';")
    if sys.stdin.isatty():
        print("Run this in Snowflake (RSA_PUBLIC_KEY_2 beside a key in use), then press Enter: ", end="", flush=True)
        if not sys.stdin.readline():
            raise Refusal(f"{PRIVATE_KEY}: got no Enter; nothing is written.")
    return private


if __name__ == "__main__":
    run_command(main)
