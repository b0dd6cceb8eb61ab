"""Commands that are waited for to their very end: interrupted, they still put state and locks in order."""

import subprocess
from collections.abc import Sequence
from typing import Any


def run_to_end(command: Sequence[str], **options: Any) -> subprocess.CompletedProcess:
    """`subprocess.run`, but Ctrl-C is left to the command, which the terminal has told as well.

    `subprocess.run` would kill it after a quarter of a second: Terraform would leave its lock, and lose its state.
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
