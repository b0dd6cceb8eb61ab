"""Runs a command and waits for its end, even after Ctrl-C, so that it can save its state and release its locks."""

import subprocess
from collections.abc import Sequence
from typing import Any


def run_to_end(command: Sequence[str], **options: Any) -> subprocess.CompletedProcess[Any]:
    """`subprocess.run`, but on Ctrl-C it waits for the command, which gets the signal from the terminal as well.

    `subprocess.run` would kill the command after a quarter of a second: Terraform would leave its lock behind and lose
    state.
    """
    process = subprocess.Popen(command, **options)
    interrupted = False
    while True:
        try:
            output, errors = process.communicate()
            break
        except KeyboardInterrupt:
            interrupted = True
    if interrupted:
        raise KeyboardInterrupt
    return subprocess.CompletedProcess(command, process.returncode, output, errors)
