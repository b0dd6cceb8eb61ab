"""Look for what may be wrong with this machine, or with the way to an environment: a line each, with what to do.

    python -m scripts.check_machine --env dev

Begins with a bare Python, so that it also answers where `make setup` failed. For `local` it asks nothing but 127.0.0.1.
Exit code 0 when all is well, 1 with a problem, 2 if something could not be looked at.
"""

from __future__ import annotations  # An older Python must get as far as being told that it is too old.

import sys

if sys.version_info < (3, 11):  # noqa: UP036 - this file is what meets an older one.
    sys.exit(f"doctor: Python is {sys.version.split()[0]}; expected 3.11 or newer: make doctor PYTHON3=python3.11 …")

from scripts.machine import environment_checks, looking, machine_checks
from scripts.shared.command import command_parser, run_command


def main() -> int:
    """Look at one thing after the other and say what is found."""
    parser = command_parser(__doc__)
    parser.add_argument("--env", default="local", metavar="ENV")
    parser.add_argument("--python", default=sys.executable, help="the Python that makes the virtual environments")
    given = parser.parse_args()
    checks = machine_checks.checks(given.python)
    try:
        checks += environment_checks.checks(given.env)
    except ImportError as error:
        checks.append(looking.not_installed(given.env, error))
    lines = []
    for line in looking.look(checks):
        print(f"{line.state:<7}  {line.name:<17}  {line.text}", flush=True)
        lines.append(line)
    return looking.exit_code(lines)


if __name__ == "__main__":
    run_command(main)
