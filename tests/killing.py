"""Kills a command at a chosen moment: what it did until then must be enough for whoever runs it again."""

import os
import signal
import subprocess
import time


def killed_after(seconds: float | None, command: list[str]) -> float:
    """Start the command and kill it so long after its first line, or let it end; returns how long it ran since."""
    with subprocess.Popen(command, env=os.environ, stdout=subprocess.PIPE) as process:
        assert process.stdout
        process.stdout.readline()
        started = time.monotonic()
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
    assert process.returncode in (0, -signal.SIGKILL)
    return time.monotonic() - started
