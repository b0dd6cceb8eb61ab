"""Runs a command and waits for its end, even after Ctrl-C, so that it can save its state and release its locks."""

import signal
import subprocess
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any


@contextmanager
def held_interrupts() -> Iterator[None]:
    """Ctrl-C raises KeyboardInterrupt only when the block has ended.

    Raised while `subprocess` waits, it can leave a lock of a process taken, and whoever waits again waits for ever.
    """
    is_main = threading.current_thread() is threading.main_thread()  # Only there a signal raises anything.
    if not is_main or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield
        return
    came: list[int] = []
    signal.signal(signal.SIGINT, lambda number, _: came.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if came:
        raise KeyboardInterrupt


def run_to_end(command: Sequence[str], **options: Any) -> subprocess.CompletedProcess[Any]:
    """`subprocess.run`, but on Ctrl-C it waits for the command, which gets the signal from the terminal as well.

    `subprocess.run` would kill the command after a quarter of a second: Terraform would leave its lock behind and lose
    state.
    """
    with held_interrupts(), subprocess.Popen(command, **options) as process:
        output, errors = process.communicate()
    return subprocess.CompletedProcess(command, process.returncode, output, errors)
