"""Find what is to be registered: the `deployments` list of every file in flows/.

python -m scripts.discover_flows
"""

import importlib
import sys
import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from scripts.environments import ROOT
from scripts.refusal import Refusal, run_command

if TYPE_CHECKING:
    from prefect import Flow
    from prefect.deployments.runner import RunnerDeployment


@dataclass(frozen=True)
class Discovered:
    """A deployment and the flow that it deploys."""

    deployment: "RunnerDeployment"
    flow: "Flow"


def flow_files(root: Path = ROOT) -> list[Path]:
    """Files that must each hold a flow and its `deployments`; flows/shared/ holds what they use."""
    return sorted(path for path in (root / "flows").glob("*.py") if not path.name.startswith("_"))


def _deployments(path: Path, root: Path) -> "Iterator[Discovered]":
    name = path.relative_to(root)
    try:
        module = importlib.import_module(f"flows.{path.stem}")
    except Exception as error:
        last = traceback.extract_tb(error.__traceback__)[-1]
        raise Refusal(
            f"{name}: import failed: {type(error).__name__}: {error} ({last.filename}:{last.lineno})", 1
        ) from None
    from prefect.deployments.runner import RunnerDeployment

    found = getattr(module, "deployments", None)
    remedy = (
        "expected `deployments = [my_flow.to_deployment(name=…), …]` at its end; "
        "what flows share belongs in flows/shared/"
    )
    if not isinstance(found, list) or not found:
        raise Refusal(
            f"{name}: got {'no `deployments`' if found is None else f'`deployments` = {found!r}'}; {remedy}.", 1
        )
    for deployment in found:
        if not isinstance(deployment, RunnerDeployment):
            raise Refusal(f"{name}: got {type(deployment).__name__} in `deployments`; {remedy}.", 1)
        # Relative, as it is inside the image.
        function = deployment.entrypoint.rpartition(":")[2]
        deployment.entrypoint = f"{name.as_posix()}:{function}"
        yield Discovered(deployment, getattr(module, function))


def discover(root: Path = ROOT) -> list[Discovered]:
    """Every deployment of every flow file, with an entrypoint relative to the repository.

    Raises:
        Refusal: a file does not import, or has no deployments; all such files are named.
    """
    sys.path.insert(0, str(root))
    found, problems = [], []
    try:
        for path in flow_files(root):
            try:
                found += _deployments(path, root)
            except Refusal as problem:
                problems.append(str(problem))
    finally:
        sys.path.remove(str(root))
    if problems:
        raise Refusal("\n".join(problems), 1)
    return found


def main() -> None:
    """List the deployments."""
    for found in discover():
        print(f"{found.deployment.flow_name}/{found.deployment.name}  {found.deployment.entrypoint}")


if __name__ == "__main__":
    run_command(main)
