"""Write to an environment's Prefect what the code says: work pool, limits, blocks, deployments, on-call automations.

    python -m scripts.register_flows --env dev
    python -m scripts.register_flows --env dev --dry-run
    python -m scripts.register_flows --env dev --only 'orders_*' --keep --json

All flow files are imported and checked before anything else. Refused unless the applied infrastructure passed the gate
with the image that holds these flows. If interrupted, run it again.
"""

from scripts.local_stack.running import require_running
from scripts.registration.flow_import import FlowImport
from scripts.shared.command import command_parser, run_command
from scripts.shared.environments import find_environment


def main() -> None:
    """Register one environment's flows."""
    parser = command_parser(__doc__)
    parser.add_argument("--env", type=find_environment, required=True, metavar="ENV", help="environment, such as dev")
    parser.add_argument("--image-digest", help="the image that holds these flows; default: digest of the sources")
    parser.add_argument("--dry-run", action="store_true", help="print what would be done, write nothing")
    parser.add_argument("--only", metavar="GLOB", help="only flows, <flow>/<deployment> or files whose name matches")
    parser.add_argument("--keep", action="store_true", help="keep deployments that are no longer in code")
    parser.add_argument("--full", action="store_true", help="compare every field with Prefect, to find edits by hand")
    parser.add_argument("--json", action="store_true", help="print the report as JSON")
    arguments = parser.parse_args()
    environment = arguments.env
    require_running(environment)
    with FlowImport(environment.name) as flow_import:
        # Imported only now, boto3 and httpx with it: the flows are being imported meanwhile.
        from scripts.registration.command import register_environment

        register_environment(arguments, environment, flow_import.sound_result())


if __name__ == "__main__":
    run_command(main)
