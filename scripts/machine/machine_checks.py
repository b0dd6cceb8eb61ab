"""Checks of this machine. Only those that say so need what `make setup` installs."""

import os
import re
import shutil
import stat
import subprocess
from pathlib import Path
from urllib.parse import urlsplit

from scripts.machine.looking import Check
from scripts.shared import terraform
from scripts.shared.environments import ROOT
from scripts.shared.refusal import Refusal

# The virtual environments take 1.6 GiB, and as much again in uv's cache; servers, provider and runs 2 GiB of memory.
DISK_GIB, MEMORY_GIB = 4, 2
PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")


def checks(python: str, root: Path = ROOT) -> list[Check]:
    """`python`: the Python that makes the virtual environments."""
    return [
        Check(
            "Python", lambda: version_of(python, "install Python 3.11 or newer, and give it: make PYTHON3=python3.11 …")
        ),
        Check("git", lambda: version_of("git", "install it with your system's packages.")),
        Check("make", lambda: version_of("make", "install it with your system's packages.")),
        Check("packages", lambda: packages(python, root)),
        Check("Terraform", terraform_version),
        Check("provider", provider),
        Check("disk", lambda: disk(root)),
        Check("memory", memory),
        Check("proxy", proxies),
        Check("secrets", lambda: secrets_file(root / ".secrets.env")),
    ]


def version_of(program: str, remedy: str) -> str:
    """The first line of `--version`."""
    path = shutil.which(program)
    if not path:
        raise Refusal(f"got no {program} on PATH; expected it: {remedy}")
    answer = subprocess.run([path, "--version"], capture_output=True, text=True, check=False)
    said = (answer.stdout or answer.stderr).strip().partition("\n")[0]
    number = re.search(r"Python (\d+)\.(\d+)", said)
    if answer.returncode or (number and (int(number[1]), int(number[2])) < (3, 11)):
        raise Refusal(f"got {said or 'no answer'} from {path}; expected one that works: {remedy}")
    return f"{said} ({path})"


def packages(python: str, root: Path) -> str:
    """Whether the virtual environments are those of the locks, as `make setup` itself decides it."""
    if not shutil.which(python):
        raise Refusal(f"not looked at without {python}.")
    command = [python, str(root / "scripts" / "setup_environments.py"), "--check"]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    if answer.returncode:
        raise Refusal((answer.stdout or answer.stderr).strip().rpartition("\n")[2])
    return answer.stdout.strip()


def terraform_version() -> str:
    """The version that is asked for, and where it is found."""
    terraform.check_version()
    return f"{(ROOT / '.terraform-version').read_text().strip()} ({shutil.which('terraform')})"


def provider() -> str:
    """Where the AWS provider comes from. The registry is not asked."""
    mirror, version = terraform.find_mirror(), terraform.locked_version()
    return (
        f"AWS {version} from {mirror}" if mirror else f"AWS {version}, in no mirror: Terraform's registry will be asked"
    )


def disk(root: Path, expected_gib: float = DISK_GIB) -> str:
    """Free space where everything is written."""
    free = shutil.disk_usage(root).free / 2**30
    if free < expected_gib:
        raise Refusal(
            f"got {free:.1f} GiB free at {root}; expected {expected_gib} or more: delete something, such as build/."
        )
    return f"{free:.0f} GiB free"


def memory(expected_gib: float = MEMORY_GIB) -> str:
    """What programs can still have. Needs psutil."""
    import psutil

    available = psutil.virtual_memory().available / 2**30
    if available < expected_gib:
        raise Refusal(
            f"got {available:.1f} GiB available; expected {expected_gib} or more for `make up`: close programs."
        )
    return f"{available:.0f} GiB available"


def proxies() -> str:
    """The proxies of this shell, without the user and the password that may stand in them."""
    found = []
    for name in (each for proxy in PROXIES for each in (proxy, proxy.lower())):
        if value := os.environ.get(name):
            try:
                address = urlsplit(value if "//" in value else f"http://{value}")
                found.append(f"{name} {address.hostname or ''}:{address.port or ''}".rstrip(":"))
                is_wrong = not address.hostname
            except ValueError:
                is_wrong = True
            if is_wrong:
                raise Refusal(f"{name} is no address; expected one such as http://proxy.example.com:3128, or none.")
    return f"{', '.join(found)}, not for 127.0.0.1" if found else "none"


def secrets_file(path: Path) -> str:
    """Whether nobody else may read it."""
    if not path.exists():
        return f"no {path.name}"
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & 0o077:
        raise Refusal(f"{path.name} has mode {mode:04o}; expected 0600: chmod 600 {path.name}")
    return f"{path.name} is yours alone"
