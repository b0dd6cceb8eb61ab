"""supervisor (PyPI) as the process manager of the stack's three programs: its configuration and its control socket."""

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

from scripts.local_stack.settings import CA_VARIABLES, NETWORK_VARIABLES, REPOSITORY, LocalSettings, no_proxy_here
from scripts.local_stack.supervisor import processes
from scripts.shared.environments import find_environment

# Started in this order and stopped in the reverse one: the AWS ends its tasks while Prefect still answers them.
PROGRAMS = {
    "prefect": "scripts.local_stack.prefect_server --port {prefect_port} --directory {directory}",
    "snowflake": "scripts.local_stack.snowflake.server --port {snowflake_port}",
    "aws": "scripts.local_stack.aws.server --port {aws_port} --directory {directory} --account-id {account_id}",
}
STOP_SECONDS = {"prefect": 5, "snowflake": 5, "aws": 25}
KEPT_VARIABLES = ("HOME", "LANG", "LC_ALL", *CA_VARIABLES, *NETWORK_VARIABLES)
SOCKET_PATH_LIMIT = 100  # macOS allows 103 characters, Linux 107.


def logs(settings: LocalSettings) -> Path:
    """Return the folder of the programs' logs."""
    return settings.directory / "logs"


def record_file(settings: LocalSettings) -> Path:
    """Return the file that holds pid and creation time of supervisord and its programs, and the ports."""
    return settings.directory / "stack.json"


def socket(settings: LocalSettings) -> Path:
    """Return the control socket: in the directory, or in a private temporary one where its path would be too long."""
    preferred = settings.directory / "supervisor.sock"
    if len(str(preferred)) <= SOCKET_PATH_LIMIT:
        return preferred
    name = hashlib.sha256(str(settings.directory).encode()).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"data-flows-{os.getuid()}-{name}" / "supervisor.sock"


def control(settings: LocalSettings) -> Any | None:
    """Return supervisor's XML-RPC namespace, or None when no supervisord answers."""
    if not socket(settings).exists():
        return None
    transport = SupervisorTransport(None, None, serverurl=f"unix://{socket(settings)}")
    supervisor = ServerProxy("http://127.0.0.1", transport=transport).supervisor
    try:
        running = supervisor.getState()["statename"] == "RUNNING"
    except (OSError, HTTPException, Fault):
        return None
    return supervisor if running else None


def spawn(settings: LocalSettings) -> None:
    """Start supervisord in a session of its own, out of reach of this terminal's Ctrl-C, and record it."""
    logs(settings).mkdir(parents=True, exist_ok=True)
    _private_folder(socket(settings).parent)
    configuration = settings.directory / "supervisord.conf"
    configuration.write_text(_configuration(settings))
    with (logs(settings) / "supervisord.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "supervisor.supervisord", "--nodaemon", "--configuration", str(configuration)],
            env=_environment(settings),
            cwd=REPOSITORY,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    record = {"ports": settings.ports(), "processes": {"supervisord": processes.identity(process.pid)}}
    processes.write_record(record_file(settings), record)


def remember(settings: LocalSettings, supervisor: Any) -> None:
    """Record the programs' pids with their creation times, so that they are found when supervisord is gone."""
    record = processes.read_record(record_file(settings))
    for program in supervisor.getAllProcessInfo():
        if program["pid"]:
            try:
                record["processes"][program["name"]] = processes.identity(program["pid"])
            except psutil.NoSuchProcess:
                continue
    processes.write_record(record_file(settings), record)


def _environment(settings: LocalSettings) -> dict[str, str]:
    kept = {name: os.environ[name] for name in KEPT_VARIABLES if name in os.environ}
    binaries = Path(sys.executable).parent
    path = f"{binaries}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    own = {"PATH": path, "PYTHONUNBUFFERED": "1", processes.MARK: str(settings.directory)}
    return kept | no_proxy_here() | own


def _configuration(settings: LocalSettings) -> str:
    folder = _escaped(settings.directory)
    text = f"""[supervisord]
nodaemon = true
logfile = /dev/null
logfile_maxbytes = 0
pidfile = {folder}/supervisord.pid

[unix_http_server]
file = {_escaped(socket(settings))}
chmod = 0600

[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface
"""
    account_id = find_environment("local").facts["account_id"]
    values = settings.ports() | {"directory": shlex.quote(str(settings.directory)), "account_id": account_id}
    for priority, (name, arguments) in enumerate(PROGRAMS.items(), start=1):
        command = f"{shlex.quote(sys.executable)} -m {arguments.format(**values)}"
        # The AWS and Snowflake live in memory: restarted unasked they would be empty, and look alive.
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
        raise PermissionError(f"{folder}: got a folder of another user; expected your own")
