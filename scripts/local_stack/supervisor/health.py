"""Waits until the programs of the stack answer, and reports why one of them does not."""

import socket
import time
from collections.abc import Callable
from http.client import HTTPException
from pathlib import Path
from typing import Any
from xmlrpc.client import Fault

import httpx
from tenacity import RetryError, Retrying, retry_if_result, stop_after_delay, wait_fixed

from scripts.local_stack.supervisor import processes, supervisord
from scripts.shared.local_settings import HOST, LocalSettings
from scripts.shared.refusal import Refusal

Progress = Callable[[str], None]
START_SECONDS = 600  # On a machine with much else to do; whatever ends before is told at once.


class StackError(Refusal):
    """A part of the stack did not start or stop. `log` is the path to the rest of `last_lines`."""

    def __init__(self, name: str, message: str, last_lines: str = "", log: Path | None = None) -> None:
        self.name, self.last_lines, self.log = name, last_lines, log
        rest = f"\n{last_lines}\nThe whole log: {log}" if log else ""
        super().__init__(f"{name}: {message}{rest}", exit_code=1)


def wait_for_control(settings: LocalSettings) -> Any:
    """Return the control of a supervisord that was just started; raise StackError."""

    def look() -> Any:
        if control := supervisord.connect(settings):
            return control
        record = processes.read_record(supervisord.record_file(settings))
        if not processes.find_process(record["processes"]["supervisord"]):
            raise _failure(settings, "supervisord", "stopped while it was starting")
        return None

    try:
        return Retrying(
            retry=retry_if_result(lambda control: control is None),
            stop=stop_after_delay(START_SECONDS),
            wait=wait_fixed(0.1),
        )(look)
    except RetryError:
        raise _failure(settings, "supervisord", f"did not answer within {START_SECONDS} s") from None


def wait_for_health(settings: LocalSettings, supervisor: Any, on_progress: Progress) -> None:
    """Wait until every program answers; raise StackError as soon as one of them has ended."""
    began, waiting = time.monotonic(), set(supervisord.PROGRAMS)
    pids: dict[str, int] = {}

    def look() -> bool:
        for program in supervisor.getAllProcessInfo():
            name, state = program["name"], program["statename"]
            again = program["pid"] and pids.setdefault(name, program["pid"]) != program["pid"]
            if state in ("EXITED", "FATAL", "BACKOFF") or again:
                raise _failure(settings, name, f"stopped while it was starting ({program['spawnerr'] or state})")
            if name in waiting and state == "RUNNING" and _is_answering(settings, name):
                waiting.remove(name)
                on_progress(f"{name} answers after {time.monotonic() - began:.0f} s")
        # Every time, so that a stop finds them however this ends.
        supervisord.record_programs(settings, supervisor)
        return not waiting

    try:
        Retrying(
            retry=retry_if_result(lambda done: not done), stop=stop_after_delay(START_SECONDS), wait=wait_fixed(0.3)
        )(look)
    except RetryError:
        raise _failure(settings, min(waiting), f"did not answer within {START_SECONDS} s") from None
    except (OSError, HTTPException, Fault) as error:
        raise _failure(settings, "supervisord", f"ended while the stack started ({error!r})") from None


def _is_answering(settings: LocalSettings, name: str) -> bool:
    if name == "snowflake":
        with socket.socket() as probe:
            probe.settimeout(1)
            return probe.connect_ex((HOST, settings.snowflake_port)) == 0
    urls = {
        "aws": f"{settings.aws_endpoint_url}/_fargate/health",
        "dbt": f"{settings.dbt_url}/_embedded/health",
        "prefect": f"{settings.prefect_api_url}/health",
    }
    try:
        return httpx.get(urls[name], timeout=5, trust_env=False).status_code == httpx.codes.OK
    except httpx.HTTPError:
        return False


def _failure(settings: LocalSettings, name: str, message: str) -> StackError:
    log = supervisord.log_folder(settings) / f"{name}.log"
    lines = log.read_text(errors="replace").splitlines()[-20:] if log.exists() else []
    return StackError(name, message, "\n".join(lines), log)
