"""Plan an environment with Terraform and run the gate on the plan at once; the gate's verdict is the exit code.

    python -m scripts.plan_environment dev --image-digest sha256:…
    python -m scripts.plan_environment prod --offline     # no account, no backend; can never be applied
    python -m scripts.plan_environment dev --image-digest sha256:… --pipeline    # only what a release may change

Writes plan.tfplan, plan.json, gate.json and report.html to build/<environment>/.
"""

from scripts.delivery import planning
from scripts.local_stack.running import require_running
from scripts.shared.command import command_parser, run_command
from scripts.shared.environments import find_environment


def main() -> int:
    """Plan, then gate."""
    parser = command_parser(__doc__)
    parser.add_argument("environment", type=find_environment)
    parser.add_argument("--offline", action="store_true", help="from an empty state, without credentials or backend")
    parser.add_argument(
        "--image-digest", default="", help="digest of the pushed image; local and offline plans take the sources'"
    )
    parser.add_argument("--pipeline", action="store_true", help="refuse what the pipeline's apply role may not change")
    given = parser.parse_args()
    digest = planning.planned_image(given.environment, given.image_digest, offline=given.offline)
    if not given.offline:
        require_running(given.environment)
        given.environment.require_account()
    return planning.plan_and_gate(given.environment, digest, offline=given.offline, pipeline=given.pipeline)


if __name__ == "__main__":
    run_command(main)
