"""The import process: imports flow files, and says what deployments each holds or what is wrong with it.

    python -m scripts.registration.flow_description <root> <seconds a file may take> <file for the answers> <flow file>…

It answers with one line of JSON a file, after a first line that says it has started. `flow_import.py` starts it.
"""

import ast
import contextlib
import faulthandler
import importlib
import json
import os
import re
import signal
import sys
import threading
import traceback
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from prefect import Flow
from prefect.deployments.runner import RunnerDeployment
from prefect.utilities.schema_tools.validation import validate

from scripts.registration import checks
from scripts.registration.flow_libraries import Libraries
from scripts.shared.flow_files import parse, syntax_problem
from scripts.shared.own_lines import own_line
from scripts.shared.run_tags import FORMS, NO_RESTART, RUN_UP

REMEDY = (
    "expected `deployments = [my_flow.to_deployment(name=…), …]` at its end; what flows share belongs in flows/shared/"
)
UNFAILING = (
    "expected a file that imports: correct that line, or move it into the flow if it needs something at run time"
)
SECTIONS = re.compile(r"^(?:Args|Returns|Raises):$", re.MULTILINE)
NOT_REGISTERED = {
    "work_pool_name": "the work pool is the environment's",
    "storage": "the image holds the code",
}


def describe_file(file: str, root: Path) -> dict[str, list[Any]]:
    """The deployments of a flow file in the API's words with their `line`, and what is wrong with it."""
    started = datetime.now(UTC)
    try:
        module = importlib.import_module(file.removesuffix(".py").replace("/", "."))
        found = getattr(module, "deployments", None)
        if not isinstance(found, list) or not found:
            kind = "no" if found is None else "an empty" if found == [] else type(found).__name__
            return _wrong(f"{file}: got {kind} `deployments`; {REMEDY}.")
        lines = _lines(root / file)
        answers = [_describe(each, module, file, started, lines) for each in found]
    except SyntaxError as error:
        error.filename = error.filename or str(root / file)
        return _wrong(syntax_problem(error, root))
    except BaseException as error:
        return _wrong(_import_problem(error, file, root))
    described = {kind: [each for answer in answers for each in answer[kind]] for kind in ("deployments", "problems")}
    return described | {"data": _declared_data()}


def _declared_data() -> list[Any]:
    """Data sets, exports and pushes of every module of flows/ that is imported by now."""
    found = []
    modules = {
        "landing": "flows.shared.data.landing",
        "export": "flows.shared.data.export",
        "push": "flows.shared.push.declaration",
    }
    for kind, module in modules.items():
        # Looked up, not imported: most files have none of them.
        if not (type_ := getattr(sys.modules.get(module), kind.capitalize(), None)):
            continue
        for name, flows_module in list(sys.modules.items()):
            if name.startswith("flows.") and not name.startswith("flows.shared"):
                found += [_data(kind, each) for each in vars(flows_module).values() if isinstance(each, type_)]
    return found


def _data(kind: str, declared: Any) -> dict[str, str]:
    told = ("name", "schema", "table") if kind == "landing" else ("name", "query")
    return {"kind": kind, **{field: getattr(declared, field) for field in told}}


def _wrong(problem: str) -> dict[str, list[Any]]:
    return {"deployments": [], "problems": [problem]}


