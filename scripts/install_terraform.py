"""Install the Terraform of `.terraform-version` into a folder, checked against the checksums of its release.

    python3 scripts/install_terraform.py "$HOME/bin"

Needs nothing but Python. `make setup` runs it if the Terraform on PATH does not fit. On a machine that cannot reach
HashiCorp's releases, DATA_FLOWS_TERRAFORM_RELEASES names a mirror of them.
"""

import argparse
import hashlib
import io
import os
import platform
import sys
import urllib.error
import urllib.request
import zipfile
from pathlib import Path

RELEASES = "https://releases.hashicorp.com/terraform"
RELEASES_VARIABLE = "DATA_FLOWS_TERRAFORM_RELEASES"
VERSION_FILE = Path(__file__).resolve().parent.parent / ".terraform-version"
MACHINES = {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64", "arm64": "arm64"}
EXECUTABLE = 0o755


def download(url: str) -> bytes:
    """The content at a URL."""
    with urllib.request.urlopen(url, timeout=30) as answer:  # noqa: S310 - the scheme is the caller's: https by default.
        content: bytes = answer.read()
    return content


def install(folder: Path, version: str, releases: str) -> Path:
    """Put the `terraform` of this machine's kind into the folder, or leave the folder as it was.

    Raises:
        SystemExit: the release cannot be had, or is not what its sums say.
    """
    archive = f"terraform_{version}_{platform.system().lower()}_{MACHINES[platform.machine().lower()]}.zip"
    release = f"{releases}/{version}"
    try:
        content = download(f"{release}/{archive}")
        sums = download(f"{release}/terraform_{version}_SHA256SUMS").decode()
    except (urllib.error.URLError, TimeoutError) as error:
        sys.exit(
            f"{release}: {error}; expected Terraform {version}: put it on PATH (`tfenv install {version}`), or name a "
            f"mirror of the releases in {RELEASES_VARIABLE}."
        )
    wanted = {name: digest for digest, name in map(str.split, sums.splitlines())}.get(archive)
    found = hashlib.sha256(content).hexdigest()
    if found != wanted:
        sys.exit(f"{archive}: got sha256 {found}; expected {wanted} (the release's SHA256SUMS). Nothing was installed.")
    folder.mkdir(parents=True, exist_ok=True)
    unfinished, terraform = folder / ".terraform-unfinished", folder / "terraform"
    with zipfile.ZipFile(io.BytesIO(content)) as zipped:
        unfinished.write_bytes(zipped.read("terraform"))
    unfinished.chmod(EXECUTABLE)
    unfinished.replace(terraform)
    return terraform


def main() -> None:
    """Install it and say where."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    version = VERSION_FILE.read_text().strip()
    print(f"Terraform {version}: {install(folder, version, os.environ.get(RELEASES_VARIABLE) or RELEASES)}")


if __name__ == "__main__":
    main()
