"""The process that imports flow files and says what deployments they hold; `loading.py` starts and bounds it.

It reads the files' names from stdin and answers with one line of JSON a file. What a file prints goes nowhere. A file
that ends this process or does not come to an end is told by the line it stood at.
"""

import contextlib
import faulthandler
import importlib
import json
import os
import re
import sys
import traceback
from datetime import UTC, datetime
from importlib.machinery import (
    EXTENSION_SUFFIXES,
    SOURCE_SUFFIXES,
    ExtensionFileLoader,
    FileFinder,
    SourceFileLoader,
)
from pathlib import Path
from typing import Any

from jsonschema.validators import validator_for
from prefect import Flow
from prefect.deployments.runner import RunnerDeployment
from prefect.utilities.collections import remove_nested_keys
from referencing import Registry

REMEDY = (
    "expected `deployments = [my_flow.to_deployment(name=…), …]` at its end; what flows share belongs in flows/shared/"
)
SECTIONS = re.compile(r"^(?:Args|Returns|Raises):$", re.MULTILINE)
NOT_REGISTERED = {
    "work_pool_name": "the work pool is the environment's",
    "storage": "the image holds the code",
    "triggers": "make an automation by hand, or a schedule",
}


def look_at(file: str, root: Path) -> dict[str, Any]:
    """The deployments of a flow file, or what is wrong with it."""
    started = datetime.now(UTC)
    module_name = file.removesuffix(".py").replace("/", ".")
    try:
        found = getattr(module := importlib.import_module(module_name), "deployments", None)
    except BaseException as error:
        return {"problems": [f"import failed: {type(error).__name__}: {error}{_own_line(error, root)}"]}
    if not isinstance(found, list) or not found:
        kind = "no" if found is None else "an empty" if found == [] else type(found).__name__
        return {"problems": [f"got {kind} `deployments`; {REMEDY}."]}
    answer: dict[str, Any] = {"deployments": [], "problems": []}
    for each in found:
        if not isinstance(each, RunnerDeployment):
            answer["problems"].append(f"got {type(each).__name__} in `deployments`; {REMEDY}.")
            continue
        function = str(each.entrypoint).rpartition(":")[2]
        flow = getattr(module, function, None)
        if not isinstance(flow, Flow):
            answer["problems"].append(f"got a deployment of {function}, which is no flow of this file; {REMEDY}.")
            continue
        deployment = describe(each, flow, started) | {"entrypoint": f"{file}:{function}"}
        answer["deployments"].append(deployment)
        answer["problems"] += [f"deployment {each.name}: {problem}" for problem in problems(each, deployment)]
    return answer


def _own_line(error: BaseException, root: Path) -> str:
    """The last line of flows/ that an error passed: its last frame is often deep in a library."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if Path(frame.filename).is_relative_to(root / "flows")]
    return f" ({Path(ours[-1].filename).relative_to(root)}:{ours[-1].lineno})" if ours else ""


def describe(deployment: RunnerDeployment, flow: Flow[..., Any], started: datetime) -> dict[str, Any]:
    """What the code says of a deployment, in the API's words."""
    fields = deployment.model_dump(
        mode="json",
        include={
            *("name", "flow_name", "tags", "parameters", "enforce_parameter_schema"),
            *("concurrency_limit", "concurrency_options", "paused", "job_variables", "work_queue_name"),
        },
    )
    return fields | {
        # Prefect shows what stands under `Args:` with the parameters.
        "description": SECTIONS.split(deployment.description or flow.description or "")[0].strip(),
        "parameter_openapi_schema": json.loads(json.dumps(flow.parameters.model_dump(mode="json", exclude_unset=True))),
        "schedules": [_schedule(schedule, started) for schedule in deployment.schedules or []],
    }


def _schedule(schedule: Any, started: datetime) -> dict[str, Any]:
    kind = schedule.schedule
    fields = kind.model_dump(mode="json", exclude_none=True)
    # Where none is given, an interval's anchor is the moment of import: another each time, and nobody's wish.
    if getattr(kind, "anchor_date", started) > started:
        del fields["anchor_date"]
    return {
        "schedule": fields,
        "parameters": json.loads(json.dumps(schedule.parameters, default=str)),
        "active": schedule.active is not False,
        "slug": schedule.slug,
    }


