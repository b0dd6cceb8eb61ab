"""The process that imports flow files: started at once, bounded, and started again when a file ends it."""

import contextlib
import json
import os
import re
import select
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import IO, Any

from scripts.shared.environments import ROOT

START_SECONDS = 180
IMPORT_SECONDS = 60
# What a file may see of the caller: never a credential, so that none decides what is registered.
PASSED_ON = ("HOME", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "PATH", "PREFECT_HOME", "TMPDIR", "TZ")
# What importing Prefect makes stays, so looking for garbage in it only takes time; and as nobody reads what is logged
# there, neither does it need handlers, 0.05 s.
START = """
import gc
gc.disable()
from prefect.logging import configuration
configuration.setup_logging = dict
from scripts.registration.importing import main
main()
"""


class Imports:
    """Answers of `importing.py` for flow files. One that ends or holds up its process costs that file only."""

    def __init__(self, files: list[str], environment: str, root: Path) -> None:
        self._ahead, self._environment, self._root = list(files), environment, root
        self._errors: IO[str] | None = None
        self._process: subprocess.Popen | None = None
        self._is_stopped = False
        if files:
            self._start()

    def answers(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Each file with its deployments or what is wrong with it, in the order given; none once it is stopped."""
        while self._ahead and not self._is_stopped:
            if self._process is None:
                self._start()
            asked, end = len(self._ahead), ""
            for answer in self._ask():
                if isinstance(answer, str):
                    end = answer
                    break
                yield answer.pop("file"), answer
                self._ahead.pop(0)
            if not self._ahead or self._is_stopped:
                break
            self._errors.seek(0)
            said = self._errors.read()
            self._end()
            if end == "start" and len(self._ahead) == asked:
                raise RuntimeError(f"The process that imports flows did not start: {said.strip()[-2000:]}")
            yield self._ahead.pop(0), {"problems": [_what_ended(end, said, self._root)]}

    def stop(self) -> None:
        """End what is under way; from any thread."""
        self._is_stopped = True
        self._end()

    def _start(self) -> None:
        shell = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
        shell |= {
            "PYTHONPATH": str(ROOT),
            "PREFECT_PROFILES_PATH": os.devnull,  # None names a server: a flow that is called at import fails.
            "DATA_FLOWS_ENVIRONMENT": self._environment,
            "DO_NOT_TRACK": "1",
            "PREFECT_SERVER_ALLOW_EPHEMERAL_MODE": "false",
            "PREFECT_LOGGING_LEVEL": "CRITICAL",
            # No certificates, which importing Prefect reads twice: nothing may reach a network at import.
            "SSL_CERT_DIR": os.devnull,
            "PYDANTIC_DISABLE_PLUGINS": "1",  # It would look for some in every library there is.
        } | ({"PYTHONTZPATH": ""} if find_spec("tzdata") else {})  # See prefect_server.py of the local stack.
        command = [sys.executable, "-c", START, str(self._root), str(IMPORT_SECONDS)]
        self._errors = tempfile.TemporaryFile("w+", errors="replace")  # noqa: SIM115 - closed by _end.
        names = tempfile.TemporaryFile("w+")  # noqa: SIM115 - the process keeps it open; a pipe might be full.
        names.write("\n".join(self._ahead))
        names.seek(0)
        self._process = subprocess.Popen(
            command,
            cwd=self._root,
            env=shell,
            stdin=names,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            start_new_session=True,
        )
        names.close()

    def _ask(self) -> Iterator[Any]:
        """Answers as they come; a string in place of the next one: `start`, `late` or `exit <code>`."""
        process = self._process
        lines = _lines(process)
        if next(lines) != "ready":
            yield "start"
            return
        for _ in list(self._ahead):
            line = next(lines)
            if line is None:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(1)
                yield "late" if process.returncode is None else f"exit {process.returncode}"
                return
            yield json.loads(line)

    def _end(self) -> None:
        """End the process, its children and threads too."""
        process, self._process = self._process, None
        if process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        process.stdout.close()
        self._errors.close()


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
