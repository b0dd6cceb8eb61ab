"""Connect to Snowflake as the flows do, and say as whom: account, user, role, warehouse, and the key's fingerprint.

    python -m scripts.check_snowflake --env dev

Account, user and key are those of SSM, read with your rights. Exit code 0 when a flow would get in, 1 if it would not.
"""

from scripts.local_stack.running import require_running
from scripts.shared.command import command_parser, run_command
from scripts.shared.environments import find_environment
from scripts.shared.key_pair import fingerprint
from scripts.sql.session import read_settings
from scripts.warehouse import service
from scripts.warehouse.wanted import stored_public_key


def main() -> None:
    """Connect, and say it line by line."""
    parser = command_parser(__doc__)
    parser.add_argument("--env", type=find_environment, default="local", metavar="ENV")
    environment = parser.parse_args().env
    require_running(environment)
    environment.require_account()
    settings = read_settings(environment)
    if environment.is_local:
        with service.service_session(environment, settings) as session:
            session.ask("SELECT 1")
        print("The embedded Snowflake lets the flows in. It knows no account, role, warehouse and key.")
        return
    for line in service.check(environment, settings, fingerprint(stored_public_key(environment))):
        print(line, flush=True)


if __name__ == "__main__":
    run_command(main)
