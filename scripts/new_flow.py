"""Write the files of a new flow: the flow, its test and its page. They pass lint, tests and registration as they are.

python -m scripts.new_flow orders/daily_orders
python -m scripts.new_flow orders/daily_orders --owner sales
"""

from scripts.shared import flow_template
from scripts.shared.command import command_parser, run_command
from scripts.shared.environments import find_environment


def main() -> None:
    """Write them and say what is next."""
    parser = command_parser(__doc__)
    parser.add_argument("name", help=flow_template.FORM)
    parser.add_argument("--owner", help="the team responsible for it; default: the owner in local.tfvars")
    arguments = parser.parse_args()
    owner = arguments.owner or find_environment("local").facts["owner"]
    for file in flow_template.write_flow(arguments.name, owner):
        print(f"wrote {file}")
    print(f"Next: `make up` registers and runs it; `make run FLOW={arguments.name.rpartition('/')[2]}` runs it again.")


if __name__ == "__main__":
    run_command(main)
