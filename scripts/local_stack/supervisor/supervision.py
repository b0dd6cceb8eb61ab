"""Starts, shows and stops the local stack: the embedded AWS, Snowflake, dbt Cloud and Prefect of one directory."""

import fcntl
import os
import secrets
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from typing import Any
from xmlrpc.client import Fault

import psutil

from scripts.local_stack.supervisor import health, ports, processes, supervisord
from scripts.local_stack.supervisor.health import Progress, StackError
from scripts.shared.local_settings import HOST, LocalSettings, variable
from scripts.shared.refusal import Refusal

STOP_SECONDS = 45
LOCK = "stack.lock"  # A directory that holds it is a stack's own.
# What a stack writes into its directory and wipes at a start. Images, plans and reports stay.
OWNED = (
    *("tasks", "prefect", "calls.jsonl", "prefect_auth", "stack.json"),
    *("supervisord.conf", "supervisord.pid", "supervisor.sock"),
    *(f"logs/{name}.log{suffix}" for name in ("supervisord", *supervisord.PROGRAMS) for suffix in ("", ".1")),
)


@dataclass(frozen=True)
class Part:
    """One program of the stack. `state` is supervisor's word (RUNNING, EXITED, FATAL, …) or STOPPED."""

    name: str
    pid: int | None
    state: str
    address: str
    uptime_seconds: float


def start(settings: LocalSettings, on_progress: Progress = print) -> None:
    """Start what does not run and wait until all of it answers; raise StackError or PortTakenError.

    The stack lives in memory: when nothing runs, it begins anew, and the Prefect database, logs and task records of
    the last one are wiped (`images/` stays). Parts that run are left alone. A part that died is started again; the
    AWS and Snowflake are empty then.
    """
    _require_own_directory(settings)
    settings.directory.mkdir(parents=True, exist_ok=True)
    with _locked(settings):
        supervisor = supervisord.connect(settings)
        if supervisor is None:
            _end_leftovers(settings)
            ports.require_free(settings, list(settings.ports()))
            _delete_files(settings)
            _write_auth(settings)
            supervisord.spawn(settings)
            supervisor = health.wait_for_control(settings)
        else:
            _require_same_ports(settings)
            _restart_ended_programs(settings, supervisor, on_progress)
        health.wait_for_health(settings, supervisor, on_progress)
        supervisord.record_programs(settings, supervisor)


def status(settings: LocalSettings) -> list[Part]:
    """Return the state of the programs."""
    supervisor = supervisord.connect(settings)
    known = {program["name"]: program for program in supervisor.getAllProcessInfo()} if supervisor else {}
    record = processes.read_record(supervisord.record_file(settings))
    listening = settings.ports() | record.get("ports", {})
    parts = []
    for name in sorted(supervisord.PROGRAMS):
        program = known.get(name, {})
        pid = program.get("pid") or None
        left = None if known else processes.find_process(record.get("processes", {}).get(name, {}))
        state = program.get("statename") or ("UNSUPERVISED" if left else "STOPPED")
        uptime = max(0.0, time.time() - program["start"]) if pid else 0.0
        address = f"http://{HOST}:{listening[f'{name}_port']}"
        parts.append(Part(name, pid or (left.pid if left else None), state, address, uptime))
    return parts


def stop(settings: LocalSettings, on_progress: Progress = print) -> int:
    """End everything the stack of this directory started, and only that; return how many processes had to be found.

    Works from any state: running, half started, or with supervisord or the AWS killed. Raises StackError when a
    process could not be ended.
    """
    if not settings.directory.is_dir():
        return processes.end(_marked_processes(settings), grace_seconds=10)
    with _locked(settings):
        ended = end_steps(settings)
        supervisor = supervisord.connect(settings)
        if supervisor:
            on_progress("stopping")
            with suppress(OSError, HTTPException, Fault):
                supervisord.record_programs(settings, supervisor)
                supervisor.shutdown()
            psutil.wait_procs(_recorded_processes(settings), timeout=STOP_SECONDS)
        ended += _end_leftovers(settings)
        survivors = [process.pid for process in {*_recorded_processes(settings), *_marked_processes(settings)}]
        if survivors:
            raise StackError("stop", f"got processes {survivors} that did not stop; expected none")
        for path in (supervisord.record_file(settings), supervisord.socket_path(settings), settings.prefect_auth_file):
            path.unlink(missing_ok=True)
        return ended


