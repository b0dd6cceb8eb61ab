"""What the code says: the deployments of all flow files, imported in a process of their own and remembered."""

import contextlib
import hashlib
import json
import os
import platform
import re
import select
import signal
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from scripts.environments import ROOT
from scripts.registration.closure import Sources, digest_of

START_SECONDS = 180
IMPORT_SECONDS = 60
# What a file may see of the caller: never a credential, so that none decides what is registered.
PASSED_ON = ("HOME", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "PATH", "PREFECT_HOME", "TMPDIR", "TZ")


@dataclass
class Loaded:
    """What the flow files say: deployments in the API's words, and what is wrong, each with its file."""

    deployments: list[dict[str, Any]] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    closures: dict[str, dict[str, str]] = field(default_factory=dict)


def flow_files(root: Path = ROOT) -> list[Path]:
    """Files that must each hold a flow and its `deployments`; flows/shared/ holds what they use."""
    return sorted(path for path in (root / "flows").glob("*.py") if not path.name.startswith("_"))


def load(environment: str, root: Path = ROOT, memory: Path | None = None) -> Loaded:
    """The deployments of every flow file.

    A file whose sources were imported before, with this Python, these libraries and these rules, is not imported again
    but answered from `memory`: importing Prefect takes longer than all else that registration does.
    """
    known, modules = _read(memory)
    before = set(modules)
    sources, loaded, remembered = Sources(root, modules), Loaded(), {}
    files = [path.relative_to(root).as_posix() for path in flow_files(root)]
    keys = {}
    rules = _rules(environment)
    for file in files:
        loaded.closures[file] = sources.closure(file)
        keys[file] = hashlib.sha256(f"{rules} {file} {digest_of(loaded.closures[file])}".encode()).hexdigest()
    fresh = [file for file in files if keys[file] not in known]
    answers = {file: {"deployments": known[keys[file]], "problems": []} for file in files if keys[file] in known}
    answers |= dict(import_all(fresh, environment, root)) if fresh else {}
    for file in files:
        answer = answers[file]
        loaded.problems += [f"{file}: {problem}" for problem in answer["problems"]]
        loaded.deployments += [{"file": file, **deployment} for deployment in answer.get("deployments", [])]
        if not answer["problems"]:
            remembered[keys[file]] = answer["deployments"]
    loaded.problems += _same_names(loaded.deployments)
    if memory and (remembered.keys() != known.keys() or sources.used != before):
        _write(memory, {"deployments": remembered, "modules": {key: modules[key] for key in sources.used}})
    return loaded


def import_all(files: list[str], environment: str, root: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Answers of `importing.py` for each file. One that ends or holds up its process costs that file only."""
    ahead = list(files)
    while ahead:
        with tempfile.TemporaryFile("w+") as errors:
            asked, end = len(ahead), ""
            for answer in _ask(list(ahead), environment, root, errors):
                if isinstance(answer, str):
                    end = answer
                    break
                yield answer.pop("file"), answer
                ahead.pop(0)
            if not ahead:
                return
            errors.seek(0)
            said = errors.read()
        if end == "start" and len(ahead) == asked:
            raise RuntimeError(f"The process that imports flows did not start: {said.strip()[-2000:]}")
        yield ahead[0], {"problems": [_what_ended(end, said, root)]}
        ahead.pop(0)


def _ask(files: list[str], environment: str, root: Path, errors: Any) -> Iterator[Any]:
    """Answers as they come; a string in place of the next one: `start`, `late` or `exit <code>`."""
    shell = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
    shell |= {
        "PYTHONPATH": str(ROOT),
        "DATA_FLOWS_ENVIRONMENT": environment,
        "DO_NOT_TRACK": "1",
        "PREFECT_SERVER_ALLOW_EPHEMERAL_MODE": "false",
        "PREFECT_LOGGING_LEVEL": "CRITICAL",
    }
    # What importing Prefect makes stays: looking for garbage in it only takes time.
    start = "import gc; gc.disable(); from scripts.registration.importing import main; main()"
    command = [sys.executable, "-c", start, str(root), str(IMPORT_SECONDS)]
    process = subprocess.Popen(
        command,
        cwd=root,
        env=shell,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=errors,
        start_new_session=True,
    )
    try:
        with contextlib.suppress(BrokenPipeError):
            process.stdin.write("\n".join(files).encode())
            process.stdin.close()
        lines = _lines(process)
        if next(lines) != "ready":
            yield "start"
            return
        for _ in files:
            line = next(lines)
            if line is None:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(1)
                yield "late" if process.returncode is None else f"exit {process.returncode}"
                return
            yield json.loads(line)
    finally:
        # Its children and threads too.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.stdout.close()
        process.wait()


def _lines(process: subprocess.Popen) -> Iterator[str | None]:
    """Lines of its stdout; None when it has ended or said nothing for too long."""
    buffer, patience = b"", START_SECONDS
    while True:
        deadline = time.monotonic() + patience
        while b"\n" not in buffer:
            left = deadline - time.monotonic()
            ready, _, _ = select.select([process.stdout], [], [], min(1.0, max(0.0, left)))
            got = os.read(process.stdout.fileno(), 1 << 16) if ready else None
            if got == b"" or (got is None and (left <= 0 or process.poll() is not None)):
                yield None
                return
            buffer += got or b""
        line, _, buffer = buffer.partition(b"\n")
        yield line.decode()
        patience = IMPORT_SECONDS + 5


def _what_ended(end: str, said: str, root: Path) -> str:
    """In words, with the line of flows/ it stood at if the process could tell."""
    ours = re.findall(rf'File "{re.escape(str(root))}/(flows/[^"]+)", line (\d+)', said)
    at = f" ({ours[0][0]}:{ours[0][1]})" if ours else ""  # A stack that is dumped begins with its last call.
    if "Timeout" in said or end == "late":
        return f"import took more than {IMPORT_SECONDS} s; expected nothing to run at import{at}."
    return f"import ended the process ({end}); expected nothing to run at import{at}."


def _same_names(deployments: list[dict[str, Any]]) -> Iterator[str]:
    files = defaultdict(list)
    for each in deployments:
        files[f"{each['flow_name']}/{each['name']}"].append(each["file"])
    for name, having in files.items():
        if len(having) > 1:
            where = ", ".join(dict.fromkeys(having))
            yield f"{where}: got {len(having)} deployments named {name}; expected names to differ."


def _rules(environment: str) -> str:
    """Everything but a file's own sources that its answer depends on."""
    digest = hashlib.sha256(f"{environment} {platform.python_version()} {sys.executable}".encode())
    for path in (ROOT / "requirements" / "runtime.txt", Path(__file__), Path(__file__).with_name("importing.py")):
        digest.update(path.read_bytes() if path.exists() else b"")
    return digest.hexdigest()


def _read(memory: Path | None) -> tuple[dict[str, list[dict[str, Any]]], dict[str, list[str]]]:
    """Deployments by file and sources, and imported modules by content, as the last run left them."""
    try:
        content = json.loads(memory.read_text()) if memory else {}
        return content["deployments"], content["modules"]
    except (OSError, ValueError, KeyError, TypeError):
        return {}, {}


def _write(memory: Path, content: dict[str, Any]) -> None:
    """Whole or not at all, and not where nothing can be written, as in the image."""
    with contextlib.suppress(OSError):
        memory.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile("w", dir=memory.parent, prefix=memory.name, delete=False) as file:
            json.dump(content, file)
        Path(file.name).replace(memory)
