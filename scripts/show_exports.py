"""Print the exports with which aws, snowsql and prefect work on an environment. No secret of a shared one is printed.

    python -m scripts.show_exports --env local
    eval "$(make -s env ENV=dev)"

What the last exports of `local` have left in the shell is unset. Comments say how to get an environment's secrets.
"""

from scripts.shared.command import command_parser, run_command
from scripts.shared.environments import find_environment


def main() -> None:
    """Print the lines."""
    parser = command_parser(__doc__)
    parser.add_argument("--env", type=find_environment, default="local", metavar="ENV")
    environment = parser.parse_args().env
    from scripts.shared import exports

    print("\n".join(exports.lines(environment)))


if __name__ == "__main__":
    run_command(main)
