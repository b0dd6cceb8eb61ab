"""Print the digest of the sources and locks that the image is built from.

python -m scripts.show_image
"""

from scripts.shared.command import command_parser, run_command
from scripts.shared.image_digest import image_digest


def main() -> None:
    """Print the digest."""
    command_parser(__doc__).parse_args()
    print(image_digest())


if __name__ == "__main__":
    run_command(main)
