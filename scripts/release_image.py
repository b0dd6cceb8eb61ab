"""Release the checked-out commit: build its image, push it, and start the environment's pipeline with its digest.

    python -m scripts.release_image dev

Needs docker or podman, and the permissions of CircleCI's role (terraform/bootstrap). If this commit's image is in the
registry already, it is not built again.
"""

from scripts.delivery.image_release import release
from scripts.shared.command import command_parser, run_command
from scripts.shared.environments import find_environment


def main() -> None:
    """Release to one environment."""
    parser = command_parser(__doc__)
    parser.add_argument("environment", type=find_environment)
    release(parser.parse_args().environment)


if __name__ == "__main__":
    run_command(main)
