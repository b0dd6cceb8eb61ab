"""Check formatting, style and types of Python, Terraform, the Dockerfile and the files of facts. Reports all findings.

The flow files are checked first (`make flows`): if anything is wrong with them, that is reported and nothing else.

python -m scripts.lint_sources
python -m scripts.lint_sources --fix
"""

import subprocess

from scripts.registration.flow_import import FlowImport
from scripts.shared import facts_file, terraform
from scripts.shared.command import command_parser, run_command
from scripts.shared.environments import ROOT

CHECKS = [
    [".venv/bin/ruff", "check", "--quiet"],
    [".venv/bin/ruff", "format", "--quiet", "--check"],
    [".venv/bin/mypy"],
    ["terraform", "fmt", "-recursive", "-check", "-diff"],
    [".venv/bin/hadolint", "Dockerfile"],
]
FIXES = [
    [".venv/bin/ruff", "check", "--quiet", "--fix"],
    [".venv/bin/ruff", "format", "--quiet"],
    ["terraform", "fmt", "-recursive"],
]


def main() -> int:
    """Run all of them; 1 if any found something."""
    parser = command_parser(__doc__)
    parser.add_argument("--fix", action="store_true", help="repair what can be repaired automatically")
    fix = parser.parse_args().fix
    if not fix:
        with FlowImport("local") as flow_import:
            flow_import.sound_result()
    terraform.check_version()
    failed = [
        " ".join(command[:2]).removeprefix(".venv/bin/")
        for command in (FIXES if fix else CHECKS)
        if subprocess.run(command, cwd=ROOT, check=False).returncode
    ]
    if problems := facts_file.check_all():
        print(*problems, sep="\n")
        failed.append("files of facts")
    print(f"lint: {', '.join(failed)} found something" if failed else "lint: nothing found")
    return 1 if failed else 0


if __name__ == "__main__":
    run_command(main)
