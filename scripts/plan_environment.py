"""Plan an environment and run the gate on the plan.

    python -m scripts.plan_environment dev --image-digest sha256:…
    python -m scripts.plan_environment prod --offline     # needs no account; can never be applied
    python -m scripts.plan_environment prod --offline --base main    # and say what changes against that commit
    python -m scripts.plan_environment dev --image-digest sha256:… --pipeline    # refuse what a release may not change

The flow files are checked first (`make flows`). Writes plan.tfplan, plan.json, gate.json, report.html and report.md to
build/<environment>/. The exit code is the gate's: 0 passed, 1 findings, 2 the plan could not be made or checked.
"""

from contextlib import nullcontext

from scripts.local_stack.running import require_running
from scripts.registration.flow_import import FlowImport
from scripts.shared.command import command_parser, run_command
from scripts.shared.environments import find_environment


def main() -> int:
    """Plan, then gate."""
    parser = command_parser(__doc__)
    parser.add_argument("environment", type=find_environment)
    parser.add_argument(
        "--offline", action="store_true", help="plan from an empty state, without credentials or backend"
    )
    parser.add_argument(
        "--image-digest",
        default="",
        help="digest of the pushed image; default for local and offline plans: that of the sources",
    )
    parser.add_argument(
        "--pipeline", action="store_true", help="refuse changes that the pipeline's apply role may not make"
    )
    parser.add_argument(
        "--base", default="", help="commit or branch that an offline plan is compared with; default: the main branch"
    )
    parser.add_argument(
        "--flows-checked", action="store_true", help="as `make up` calls it, which has checked the flows"
    )
    given = parser.parse_args()
    with nullcontext() if given.flows_checked else FlowImport(given.environment.name) as flow_import:
        from scripts.delivery import planning  # Imported only now: the flows are being imported meanwhile.

        planning.require_base(given.base, offline=given.offline)
        digest = planning.planned_image(given.environment, given.image_digest, offline=given.offline)
        if not given.offline:
            require_running(given.environment)
            given.environment.require_account()
        if flow_import:
            flow_import.sound_result()
    return planning.plan_and_gate(
        given.environment,
        digest,
        offline=given.offline,
        pipeline=given.pipeline,
        base=given.base,
        import_flows=FlowImport,
    )


if __name__ == "__main__":
    run_command(main)
