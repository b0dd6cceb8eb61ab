"""Run every check on a Terraform plan (the gate) and write its record, which apply and registration require.

    python -m scripts.check_plan --env dev              # again, on the plan that `make plan` wrote to build/dev/
    python -m scripts.check_plan build/dev/plan.json
    python -m scripts.check_plan build/dev/plan.json --rules no_ingress,private_tasks
    python -m scripts.check_plan someone-elses-plan.json --no-hcl

Exit code: 0 nothing found, 1 findings, 2 the plan could not be checked.
"""

from pathlib import Path

from scripts.delivery import planning
from scripts.gate import catalog, engine
from scripts.registration.flow_import import FlowImport
from scripts.shared.command import command_parser, run_command
from scripts.shared.environments import find_environment
from scripts.shared.refusal import Refusal


def main() -> int:
    """Run the gate from the command line."""
    parser = command_parser(__doc__)
    parser.add_argument("plan", type=Path, nargs="?", help="output of `terraform show -json PLANFILE`")
    parser.add_argument(
        "--env",
        type=find_environment,
        metavar="NAME",
        help="check this environment's plan again and rewrite its record and report",
    )
    parser.add_argument("--list", action="store_true", help="list the checks and what is true when they pass")
    parser.add_argument("--rules", metavar="A,B", help="run only these checks and the ones they need")
    parser.add_argument(
        "--hcl", type=Path, default=engine.TERRAFORM, help="Terraform root to scan (default: terraform/)"
    )
    parser.add_argument("--no-hcl", action="store_true", help="check only the plan, without Terraform code")
    parser.add_argument("--tfplan", type=Path, metavar="FILE", help="the binary plan; the record holds its sha256")
    parser.add_argument("--environment", default="", help="the environment that the plan must be for")
    parser.add_argument("--image-digest", default="", help="the image that the plan must deploy, sha256:…")
    parser.add_argument(
        "--offline", action="store_true", help="the plan starts from an empty state; such a plan is never applied"
    )
    parser.add_argument("--base", default="", help="with --env and --offline: compare with this commit or branch")
    parser.add_argument("--record", type=Path, metavar="FILE", help="write the record to this file")
    parser.add_argument("--report", type=Path, metavar="FILE", help="write the report to this file")
    arguments = parser.parse_args()
    if arguments.list:
        for name, sentence in catalog.describe().items():
            print(f"{name:<22} {sentence}")
        return 0
    if arguments.env and not arguments.plan:
        planning.require_base(arguments.base, offline=arguments.offline)
        return planning.gate(arguments.env, offline=arguments.offline, base=arguments.base, import_flows=FlowImport)
    if not arguments.plan:
        raise Refusal("Got no plan; expected the path of a plan as JSON, such as build/dev/plan.json.")
    if arguments.record and (arguments.rules is not None or arguments.no_hcl):
        raise Refusal("--record: got --rules or --no-hcl; expected a complete run: leave them out.")
    gate = engine.run_gate(
        arguments.plan,
        tfplan=arguments.tfplan,
        environment=arguments.environment,
        image_digest=arguments.image_digest,
        offline=arguments.offline,
        names=None if arguments.rules is None else arguments.rules.split(","),
        hcl=None if arguments.no_hcl else arguments.hcl,
        record=arguments.record,
        report=arguments.report,
    )
    return 0 if gate.passed else 1


if __name__ == "__main__":
    run_command(main)
