"""Find what is to be registered: the `deployments` list of every file in flows/.

python -m scripts.discover_flows
"""

import argparse
import importlib
import sys
import traceback
from collections import defaultdict
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
    except (Exception, SystemExit) as error:
        # Our own line: the last frame is often deep in a library. A SyntaxError names its line itself.
        frames = traceback.extract_tb(error.__traceback__)
        ours = [frame for frame in frames if Path(frame.filename).is_relative_to(root / "flows")]
        at = f" ({Path(ours[-1].filename).relative_to(root)}:{ours[-1].lineno})" if ours else ""
        raise Refusal(f"{name}: import failed: {type(error).__name__}: {error}{at}", 1) from None
    from prefect import Flow
    from prefect.deployments.runner import RunnerDeployment

    found = getattr(module, "deployments", None)
    remedy = (
        "expected `deployments = [my_flow.to_deployment(name=…), …]` at its end; "
        "what flows share belongs in flows/shared/"
    )
    if not isinstance(found, list) or not found:
        raise Refusal(
            f"{name}: got {'no' if found is None else 'an empty' if found == [] else type(found).__name__} "
            f"`deployments`; {remedy}.",
            1,
        )
    for deployment in found:
        if not isinstance(deployment, RunnerDeployment):
            raise Refusal(f"{name}: got {type(deployment).__name__} in `deployments`; {remedy}.", 1)
        # Relative, as it is inside the image.
        function = deployment.entrypoint.rpartition(":")[2]
        flow = getattr(module, function, None)
        if not isinstance(flow, Flow):
            raise Refusal(f"{name}: got a deployment of {function}, which is no flow of this file; {remedy}.", 1)
        deployment.entrypoint = f"{name.as_posix()}:{function}"
        yield Discovered(deployment, flow)


def discover(root: Path = ROOT) -> list[Discovered]:
    """Every deployment of every flow file, with an entrypoint relative to the repository.

    Raises:
        Refusal: a file does not import or has no deployments, or two have one name; all of them are named.
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
    files = defaultdict(list)
    for each in found:
        name, file = f"{each.deployment.flow_name}/{each.deployment.name}", each.deployment.entrypoint.partition(":")[0]
        files[name].append(file)
    problems += [
        f"{', '.join(dict.fromkeys(having))}: got {len(having)} deployments named {name}; expected names to differ."
        for name, having in files.items()
        if len(having) > 1
    ]
    if problems:
        raise Refusal("\n".join(problems), 1)
    return found


def main() -> None:
    """List the deployments."""
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    for found in discover():
        print(f"{found.deployment.flow_name}/{found.deployment.name}  {found.deployment.entrypoint}")


if __name__ == "__main__":
    run_command(main)
