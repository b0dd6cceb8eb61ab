"""Create the two virtual environments from their locks, and install Terraform if the one on PATH does not fit.

    python3 scripts/setup_environments.py

Needs nothing but Python 3.11 or newer, and changes nothing that is up to date. checkov has an environment of its own,
because it pins a fork of python-hcl2 under the same package name. If the Terraform on PATH is not the version in
`.terraform-version`, that release is installed below build/.
"""

from __future__ import annotations  # An older Python must get as far as being told that it is too old.

import argparse
import hashlib
import os
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LOCKS = ROOT / "requirements"
ENVIRONMENTS = {".venv": "dev.txt", ".venv-checkov": "checkov.txt"}


def fingerprint(lock: str) -> str:
    """What an environment was made from: its lock, uv's lock and the Python."""
    content = (LOCKS / lock).read_bytes() + (LOCKS / "uv.txt").read_bytes() + sys.version.encode()
    return hashlib.sha256(content).hexdigest()


def run(*command: str | Path) -> None:
    """Run a command; on failure end with what it said."""
    env = os.environ | {"UV_PYTHON_DOWNLOADS": "never", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    answer = subprocess.run(list(map(str, command)), env=env, capture_output=True, text=True, check=False)
    if answer.returncode:
        sys.stderr.write(answer.stdout + answer.stderr)
        sys.exit(f"setup: {' '.join(map(str, command[:4]))} ended with {answer.returncode}: see its output above.")


def make(environment: Path, lock: str) -> None:
    """Make or update one environment, its packages checked against the lock's hashes."""
    python = environment / "bin" / "python"
    tools = ROOT / "build" / "uv"
    uv = tools / "bin" / "uv"
    tools_stamp = tools / "lock.sha256"
    if not tools_stamp.exists() or tools_stamp.read_text() != fingerprint("uv.txt"):
        run(sys.executable, "-m", "venv", "--clear", tools)
        run(tools / "bin" / "python", "-m", "pip", "install", "--quiet", "--require-hashes", "-r", LOCKS / "uv.txt")
        tools_stamp.write_text(fingerprint("uv.txt"))
    run(uv, "venv", "--quiet", "--allow-existing", "--python", sys.executable, environment)
    # Compiled once, here: where Python may write no bytecode, every process would compile all that it imports again.
    run(uv, "pip", "sync", "--quiet", "--compile-bytecode", "--python", python, "--require-hashes", LOCKS / lock)


def terraform_fits(version: str) -> bool:
    """Whether the Terraform on PATH is of this version."""
    try:
        answer = subprocess.run(["terraform", "version", "-json"], capture_output=True, text=True, check=False)
    except OSError:
        return False
    return f'"terraform_version": "{version}"' in answer.stdout


def bring_terraform() -> None:
    """Install Terraform where none fits. If that fails, say so and go on: not every command needs it."""
    version = (ROOT / ".terraform-version").read_text().strip()
    folder = ROOT / "build" / "terraform" / version  # scripts/shared/terraform.py looks there too.
    if (folder / "terraform").exists() or terraform_fits(version):
        return
    installer = Path(__file__).with_name("install_terraform.py")
    subprocess.run([sys.executable, str(installer), str(folder)], stdout=sys.stderr, check=False)


def is_current(name: str, lock: str) -> bool:
    """Whether the environment was made from this lock, uv and Python, to the end."""
    stamp = ROOT / name / "lock.sha256"
    return stamp.exists() and stamp.read_text() == fingerprint(lock)


def main() -> None:
    """Bring every environment up to its lock, and Terraform."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="change nothing; exit code 1 if something would be made")
    given = parser.parse_args()
    if sys.version_info < (3, 11):  # noqa: UP036 - this file is what meets an older one.
        sys.exit(f"setup: Python is {sys.version.split()[0]}; expected 3.11 or newer: make PYTHON3=python3.11 …")
    if given.check:
        old = [name for name, lock in ENVIRONMENTS.items() if not is_current(name, lock)]
        print(f"got {' and '.join(old)} not made from the lock; run `make setup`." if old else "as the locks say")
        sys.exit(bool(old))
    for name, lock in ENVIRONMENTS.items():
        if is_current(name, lock):
            continue
        stamp = ROOT / name / "lock.sha256"
        start = time.monotonic()
        # Not on stdout, which some command's output may be piped from.
        print(f"setup: {name} from requirements/{lock} …", end="", file=sys.stderr, flush=True)
        stamp.unlink(missing_ok=True)
        make(ROOT / name, lock)
        stamp.write_text(fingerprint(lock))
        print(f" {time.monotonic() - start:.0f} s", file=sys.stderr, flush=True)
    bring_terraform()


if __name__ == "__main__":
    main()
