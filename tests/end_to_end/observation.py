"""What the end-to-end tests see of the machine."""

import os

import psutil


def processes_of(directory):
    """Command lines of the processes that have the stack's folder in their command line or environment."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.pid != os.getpid() and (
                directory in " ".join(process.cmdline())
                or any(directory in value for value in process.environ().values())
            ):
                found.append(process.cmdline())
        except psutil.Error:
            continue
    return found