def _import_problem(error: BaseException, file: str, root: Path) -> str:
    """What an import failed with, and the last line of flows/ that it passed: its last frame is often in a library."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if Path(frame.filename).is_relative_to(root / "flows")]
    line = own_line(error, root)
    if isinstance(error, ModuleNotFoundError) and ours and ours[-1] is frames[-1]:
        missing = Libraries(root).problem(str(error.name).partition(".")[0])
        if missing:  # In the words of whoever reads the sources, so that it is told once.
            return f"{line}: {missing}"
    return f"{file}: import failed: {type(error).__name__}: {error}{f' ({line})' if line else ''}; {UNFAILING}."


def _lines(path: Path) -> dict[tuple[str, str], int]:
    """The line of each function, and of each `<function>.to_deployment(<name>)` where both are written out."""
    lines = {}
    for node in ast.walk(parse(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines[node.name, ""] = node.lineno
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "to_deployment":
            function = ast.unparse(node.func).partition(".")[0]
            names = [*node.args[:1], *(each.value for each in node.keywords if each.arg == "name")]
            lines |= {(function, str(each.value)): node.lineno for each in names if isinstance(each, ast.Constant)}
    return lines


def _describe(
    deployment: Any, module: Any, file: str, started: datetime, lines: dict[tuple[str, str], int]
) -> dict[str, list[Any]]:
    if not isinstance(deployment, RunnerDeployment):
        return _wrong(f"{file}: got {type(deployment).__name__} in `deployments`; {REMEDY}.")
    function = str(deployment.entrypoint).rpartition(":")[2]
    flow = getattr(module, function, None)
    if not isinstance(flow, Flow):
        return _wrong(f"{file}: got a deployment of {function}, which is no flow of this file; {REMEDY}.")
    flow_line = lines.get((function, ""), 1)
    described = deployment.model_dump(
        mode="json",
        include={
            *("name", "flow_name", "tags", "parameters", "enforce_parameter_schema"),
            *("concurrency_limit", "concurrency_options", "paused", "job_variables", "work_queue_name"),
        },
    ) | {
        "line": lines.get((function, str(deployment.name)), flow_line),
        "entrypoint": f"{file}:{function}",
        # Prefect shows what stands under `Args:` with the parameters.
        "description": SECTIONS.split(deployment.description or flow.description or "")[0].strip(),
        "parameter_openapi_schema": json.loads(json.dumps(flow.parameters.model_dump(mode="json", exclude_unset=True))),
        "schedules": [_schedule(schedule, started) for schedule in deployment.schedules or []],
        "triggers": [_trigger(trigger) for trigger in deployment.triggers],
    }
    if NO_RESTART in described["tags"]:
        env = {"PREFECT_FLOW_RUN_EXECUTE_SIGTERM_BEHAVIOR": "crash"} | described["job_variables"].get("env", {})
        described["job_variables"] = described["job_variables"] | {"env": env}
    if described["schedules"] and described["concurrency_limit"] is None:
        # A run that is still under way when the next is due is waited for.
        described |= {
            "concurrency_limit": 1,
            "concurrency_options": {"collision_strategy": "ENQUEUE", "grace_period_seconds": None},
        }
    where = f"{file}:{described['line']}: deployment {deployment.name}"
    problems = [f"{file}:{flow_line}: flow {function}: {problem}" for problem in _flow_problems(described)]
    problems += [f"{where}: {problem}" for problem in _problems(deployment, described)]
    return {"deployments": [described], "problems": problems}


def _schedule(schedule: Any, started: datetime) -> dict[str, Any]:
    fields = schedule.schedule.model_dump(mode="json", exclude_none=True)
    # Where none is given, an interval's anchor is the moment of import: another each time, and nobody's wish.
    if getattr(schedule.schedule, "anchor_date", started) > started:
        del fields["anchor_date"]
    return {
        "schedule": fields,
        "parameters": json.loads(json.dumps(schedule.parameters, default=str)),
        "active": schedule.active is not False,
        "slug": schedule.slug,
    }


def _trigger(trigger: Any) -> dict[str, Any]:
    """An event trigger as the automation that starts the deployment, whose id is not known here."""
    trigger.set_deployment_id(UUID(int=0))
    automation: dict[str, Any] = trigger.as_automation().model_dump(
        mode="json", include={"name", "description", "enabled", "tags", "trigger", "actions"}
    )
    return automation


def _flow_problems(described: dict[str, Any]) -> Iterator[str]:
    """What people are not told about a flow that they start in Prefect."""
    if not described["description"]:
        yield "got no description; expected one: the flow's docstring."
    for name, value in described["parameter_openapi_schema"].get("properties", {}).items():
        if not value.get("description"):
            yield f"parameter {name}: got no description; expected one under `Args:` in the flow's docstring."


def _problems(deployment: RunnerDeployment, described: dict[str, Any]) -> Iterator[str]:
    """What is wrong with a deployment, as far as the code alone can tell."""
    schema = described["parameter_openapi_schema"]
    if not any(tag.startswith("owner:") and tag != "owner:" for tag in described["tags"]):
        yield f"got {_listed(described['tags'], 'no tags')}; expected one that names its owner: owner:<team>."
    for tag in described["tags"]:
        kind = tag.partition(":")[0]
        pattern, example = FORMS.get(kind, (None, ""))
        if pattern and not pattern.fullmatch(tag):
            yield f"got the tag {tag}; expected {kind}:{example}."
        if tag.startswith("run:up") and not RUN_UP.fullmatch(tag):
            yield f"got the tag {tag}; expected run:up or run:up:<number>, such as run:up:2."
    for field, remedy in NOT_REGISTERED.items():
        if getattr(deployment, field, None):
            yield f"got {field}; expected none: {remedy}."
    yield from checks.size_problems(described["job_variables"], {})
    yield from _parameter_problems(described["parameters"], schema)
    for number, schedule in enumerate(described["schedules"], 1):
        what = f"schedule {number}"
        if not schedule["schedule"].get("timezone"):
            yield f'{what}: got no time zone; expected one, such as timezone="Europe/Dublin" or "UTC".'
        for problem in _parameter_problems(schedule["parameters"], schema):
            yield f"{what}: {problem}"
        given = described["parameters"] | schedule["parameters"]
        if missing := [name for name in schema.get("required", []) if name not in given]:
            yield f"{what}: got no value for {', '.join(missing)}; expected one: no default and nobody to ask."


def _parameter_problems(parameters: dict[str, Any], schema: dict[str, Any]) -> Iterator[str]:
    known = schema.get("properties", {})
    for name in parameters:
        if name not in known:
            yield f"parameter {name}: the flow does not take it; expected {_listed(known, 'none')}."
    given = {name: value for name, value in parameters.items() if name in known}
    for error in validate(given, schema, preprocess=False, ignore_required=True):
        where = ".".join(map(str, error.absolute_path))
        yield f"parameter {where}: {error.message}; expected what the flow takes."


def _listed(names: Any, none: str) -> str:
    return ", ".join(names) if names else none


@contextlib.contextmanager
def restored() -> Iterator[None]:
    """Whatever a file does to variables, folder and path of the process is undone for the next one."""
    environment, folder, path = dict(os.environ), Path.cwd(), list(sys.path)
    try:
        yield
    finally:
        if os.environ != environment:
            os.environ.clear()
            os.environ.update(environment)
        os.chdir(folder)
        sys.path[:] = path


def describe_files(root: Path, seconds: int, files: list[str]) -> Iterator[dict[str, list[Any]]]:
    """What `describe_file` says of each. A file that takes longer than `seconds` ends the process, which says where."""
    faulthandler.register(signal.SIGALRM, all_threads=False, chain=True)
    for file in files:
        signal.alarm(seconds)
        with restored():
            answer = describe_file(file, root)
        signal.alarm(0)
        yield answer


def _end_with(stdin: int) -> None:
    os.read(stdin, 1)
    os._exit(1)


def main() -> None:
    """Answer for each file."""
    _, root, seconds, answers, *files = sys.argv
    del sys.argv[1:]  # A file that reads arguments at import finds none.
    # Nothing is ever written there: it closes when whoever started this process is gone, however that ended.
    threading.Thread(target=_end_with, args=(os.dup(0),), daemon=True).start()
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    with Path(answers).open("w") as lines:
        print(json.dumps("started"), file=lines, flush=True)
        for answer in describe_files(Path(root), int(seconds), files):
            print(json.dumps(answer), file=lines, flush=True)
    os._exit(0)  # Whatever threads a file has started.


if __name__ == "__main__":
    main()
