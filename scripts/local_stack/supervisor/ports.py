"""Checks that ports are free, and names the process that uses one."""

import socket
from contextlib import suppress

import psutil

from scripts.shared.local_settings import HOST, LocalSettings, variable
from scripts.shared.refusal import Refusal


class PortTakenError(Refusal):
    """A port of the stack is held by another process."""


def is_free(port: int) -> bool:
    """Return whether this machine's loopback address can be bound at `port`."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def holder(port: int) -> psutil.Process | None:
    """Return the process that listens at `port`, or None when this user may not see it."""
    for process in psutil.process_iter():
        try:
            for connection in process.net_connections(kind="tcp"):
                if connection.status == psutil.CONN_LISTEN and connection.laddr.port == port:
                    return process
        except psutil.Error:
            continue
    return None


def require_free(settings: LocalSettings, names: list[str]) -> None:
    """Raise PortTakenError with one sentence per taken port of `names` (such as `aws_port`)."""
    taken = [_sentence(name, settings.ports()[name]) for name in names if not is_free(settings.ports()[name])]
    if taken:
        raise PortTakenError("\n".join(taken))


def _sentence(name: str, port: int) -> str:
    process = holder(port)
    who = f"pid {process.pid}" if process else "a process that you cannot see"
    if process:
        with suppress(psutil.Error):
            who += f" ({' '.join(' '.join(process.cmdline()).split())[:120]})"
    return f"Port {port} is used by {who}; stop it, or choose another port with {variable(name)}=<port>."