def end_steps(settings: LocalSettings) -> int:
    """End the steps of a `make up` that was killed, Terraform first of all; return how many processes that were."""
    servers = {
        process.pid for process in [*_recorded_processes(settings), *processes.find_task_processes(settings.tasks)]
    }
    steps = [each for each in processes.find_marked(processes.MARK, str(settings.directory)) if each.pid not in servers]
    return processes.end(steps, grace_seconds=20)


def log_path(settings: LocalSettings, name: str) -> Path:
    """Return the log of `aws`, `snowflake`, `dbt`, `prefect`, `agent` (its newest task) or a task's id.

    The beginning of an id is enough. Raise Refusal with the names there are when there is none or several.
    """
    if name in supervisord.PROGRAMS:
        return supervisord.log_folder(settings) / f"{name}.log"
    if name == "agent":
        records = map(processes.read_record, settings.tasks.glob("*.json"))
        agents = [record for record in records if str(record.get("group", "")).startswith("service:")]
        if agents:
            return settings.tasks / f"{max(agents, key=lambda each: each.get('started_at', ''))['task_id']}.log"
    found = sorted(settings.tasks.glob(f"{name}*.log")) if name and "/" not in name else []
    if len(found) == 1:
        return found[0]
    tasks = ", ".join(path.stem for path in sorted(settings.tasks.glob("*.log"))) or "none yet"
    raise Refusal(f"NAME is {name!r}; expected aws, snowflake, dbt, prefect, agent or the id of a task ({tasks}).")


@contextmanager
def _locked(settings: LocalSettings) -> Iterator[None]:
    with (settings.directory / LOCK).open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            message = f"another start or stop of the stack in {settings.directory} is running; wait for it"
            raise StackError("lock", message) from None
        yield


def _require_own_directory(settings: LocalSettings) -> None:
    foreign = [name for name in OWNED if (settings.directory / name).exists()]
    if foreign and not (settings.directory / LOCK).exists():
        raise Refusal(
            f"{variable('directory')}: got {settings.directory}, which holds files of something else ({foreign[0]}); "
            "expected an empty folder or one of an earlier local stack, because `make up` empties it."
        )


def _delete_files(settings: LocalSettings) -> None:
    for name in OWNED:
        path = settings.directory / name
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def _write_auth(settings: LocalSettings) -> None:
    descriptor = os.open(settings.prefect_auth_file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(f"data-flows:{secrets.token_urlsafe(32)}")


def _require_same_ports(settings: LocalSettings) -> None:
    record = processes.read_record(supervisord.record_file(settings)).get("ports", {})
    changed = [
        f"{variable(name)} is {port}, the running stack has {record[name]}"
        for name, port in settings.ports().items()
        if record.get(name, port) != port
    ]
    if changed:
        raise StackError("ports", f"{'; '.join(changed)}. Run `make down` first, or set the old port.")


def _restart_ended_programs(settings: LocalSettings, supervisor: Any, on_progress: Progress) -> None:
    for program in supervisor.getAllProcessInfo():
        if program["statename"] in ("STOPPED", "EXITED", "FATAL"):
            name = program["name"]
            if name == "aws":
                # The new AWS does not know the tasks of the old one.
                processes.end(_task_processes(settings), grace_seconds=5)
            ports.require_free(settings, [f"{name}_port"])
            on_progress(f"{name} had stopped; starting it again")
            with suppress(Fault):
                supervisor.startProcess(name, False)


def _recorded_processes(settings: LocalSettings) -> list[psutil.Process]:
    known = processes.read_record(supervisord.record_file(settings)).get("processes", {})
    return [process for process in map(processes.find_process, known.values()) if process]


def _task_processes(settings: LocalSettings) -> list[psutil.Process]:
    records = [processes.read_record(path) for path in settings.tasks.glob("*.json")]
    recorded = [
        processes.find_process(record) for record in records if record.get("created") and not record.get("stopped_at")
    ]
    return [process for process in recorded if process] + processes.find_task_processes(settings.tasks)


def _marked_processes(settings: LocalSettings) -> list[psutil.Process]:
    """Return the processes that carry the stack's mark, recorded or not."""
    return [
        *processes.find_marked(processes.MARK, str(settings.directory)),
        *processes.find_task_processes(settings.tasks),
    ]


def _end_leftovers(settings: LocalSettings) -> int:
    # supervisord ends before its programs, and AWS before its tasks: both would start again what they miss.
    ended = processes.end(_recorded_processes(settings), grace_seconds=20)
    ended += processes.end(_marked_processes(settings), grace_seconds=10)
    return ended + processes.end(_task_processes(settings), grace_seconds=10)
