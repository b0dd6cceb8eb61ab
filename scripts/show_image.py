"""Print the digest of the sources and locks that the image is built from.

python -m scripts.show_image
python -m scripts.show_image --push build/local    # copy it to where the embedded Fargate looks for images
"""

from pathlib import Path

from scripts.shared.command import command_parser, run_command
from scripts.shared.image_digest import image_digest, push_locally


def main() -> None:
    """Print the digest, and push if asked to."""
    parser = command_parser(__doc__)
    parser.add_argument("--push", type=Path, metavar="DIRECTORY", help="the local stack's folder to copy the image to")
    arguments = parser.parse_args()
    print(push_locally(arguments.push) if arguments.push else image_digest())


if __name__ == "__main__":
    run_command(main)
