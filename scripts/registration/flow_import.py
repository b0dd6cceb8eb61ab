"""All flow files imported anew, in a process of their own, whatever they do there: what deployments they hold."""

import ast
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Self

from scripts.registration.flow_libraries import library_problems
from scripts.shared.environments import ROOT
from scripts.shared.flow_files import flow_files, parse, syntax_problem
from scripts.shared.refusal import Refusal

IMPORT_SECONDS = 60
# What a flow file sees of the caller's variables: no credential, so that none decides what is registered.
PASSED_ON = ("HOME", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "PATH", "PREFECT_HOME", "TMPDIR", "TZ")


@dataclass(frozen=True)
class Imported:
    """What the flow files hold: deployments in the API's words, each with its `file`, and what is wrong.

    `data`: the data sets (`landing`: name, schema, table), exports and pushes (name, query) that they hold or import.
    """

    deployments: list[dict[str, Any]]
    problems: list[str]
    broken: frozenset[str] = frozenset()  # Files that are wrong, or import something that is.
    data: tuple[dict[str, str], ...] = ()

    def with_problems(self, more: list[str]) -> "Imported":
        """The same with more problems, each of which begins with its files."""
        broken = self.broken | _named(more, self.deployments)
        return Imported(self.deployments, [*self.problems, *more], broken, self.data)


class FlowImport:
    """The import of all flow files below `root`; it begins at once. Leaving the context ends it."""

    def __init__(self, environment: str, root: Path = ROOT) -> None:
        self._environment, self._root = environment, root
        self._files = [path.relative_to(root).as_posix() for path in flow_files(root)]
        self._folder = tempfile.TemporaryDirectory(prefix="flow-import-")
        self._answers, self._errors = Path(self._folder.name, "answers"), Path(self._folder.name, "errors")
        self._process = self._start(self._files)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self._end()
        self._folder.cleanup()

    def result(self) -> Imported:
        """Wait for it, and read the sources meanwhile.

        A file that ends the process or takes too long costs itself; the others get a new process.

        Raises:
            Refusal: the process that imports them does not start.
        """
        answers: list[dict[str, list[Any]]] = []
        sources = source_problems(self._root)
        while True:
            while self._process.poll() is None:
                time.sleep(0.02)  # Where polars is imported, Ctrl-C does not end a wait of the system's.
            self._end()
            lines = self._answers.read_text().splitlines(keepends=True) if self._answers.exists() else []
            if not lines:
                raise Refusal(f"The process that imports flows did not start: {self._errors.read_text()[-2000:]}")
            answers += [json.loads(line) for line in lines[1:] if line.endswith("\n")]
            if len(answers) < len(self._files):
                answers.append({"deployments": [], "problems": [self._what_ended_it(self._files[len(answers)])]})
            if len(answers) == len(self._files):
                return combine_answers(dict(zip(self._files, answers, strict=True)), sources)
            self._answers.unlink()
            self._process = self._start(self._files[len(answers) :])

    def sound_result(self) -> Imported:
        """The result in which nothing is wrong.

        Raises:
            Refusal: with everything that is.
        """
        imported = self.result()
        if imported.problems:
            raise Refusal("\n".join(imported.problems), 1)
        return imported

    def _start(self, files: list[str]) -> subprocess.Popen[bytes]:
        variables = {name: os.environ[name] for name in PASSED_ON if name in os.environ} | {
            "PYTHONPATH": str(ROOT),
            "PYTHONDONTWRITEBYTECODE": "1",  # A file that is changed twice a second would be imported as it was first.
            "DATA_FLOWS_ENVIRONMENT": self._environment,
            "DO_NOT_TRACK": "1",
            # No profile names a server and none is started: a flow that is called at import fails.
            "PREFECT_PROFILES_PATH": os.devnull,
            "PREFECT_SERVER_ALLOW_EPHEMERAL_MODE": "false",
            "PREFECT_LOGGING_LEVEL": "CRITICAL",
        }
        if find_spec("tzdata"):
            variables["PYTHONTZPATH"] = ""  # Prefect lists all zones for each schedule: 8 ms in the system's folders.
        module = "scripts.registration.flow_description"
        with self._errors.open("w") as errors:
            return subprocess.Popen(
                [sys.executable, "-m", module, str(self._root), str(IMPORT_SECONDS), str(self._answers), *files],
                cwd=self._root,
                env=variables,
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=errors,
                start_new_session=True,
            )

    def _end(self) -> None:
        """End the process, and what its files have started."""
        if self._process.stdin and not self._process.stdin.closed:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.communicate()

    def _what_ended_it(self, file: str) -> str:
        """In words, with the line of flows/ it stood at if the process could tell."""
        code = self._process.returncode
        what = f"took more than {IMPORT_SECONDS} s" if code == -signal.SIGALRM else f"ended the process (exit {code})"
        said = self._errors.read_text(errors="replace")
        ours = re.findall(rf'File "{re.escape(str(self._root))}/(flows/[^"]+)", line (\d+)', said)
        at = f" ({ours[0][0]}:{ours[0][1]})" if ours else ""  # A stack that is dumped begins with its last call.
        return f"{file}: import {what}; expected nothing to run at import{at}."


