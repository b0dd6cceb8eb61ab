"""Terraform: the required version, the mirror of the provider if there is one, and the functions that run it."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from scripts.shared.child import run_to_end
from scripts.shared.environments import ROOT, Environment
from scripts.shared.refusal import Refusal

MIRROR_VARIABLE = "DATA_FLOWS_PROVIDER_MIRROR"
PROVIDER = "registry.terraform.io/hashicorp/aws"
# Go collects garbage more rarely: a plan takes a fifth less CPU, and 600 MiB of memory instead of 400.
GARBAGE_COLLECTION = {"GOGC": "400"}


def check_version(root: Path = ROOT) -> None:
    """Make sure that `terraform` is the one of `.terraform-version`: PATH's, or else the one that `make setup` brought.

    Raises:
        Refusal: neither is.
    """
    wanted = (root / ".terraform-version").read_text().strip()
    found = _version_on_path()
    if found == wanted:
        return
    brought = root / "build" / "terraform" / wanted
    if not (brought / "terraform").exists():
        remedy = f"run `make setup`, or `tfenv install {wanted} && tfenv use {wanted}`"
        raise Refusal(f"Terraform: got {found}; expected {wanted} (.terraform-version): {remedy}.")
    os.environ["PATH"] = f"{brought}{os.pathsep}{os.environ.get('PATH', os.defpath)}"


def _version_on_path() -> str:
    """The version of PATH's Terraform, or what there is instead of one."""
    if not shutil.which("terraform"):
        return "none on PATH"
    answer = subprocess.run(["terraform", "version", "-json"], capture_output=True, text=True, check=False)
    try:
        return str(json.loads(answer.stdout)["terraform_version"])
    except (ValueError, KeyError):
        output = (answer.stderr or answer.stdout).strip().splitlines()
        return f'"{output[0] if output else ""}" from `terraform version`'


def mirror_places() -> list[Path]:
    """Folders that may mirror the registry: our variable's first, then Terraform's own, then common ones below."""
    named = os.environ.get(MIRROR_VARIABLE)
    if named:
        return [Path(named)]
    home = Path.home()
    implied = [
        home / ".terraform.d/plugins",
        home / ".local/share/terraform/plugins",
        home / "Library/Application Support/io.terraform/plugins",
        Path("/usr/local/share/terraform/plugins"),
        Path("/usr/share/terraform/plugins"),
    ]
    below = [path for top in ("/opt", "/usr/local/share", "/usr/share") for path in sorted(Path(top).glob("*/"))]
    return implied + below


def find_mirror() -> Path | None:
    """A folder that holds the AWS provider, or none: then Terraform downloads it from the registry.

    Raises:
        Refusal: the variable names a folder without the provider.
    """
    version = locked_version()
    for place in mirror_places():
        # Unpacked in a folder of its version, or as an archive that names it; another version would only mislead init.
        if (place / PROVIDER / version).is_dir() or list((place / PROVIDER).glob(f"*_{version}_*.zip")):
            return place
    if named := os.environ.get(MIRROR_VARIABLE):
        raise Refusal(
            f"{MIRROR_VARIABLE} is {named}, which holds no {PROVIDER} {version}; expected a folder made by "
            "`terraform providers mirror`."
        )
    return None


def locked_version(root: Path = ROOT / "terraform") -> str:
    """The AWS provider's version in the lock of a Terraform root, `unknown` if it has none."""
    lock = root / ".terraform.lock.hcl"
    found = lock.is_file() and re.search(rf'provider "{PROVIDER}" {{\s+version\s+= "([^"]+)"', lock.read_text())
    return found[1] if found else "unknown"


def environment_variables(environment: Environment, directory: Path | None = None) -> dict[str, str]:
    """Environment variables to run Terraform with; its own files go below `directory`, or the environment's."""
    env = (
        GARBAGE_COLLECTION
        | environment.environment_variables()
        | {
            "TF_DATA_DIR": str((directory or environment.directory) / "terraform-data"),
            "TF_IN_AUTOMATION": "1",
            "TF_INPUT": "0",
            "CHECKPOINT_DISABLE": "1",
        }
    )
    # Set but absent, it costs a warning on every call and hides what matters.
    if not Path(env.get("TF_CLI_CONFIG_FILE", "/")).exists():
        del env["TF_CLI_CONFIG_FILE"]
    return env


def run(arguments: Sequence[str], folder: Path, env: dict[str, str], *, good: Sequence[int] = (0,)) -> int:
    """Run one Terraform command, its output straight to the caller's. Returns its exit code, one of `good`.

    Raises:
        Refusal: it ended with any other (exit code 1).
    """
    # Colours are for a terminal; in a log they hide what was said.
    plain = [] if sys.stdout.isatty() else ["-no-color"]
    code = run_to_end(["terraform", f"-chdir={folder}", arguments[0], *plain, *arguments[1:]], env=env).returncode
    if code not in good:
        raise Refusal(f"terraform {arguments[0]} in {folder.name}/ ended with {code}: see its output above.", 1)
    return code


def init(folder: Path, env: dict[str, str], backend_file: Path | None) -> None:
    """`terraform init` with the locked provider, from a local mirror if there is one.

    Raises:
        Refusal: neither a mirror nor the registry has the provider, or the state backend refused.
    """
    mirror = find_mirror()
    arguments = ["init", "-no-color", "-lockfile=readonly", "-reconfigure"]
    arguments += [f"-plugin-dir={mirror}"] if mirror else []
    arguments += [f"-backend-config={backend_file}"] if backend_file else []
    command = ["terraform", f"-chdir={folder}", *arguments]
    answer = run_to_end(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if answer.returncode == 0:
        return
    print(answer.stdout, answer.stderr, sep="\n")
    if not mirror and "Failed to query available provider packages" in answer.stderr:
        tried = ", ".join(str(place) for place in mirror_places())
        raise Refusal(
            f"The AWS provider is in no mirror (looked for {PROVIDER} in {tried}), and the Terraform registry could "
            f"not be reached; expected one of the two: set {MIRROR_VARIABLE} to a folder made by "
            "`terraform providers mirror`."
        )
    raise Refusal(f"terraform init in {folder.name}/ failed: see its output above.", 1)


def show(tfplan: Path, to: Path, folder: Path, env: dict[str, str]) -> None:
    """Write a plan file as JSON.

    Raises:
        Refusal: it is none (exit code 1).
    """
    with to.open("w") as file:
        code = run_to_end(["terraform", f"-chdir={folder}", "show", "-json", str(tfplan)], env=env, stdout=file)
    if code.returncode:
        raise Refusal(f"terraform show of {tfplan.name} ended with {code.returncode}: see its output above.", 1)


def outputs(folder: Path, env: dict[str, str]) -> dict[str, Any]:
    """The outputs of the applied state, value by name."""
    command = ["terraform", f"-chdir={folder}", "output", "-json"]
    answer = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    if answer.returncode:
        raise Refusal(f"terraform output: {answer.stderr.strip()}", 1)
    return {name: output["value"] for name, output in json.loads(answer.stdout).items()}
