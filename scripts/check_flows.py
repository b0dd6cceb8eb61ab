"""Check all that flow files tell without a plan: imports, libraries, names, owners, schedules, parameters, AWS rights.

    python -m scripts.check_flows --env dev

Prints a line for each deployment, or every problem with its file and line. `make plan`, `make up`, `make register` and
`make lint` do the same before anything else.
"""

import time

from scripts.registration.flow_import import FlowImport
from scripts.shared.command import command_parser, run_command
from scripts.shared.environments import find_environment


def main() -> None:
    """Check them, and say what is there."""
    parser = command_parser(__doc__)
    parser.add_argument("--env", type=find_environment, required=True, metavar="ENV", help="environment, such as dev")
    environment = parser.parse_args().env
    start = time.monotonic()
    with FlowImport(environment.name) as flow_import:
        from scripts.registration.flow_summary import deployment_rows  # The flows are being imported meanwhile.

        rows = deployment_rows(flow_import.sound_result().deployments)
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
    print(f"{len(rows)} deployment{'' if len(rows) == 1 else 's'}, nothing wrong: {time.monotonic() - start:.1f} s")


if __name__ == "__main__":
    run_command(main)
