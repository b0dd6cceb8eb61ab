"""Which flow file and which of its deployments FLOW means. No other flow file is imported."""

import importlib
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scripts.shared.environments import ROOT
from scripts.shared.flow_files import flow_files
from scripts.shared.flow_template import flow_names
from scripts.shared.own_lines import own_line
from scripts.shared.refusal import Refusal

if TYPE_CHECKING:
    from prefect import Flow
    from prefect.deployments.runner import RunnerDeployment


def find_file(wanted: str, root: Path = ROOT) -> Path:
    """The one flow file of `<flow>`, `<flow>/<deployment>` or a path; relative to `root`.

    Raises:
        Refusal: none or several fit; the message has the nearest names.
    """
    files = flow_files(root)
    if wanted.endswith(".py"):
        path = (root / wanted).resolve()
        if path not in files:
            raise Refusal(
                f'FLOW is "{wanted}"; expected a flow file, which {path.name} is not (docs/writing-flows.md).'
            )
        return path.relative_to(root)
    flow = wanted.partition("/")[0].replace("-", "_")
    names = {file: flow_names(file) for file in files}
    found = [file.relative_to(root) for file in files if flow in names[file]]
    if len(found) > 1:
        raise Refusal(f'FLOW is "{wanted}", which is in {", ".join(map(str, found))}; expected one of these files.')
    if not found:
        known = sorted(set().union(*names.values()))
        near = get_close_matches(flow, known, n=3) or known
        raise Refusal(f'FLOW is "{wanted}"; expected a flow below flows/, such as {", ".join(near) or "none yet"}.')
    return found[0]


def load(file: Path, wanted: str) -> tuple["Flow[..., Any]", "RunnerDeployment"]:
    """The flow and the deployment, of the imported file.

    Raises:
        Refusal: the file cannot be imported, or holds no such deployment or several.
    """
    try:
        module = importlib.import_module(".".join(file.with_suffix("").parts))
    except Exception as error:
        where = own_line(error) or str(file)
        raise Refusal(
            f"{file}: got {type(error).__name__}: {error} ({where}); expected a file that imports.", 1
        ) from None
    deployments = getattr(module, "deployments", None)
    if not isinstance(deployments, list) or not deployments:
        raise Refusal(f"{file}: got no `deployments`; expected a list at its end (docs/writing-flows.md).", 1)
    flow, _, name = ("", "", "") if wanted.endswith(".py") else wanted.replace("_", "-").partition("/")
    matching = [
        each
        for each in deployments
        if flow in ("", each.flow_name.replace("_", "-"), file.stem.replace("_", "-"))
        and name in ("", each.name.replace("_", "-"))
    ]
    if len(matching) != 1:
        there = ", ".join(f"{each.flow_name}/{each.name}" for each in matching or deployments)
        raise Refusal(f'FLOW is "{wanted}"; expected one of {there} ({file}).')
    return getattr(module, str(matching[0].entrypoint).rpartition(":")[2]), matching[0]
