"""Seconds from Enter to the first line of a flow's own code, and to the end, on the running local stack.

    .venv/bin/python -m benchmarks.development daily_orders

The flow is one that logs or prints at once. Medians of five. Then the seconds of the commands that take none.
"""

import os
import shlex
import statistics
import subprocess
import sys
import time

from scripts.shared.command import command_parser, run_command
from scripts.shared.environments import ROOT

REPEATED = 5
# What Prefect says last before it calls the flow.
CALLED = "View at"
# Without a flow.
OTHERS = [["make", "sql", "SQL=select 1"], ["make", "-s", "env"], ["make", "doctor"], ["make"]]
COMMANDS = {"make try": "scripts.try_flow", "make run, through the agent": "scripts.run_flow"}


def measure(module: str, flow: str) -> tuple[float, float]:
    """Seconds to the flow's first line and to the end of the command."""
    start, first = time.monotonic(), 0.0
    command = [sys.executable, "-m", module, flow]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        assert process.stdout
        for line in process.stdout:
            if not first and (CALLED in line or "Beginning flow run" in line):
                first = time.monotonic() - start
    return first, time.monotonic() - start


def seconds(command: list[str]) -> float:
    """Seconds to the end of a command."""
    start = time.monotonic()
    subprocess.run(command, cwd=ROOT, stdout=subprocess.DEVNULL, check=True)
    return time.monotonic() - start


def main() -> None:
    """Print the table of docs/development.md."""
    parser = command_parser(__doc__)
    parser.add_argument("flow")
    flow = parser.parse_args().flow
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}\n")
    print("| command | first line of the flow, s | whole command, s |\n|---|---|---|")
    for title, module in COMMANDS.items():
        first, whole = zip(*(measure(module, flow) for _ in range(REPEATED)), strict=True)
        print(f"| {title} | {statistics.median(first):.1f} | {statistics.median(whole):.1f} |")
    print("\n| command | seconds |\n|---|---|")
    for command in OTHERS:
        print(f"| `{shlex.join(command)}` | {statistics.median(seconds(command) for _ in range(REPEATED)):.1f} |")


if __name__ == "__main__":
    run_command(main)
