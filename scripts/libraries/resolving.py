"""Resolves requirements/*.in into locks, which hold a hash for every file and no address of a package index."""

import re
import subprocess
from pathlib import Path

from scripts.shared.environments import ROOT
from scripts.shared.refusal import Refusal

REQUIREMENTS = ROOT / "requirements"
# dev and runtime are resolved together (dev.in holds `-r runtime.in -c runtime.txt`), so runtime comes first.
LOCKS = ("uv", "runtime", "dev", "checkov")
OPTIONS = [
    "--universal", "--python-version=3.11", "--generate-hashes", "--no-annotate", "--no-emit-index-url",
    "--no-emit-find-links", "--custom-compile-command=make lock", "--quiet",
]  # fmt: skip
NO_SOLUTION = 1  # uv's exit code where it could look everything up.


def resolve(folder: Path, name: str, *options: str) -> None:
    """Write `<name>.txt` from `<name>.in`; versions that are locked stay, as far as they can.

    Raises:
        Refusal: in one sentence, why it does not resolve.
    """
    command = [str(ROOT / ".venv" / "bin" / "uv"), "pip", "compile", *OPTIONS, *options]
    if name == "runtime":
        command.append("--no-build")  # The image is made of wheels only.
    command += [f"{folder / name}.in", f"-o={folder / name}.txt"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode == NO_SOLUTION:
        raise Refusal(f"requirements/{name}.in: {conflict(done.stderr)}.", 1)
    if done.returncode:
        said = " ".join(done.stderr.partition("\n  cause: client")[0].split())
        raise Refusal(f"requirements/{name}.in: cannot be resolved: {said.removeprefix('error: ')}.")


def conflict(said: str) -> str:
    """What uv says of requirements without a solution, in one sentence and without its conclusions."""
    if unknown := re.search(
        r"Because (\S+) was not found in the (?:package registry|provided package locations)", said
    ):
        return f"got {unknown[1]}, which the package index does not have; expected the name of a library there"
    if unbuilt := re.search(r"all versions of (\S+) have no usable wheels", said):
        return f"got {unbuilt[1]}, which has no wheel; expected one: the image is built of wheels only"
    cause = said.partition("cause:")[2].partition("\nhint:")[0]
    # Of a list with a line for each of its members, the first and the last say enough.
    cause = re.sub(r"one of:\n( +)(\S+)(?:\n\1\S+)*\n\1(\S+)", r"\2 … \3", cause)
    parts = [" ".join(part.partition("we can conclude that")[0].split()) for part in cause.split("\n\n")]
    return (
        f"got a conflict: {'; '.join(re.sub('^(And )?because ', '', part, flags=re.I).strip(', ') for part in parts)}"
    )
