"""Runs the stack's programs under supervisor (PyPI): its configuration and its control socket."""

import hashlib
import os
import shlex
import subprocess
import sys
import tempfile
from http.client import HTTPException
from pathlib import Path
from typing import Any
from xmlrpc.client import Fault, ServerProxy

import psutil
from supervisor.xmlrpc import SupervisorTransport

from scripts.local_stack.supervisor import processes
from scripts.shared.environments import find_environment
from scripts.shared.local_settings import (
    CA_VARIABLES,
    NETWORK_VARIABLES,
    REPOSITORY,
    LocalSettings,
    no_proxy_here,
    variable,
)

# Started in this order and stopped in reverse: AWS ends its tasks while Prefect still answers them.
PROGRAMS = {
    "prefect": "scripts.local_stack.prefect_server --port {prefect_port} --directory {directory}",
    "snowflake": "scripts.local_stack.snowflake.server --port {snowflake_port}",
    "dbt": "scripts.local_stack.dbt_cloud.server --port {dbt_port} --snowflake-port {snowflake_port}",
    "aws": "scripts.local_stack.aws.server --port {aws_port} --directory {directory} --account-id {account_id}",
}
STOP_SECONDS = {"prefect": 5, "snowflake": 5, "dbt": 5, "aws": 25}
KEPT_VARIABLES = ("HOME", "LANG", "LC_ALL", *CA_VARIABLES, *NETWORK_VARIABLES)
SOCKET_PATH_LIMIT = 100  # macOS allows 103 characters, Linux 107.


def log_folder(settings: LocalSettings) -> Path:
    """Return the folder of the programs' logs."""
    return settings.directory / "logs"


def record_file(settings: LocalSettings) -> Path:
    """Return the file that holds pid and creation time of supervisord and its programs, and the ports."""
    return settings.directory / "stack.json"


def socket_path(settings: LocalSettings) -> Path:
    """Return the path of the control socket: in the directory, or in a private temporary folder if that is too long."""
    preferred = settings.directory / "supervisor.sock"
    if len(str(preferred)) <= SOCKET_PATH_LIMIT:
        return preferred
    name = hashlib.sha256(str(settings.directory).encode()).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"data-flows-{os.getuid()}-{name}" / "supervisor.sock"


def connect(settings: LocalSettings) -> Any | None:
    """Return supervisor's XML-RPC namespace, or None when no supervisord answers."""
    if not socket_path(settings).exists():
        return None
    transport = SupervisorTransport(None, None, serverurl=f"unix://{socket_path(settings)}")
    supervisor: Any = ServerProxy("http://127.0.0.1", transport=transport).supervisor
    try:
        is_running = supervisor.getState()["statename"] == "RUNNING"
    except (OSError, HTTPException, Fault):
        return None
    return supervisor if is_running else None


def spawn(settings: LocalSettings) -> None:
    """Start supervisord in a new session, where this terminal's Ctrl-C does not reach it, and record it."""
    log_folder(settings).mkdir(parents=True, exist_ok=True)
    _private_folder(socket_path(settings).parent)
    configuration = settings.directory / "supervisord.conf"
    configuration.write_text(_configuration(settings))
    with (log_folder(settings) / "supervisord.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "supervisor.supervisord", "--nodaemon", "--configuration", str(configuration)],
            env=_environment(settings),
            cwd=REPOSITORY,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    record = {"ports": settings.ports(), "processes": {"supervisord": processes.identify(process.pid)}}
    processes.write_record(record_file(settings), record)


def record_programs(settings: LocalSettings, supervisor: Any) -> None:
    """Record pid and creation time of each program, to find it when supervisord has died."""
    record = processes.read_record(record_file(settings))
    for program in supervisor.getAllProcessInfo():
        if program["pid"]:
            try:
                record["processes"][program["name"]] = processes.identify(program["pid"])
            except psutil.NoSuchProcess:
                continue
    processes.write_record(record_file(settings), record)


def _environment(settings: LocalSettings) -> dict[str, str]:
    kept = {name: os.environ[name] for name in KEPT_VARIABLES if name in os.environ}
    binaries = Path(sys.executable).parent
    path = f"{binaries}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    own = {"PATH": path, "PYTHONUNBUFFERED": "1", processes.MARK: str(settings.directory)}
    # Not as an argument, which others could read: it may hold a password.
    own[variable("prefect_database")] = settings.prefect_database
    return kept | no_proxy_here() | own


def _configuration(settings: LocalSettings) -> str:
    folder = _escaped(settings.directory)
    text = f"""[supervisord]
nodaemon = true
logfile = /dev/null
logfile_maxbytes = 0
pidfile = {folder}/supervisord.pid

[unix_http_server]
file = {_escaped(socket_path(settings))}
chmod = 0600

[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface
"""
    account_id = find_environment("local").facts["account_id"]
    values = settings.ports() | {"directory": shlex.quote(str(settings.directory)), "account_id": account_id}
    for priority, (name, arguments) in enumerate(PROGRAMS.items(), start=1):
        command = f"{shlex.quote(sys.executable)} -m {arguments.format(**values)}"
        # All but Prefect live in memory: after an automatic restart they would be empty without notice.
        text += f"""
[program:{name}]
command = {_escaped(command)}
directory = {_escaped(REPOSITORY)}
priority = {priority}
autostart = true
autorestart = {"true" if name == "prefect" else "false"}
startsecs = 1
startretries = 0
stopwaitsecs = {STOP_SECONDS[name]}
stopasgroup = true
killasgroup = true
redirect_stderr = true
stdout_logfile = {folder}/logs/{name}.log
stdout_logfile_maxbytes = 20MB
stdout_logfile_backups = 1
"""
    return text


def _escaped(value: object) -> str:
    return str(value).replace("%", "%%")


def _private_folder(folder: Path) -> None:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if folder.stat().st_uid != os.getuid():
        raise PermissionError(f"{folder}: got another user's folder; expected your own")
