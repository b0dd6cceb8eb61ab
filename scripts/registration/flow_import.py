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

from scripts.shared.environments import ROOT
from scripts.shared.flow_files import flow_files

IMPORT_SECONDS = 60
# What a flow file sees of the caller's variables: no credential, so that none decides what is registered.
PASSED_ON = ("HOME", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "PATH", "PREFECT_HOME", "TMPDIR", "TZ")


@dataclass(frozen=True)
class Imported:
    """What the flow files hold: deployments in the API's words, each with its `file`, and what is wrong."""

    deployments: list[dict[str, Any]]
    problems: list[str]


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
        """Wait for it. A file that ends the process or takes too long costs itself; the others get a new process."""
        answers: list[dict[str, list[Any]]] = []
        while True:
            while self._process.poll() is None:
                time.sleep(0.02)  # Where polars is imported, Ctrl-C does not end a wait of the system's.
            self._end()
            lines = self._answers.read_text().splitlines(keepends=True) if self._answers.exists() else []
            if not lines:
                raise RuntimeError(f"The process that imports flows did not start: {self._errors.read_text()[-2000:]}")
            answers += [json.loads(line) for line in lines[1:] if line.endswith("\n")]
            if len(answers) < len(self._files):
                answers.append({"deployments": [], "problems": [self._what_ended_it()]})
            if len(answers) == len(self._files):
                return combine_answers(self._root, dict(zip(self._files, answers, strict=True)))
            self._answers.unlink()
            self._process = self._start(self._files[len(answers) :])

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

    def _what_ended_it(self) -> str:
        """In words, with the line of flows/ it stood at if the process could tell."""
        code = self._process.returncode
        what = f"took more than {IMPORT_SECONDS} s" if code == -signal.SIGALRM else f"ended the process (exit {code})"
        said = self._errors.read_text(errors="replace")
        ours = re.findall(rf'File "{re.escape(str(self._root))}/(flows/[^"]+)", line (\d+)', said)
        at = f" ({ours[0][0]}:{ours[0][1]})" if ours else ""  # A stack that is dumped begins with its last call.
        return f"import {what}; expected nothing to run at import{at}."


def combine_answers(root: Path, answers: dict[str, dict[str, list[Any]]]) -> Imported:
    deployments = [{"file": file, **each} for file, answer in answers.items() for each in answer["deployments"]]
    problems = [f"{file}: {problem}" for file, answer in answers.items() for problem in answer["problems"]]
    return Imported(deployments, [*problems, *_same_names(deployments), *_flows_among_shared(root)])


def _same_names(deployments: list[dict[str, Any]]) -> Iterator[str]:
    files = defaultdict(list)
    for each in deployments:
        files[f"{each['flow_name']}/{each['name']}"].append(each["file"])
    for name, having in files.items():
        if len(having) > 1:
            where = ", ".join(dict.fromkeys(having))
            yield f"{where}: got {len(having)} deployments named {name}; expected names to differ."


def _flows_among_shared(root: Path) -> Iterator[str]:
    """Files of flows/shared/ that hold deployments, which nobody would register."""
    for path in sorted((root / "flows" / "shared").rglob("*.py")):
        try:
            body = ast.parse(path.read_bytes()).body
        except (SyntaxError, ValueError):
            continue  # A flow that imports it says so.
        targets = [each for node in body for each in getattr(node, "targets", [getattr(node, "target", None)])]
        if any(isinstance(each, ast.Name) and each.id == "deployments" for each in targets):
            file = path.relative_to(root).as_posix()
            yield f"{file}: got `deployments` in flows/shared/; expected no flow there: move it elsewhere in flows/."
