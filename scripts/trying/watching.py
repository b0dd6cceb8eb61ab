"""Runs a command again and again, each time a file below flows/ changes."""

import subprocess
import sys
import time
from pathlib import Path

from scripts.shared.environments import ROOT

LOOK_SECONDS = 0.3
# What a flow may take to end, once it is told to.
STOP_SECONDS = 10


def watch(command: list[str], folder: Path = ROOT / "flows") -> None:
    """Run the command until Ctrl-C. A change ends a run that is under way."""
    while True:
        seen = changes(folder)
        process = subprocess.Popen(command)
        try:
            while (now := changes(folder)) == seen:
                if process.returncode is None and process.poll() is not None:
                    print(f"\nWaiting for a change below {folder.name}/. Ctrl-C ends.", file=sys.stderr)
                time.sleep(LOOK_SECONDS)
        finally:
            stop(process)
        changed = sorted({path.relative_to(folder.parent) for path, _ in now ^ seen})
        print(f"\nChanged: {', '.join(map(str, changed))}\n", file=sys.stderr)


def changes(folder: Path) -> set[tuple[Path, int]]:
    """Each Python file with its time of change."""
    return {(path, path.stat().st_mtime_ns) for path in folder.rglob("*.py") if path.exists()}


def stop(process: "subprocess.Popen[bytes]") -> None:
    """End the process if it has not ended: by SIGTERM, or else by SIGKILL."""
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
