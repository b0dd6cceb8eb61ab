"""Add, remove or upgrade a library: edit requirements/, lock, install, and say what changed. All of it or nothing.

    python -m scripts.change_libraries add 'pydantic>=2'
    python -m scripts.change_libraries add 'pytest-cov>=5' --dev
    python -m scripts.change_libraries remove pydantic
    python -m scripts.change_libraries upgrade pydantic
    python -m scripts.change_libraries upgrade

The libraries of your flows are in requirements/flows.in; with --dev it is requirements/dev.in, which the image lacks.
"""

import time

from scripts.libraries import edits
from scripts.libraries.changing import change
from scripts.libraries.summary import lines
from scripts.shared.command import command_parser, run_command


def main() -> None:
    """Do it, and say what came, went and changed."""
    parser = command_parser(__doc__)
    parser.add_argument("action", choices=["add", "remove", "upgrade"])
    parser.add_argument("library", nargs="?", default="", help="its name, to add it also the versions: 'pydantic>=2'")
    parser.add_argument("--dev", action="store_true", help="add it for development only")
    given = parser.parse_args()
    start = time.monotonic()
    edit = edits.edit(given.action, given.library, is_dev=given.dev)
    changes = change(edit.files, edit.locks, edit.options)
    print(*lines(edit, changes), f"{time.monotonic() - start:.1f} s", sep="\n")


if __name__ == "__main__":
    run_command(main)