def source_problems(root: Path) -> list[str]:
    """What the sources below `root` tell unrun: no Python, libraries that the image lacks, rights, what is shared."""
    # Imported only now: the flows are being imported meanwhile.
    from scripts.gate.permissions import flow_permissions
    from scripts.registration.limits import read_limits
    from scripts.shared import flow_secrets

    problems = [*library_problems(root), *_flows_among_shared(root), *read_limits(root)[1]]
    for declared in (flow_permissions.declared, flow_secrets.declared):
        try:
            declared(root)
        except Refusal as refusal:
            problems += str(refusal).splitlines()
    return problems


def combine_answers(answers: dict[str, dict[str, list[Any]]], sources: list[str]) -> Imported:
    """What the import said of each file, what the sources told, and names that collide."""
    deployments = [{"file": file, **each} for file, answer in answers.items() for each in answer["deployments"]]
    told = [problem for answer in answers.values() for problem in answer["problems"]]
    failed = frozenset(file for file, answer in answers.items() if answer["problems"])
    # A broken file that several import is told by each of them, and by its source.
    problems = [*dict.fromkeys([*told, *sources, *_same_names(deployments)])]
    data = {json.dumps(each): each for answer in answers.values() for each in answer.get("data", [])}
    return Imported(deployments, problems, failed | _named(problems, deployments), tuple(data.values()))


def _named(problems: list[str], deployments: list[dict[str, Any]]) -> frozenset[str]:
    """Files of deployments that the problems name."""
    return frozenset(each["file"] for each in deployments if any(f"{each['file']}:" in told for told in problems))


def _same_names(deployments: list[dict[str, Any]]) -> Iterator[str]:
    flows, names = defaultdict(list), defaultdict(list)
    for each in deployments:
        flows[each["flow_name"]].append(each)
        names[f"{each['flow_name']}/{each['name']}"].append(each)
    for flow, having in flows.items():
        first = {each["entrypoint"]: each for each in reversed(having)}
        if len(first) > 1:
            where = _where(list(first.values())[::-1])
            yield f"{where}: got {len(first)} flows named {flow}; expected names to differ: @flow(name=…)."
    for name, having in names.items():
        if len(having) > 1 and len({each["entrypoint"] for each in having}) == 1:
            yield f"{_where(having)}: got {len(having)} deployments named {name}; expected names to differ."


def _where(having: list[dict[str, Any]]) -> str:
    return ", ".join(dict.fromkeys(f"{each['file']}:{each['line']}" for each in having))


def _flows_among_shared(root: Path) -> Iterator[str]:
    """Files of flows/shared/ that hold deployments, which nobody would register."""
    for path in sorted((root / "flows" / "shared").rglob("*.py")):
        try:
            body = parse(path).body
        except SyntaxError as error:
            yield syntax_problem(error, root)
            continue
        for node in body:
            targets = getattr(node, "targets", [getattr(node, "target", None)])
            if any(isinstance(each, ast.Name) and each.id == "deployments" for each in targets):
                file = path.relative_to(root).as_posix()
                yield (
                    f"{file}:{node.lineno}: got `deployments` in flows/shared/; expected no flow there: "
                    "move it elsewhere in flows/."
                )
