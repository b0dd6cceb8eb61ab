"""Resolve requirements/*.in into locks, which hold a hash for every file and no address of a package index.

python -m scripts.lock_requirements
"""

import subprocess

from scripts.shared.command import command_parser, run_command
from scripts.shared.environments import ROOT
from scripts.shared.refusal import Refusal

# dev and runtime are resolved together (dev.in holds `-r runtime.in -c runtime.txt`), so runtime comes first.
LOCKS = ("uv", "runtime", "dev", "checkov")
OPTIONS = [
    "--universal", "--python-version=3.11", "--generate-hashes", "--no-annotate", "--no-emit-index-url",
    "--no-emit-find-links", "--custom-compile-command=make lock", "--quiet",
]  # fmt: skip


def main() -> None:
    """Write the locks."""
    command_parser(__doc__).parse_args()
    for name in LOCKS:
        command = [".venv/bin/uv", "pip", "compile", *OPTIONS, f"requirements/{name}.in", f"-o=requirements/{name}.txt"]
        if subprocess.run(command, cwd=ROOT, check=False).returncode:
            raise Refusal(f"requirements/{name}.in does not resolve: see uv's output above.", 1)
        print(f"requirements/{name}.txt")


if __name__ == "__main__":
    run_command(main)
