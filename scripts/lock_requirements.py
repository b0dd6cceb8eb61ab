"""Resolve requirements/*.in into locks, which hold a hash for every file and no address of a package index.

python -m scripts.lock_requirements
"""

from scripts.libraries.resolving import LOCKS, REQUIREMENTS, resolve
from scripts.shared.command import command_parser, run_command


def main() -> None:
    """Write the locks."""
    command_parser(__doc__).parse_args()
    for name in LOCKS:
        resolve(REQUIREMENTS, name)
        print(f"requirements/{name}.txt")


if __name__ == "__main__":
    run_command(main)
