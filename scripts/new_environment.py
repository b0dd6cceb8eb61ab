"""Write the files of a new environment: its facts, its state backend and, for a new account, the account's facts.

    python -m scripts.new_environment staging --account 111122223333 --region eu-west-1
    python -m scripts.new_environment staging --account 111122223333 --region eu-west-1 --owner sales

They pass lint, the offline plan and the gate as they are.
"""

from scripts.shared.command import command_parser, run_command
from scripts.shared.environment_template import write_environment


def main() -> None:
    """Write them and say what is next."""
    parser = command_parser(__doc__)
    parser.add_argument("name", help="2 to 15 lower-case letters and digits, a letter first")
    parser.add_argument("--account", required=True, metavar="ID", help="the 12 digits of the AWS account")
    parser.add_argument("--region", required=True, metavar="REGION", help="such as eu-west-1")
    parser.add_argument("--owner", default="", help="the team responsible for it; default: the owner in local.tfvars")
    given = parser.parse_args()
    for line in write_environment(given.name, given.account, given.region, given.owner):
        print(line)
    print(f"Next: replace what is marked `Change` in these files, then `make plan ENV={given.name} OFFLINE=1`.")


if __name__ == "__main__":
    run_command(main)