def problems(deployment: RunnerDeployment, described: dict[str, Any]) -> list[str]:
    """What is wrong with a deployment, as far as the code alone can tell."""
    found = []
    schema = described["parameter_openapi_schema"]
    properties = schema.get("properties", {})
    if not any(tag.startswith("owner:") and tag != "owner:" for tag in described["tags"]):
        found.append(f"got {_listed(described['tags'], 'no tags')}; expected one that names its owner: owner:<team>.")
    if not described["description"]:
        found.append("got no description; expected one: the flow's docstring.")
    for name, value in properties.items():
        if not value.get("description"):
            found.append(f"parameter {name}: got no description; expected one under `Args:` in the flow's docstring.")
    for field, remedy in NOT_REGISTERED.items():
        if getattr(deployment, field, None):
            found.append(f"got {field}; expected none: {remedy}.")
    found += _parameter_problems(described["parameters"], schema, "")
    for number, schedule in enumerate(described["schedules"], 1):
        what = f"schedule {number}"
        if not schedule["schedule"].get("timezone"):
            found.append(f'{what}: got no time zone; expected one, such as timezone="Europe/Dublin" or "UTC".')
        found += _parameter_problems(schedule["parameters"], schema, f"{what}: ")
        if missing := [
            name for name in schema.get("required", []) if name not in described["parameters"] | schedule["parameters"]
        ]:
            found.append(f"{what}: got no value for {', '.join(missing)}; expected one: no default and nobody to ask.")
    return found


def _parameter_problems(parameters: dict[str, Any], schema: dict[str, Any], where: str) -> list[str]:
    taken = schema.get("properties", {})
    found = [
        f"{where}parameter {name}: the flow does not take it; expected {_listed(taken, 'none')}."
        for name in parameters
        if name not in taken
    ]
    known = {name: value for name, value in parameters.items() if name in taken}
    # What Prefect's own function does, without the 0.15 s of importing it: it imports SQLAlchemy.
    partly = remove_nested_keys(["required"], schema)
    kind = validator_for(partly)
    errors = kind(partly, registry=Registry(), format_checker=kind.FORMAT_CHECKER).iter_errors(known)
    return found + [
        f"{where}parameter {'.'.join(map(str, error.absolute_path))}: {error.message}; expected what the flow takes."
        for error in errors
    ]


def _listed(names: Any, none: str) -> str:
    return ", ".join(names) if names else none


@contextlib.contextmanager
def restored() -> Any:
    """Whatever a file does to variables, folder and path of the process is undone for the next one."""
    environment, folder, path = dict(os.environ), Path.cwd(), list(sys.path)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(environment)
        os.chdir(folder)
        sys.path[:] = path


class _Source(SourceFileLoader):
    def path_stats(self, path: str) -> dict[str, Any]:
        raise OSError(f"{path}: no bytecode wanted")  # What tells importlib to compile the source.


def read_sources_of(root: Path) -> None:
    """Let no module of the repository come from bytecode: of a file that changed twice a second, it is the first's.

    Libraries keep theirs: compiling what importing Prefect does not import yet takes 0.1 s and more.
    """
    hook = FileFinder.path_hook((ExtensionFileLoader, EXTENSION_SUFFIXES), (_Source, SOURCE_SUFFIXES))

    def below(path: str) -> Any:
        if Path(path).is_relative_to(root) and not Path(path).is_relative_to(sys.prefix):
            return hook(path)
        raise ImportError(path)

    sys.path_hooks.insert(0, below)
    sys.path_importer_cache.pop(str(root), None)


def main() -> None:
    """Answer for each file of stdin."""
    root, seconds = Path(sys.argv[1]), float(sys.argv[2])
    files = sys.stdin.read().split("\n")
    # Stdout is the answers' only; what a file prints or reads goes nowhere and comes from nowhere.
    answers = os.fdopen(os.dup(1), "w")
    nowhere = os.open(os.devnull, os.O_RDWR)
    os.dup2(nowhere, 0)
    os.dup2(nowhere, 1)
    sys.path.insert(0, str(root))
    read_sources_of(root)
    print("ready", file=answers, flush=True)
    for file in files:
        faulthandler.dump_traceback_later(seconds, exit=True)
        with restored():
            answer = look_at(file, root)
        faulthandler.cancel_dump_traceback_later()
        print(json.dumps({"file": file, **answer}), file=answers, flush=True)
