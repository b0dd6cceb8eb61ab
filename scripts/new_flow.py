"""Write the files of a new flow: the flow, its test and its page. They pass lint, tests and registration as they are.

python -m scripts.new_flow orders/daily_orders
python -m scripts.new_flow orders/daily_orders --owner sales
python -m scripts.new_flow orders/daily_orders --from sql
"""

from scripts.shared import flow_template
from scripts.shared.command import command_parser, run_command
from scripts.shared.environments import find_environment


def main() -> None:
    """Write them and say what is next."""
    parser = command_parser(__doc__)
    parser.add_argument("name", help=flow_template.FORM)
    parser.add_argument("--owner", help="the team responsible for it; default: the owner in local.tfvars")
    kinds = ", ".join(flow_template.KINDS)
    parser.add_argument("--from", dest="kind", default=flow_template.PLAIN, help=f"its kind: {kinds}; default: plain")
    arguments = parser.parse_args()
    owner = arguments.owner or find_environment("local").facts["owner"]
    for file in flow_template.write_flow(arguments.name, owner, kind=arguments.kind):
        print(f"wrote {file}")
    name = arguments.name.rpartition("/")[2]
    print(f"Next: `make up` registers it, and runs it if it has the tag run:up; `make run FLOW={name}` runs it again.")


if __name__ == "__main__":
    run_command(main)
