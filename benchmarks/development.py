"""The table of docs/development.md: seconds from Enter, on the running local stack.

    .venv/bin/python -m benchmarks.development --repeated 5
    .venv/bin/python -m benchmarks.development --add 'pydantic>=2'    # also measures `make add`, which needs the index

A flow of its own is written below flows/, and edited before each try and each run. Exit code 1: a median is above its
bound.
"""

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable

from scripts.shared.command import command_parser, run_command
from scripts.shared.environments import ROOT

FLOW = "benchmark_line"
FILE = ROOT / "flows" / f"{FLOW}.py"
SOURCE = '''"""A flow of the benchmark."""

from prefect import flow


@flow
def benchmark_line() -> None:
    """Print a line at once."""
    print("line {number}")


deployments = [benchmark_line.to_deployment(name="by_hand", tags=["owner:benchmarks"])]
'''


def seconds(target: str, *variables: str, line: str = "") -> tuple[float, float]:
    """Until a line holds the text, and until `make` ends.

    Raises:
        RuntimeError: it failed, or the line did not come.
    """
    start, first = time.monotonic(), 0.0
    command, said = ["make", target, *variables], ""
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        assert process.stdout
        for each in process.stdout:
            said += each
            if line and not first and line in each:
                first = time.monotonic() - start
    if process.returncode or (line and not first):
        raise RuntimeError(f"make {target} ended with {process.returncode}:\n{said}")
    return first, time.monotonic() - start


class Edits:
    """The flow's file, changed before each measurement."""

    number = 0

    def tried(self) -> tuple[float, float]:
        """Edit and try."""
        return self._edited("try")

    def run(self) -> tuple[float, float]:
        """Edit and run through the agent."""
        return self._edited("run")

    def _edited(self, target: str) -> tuple[float, float]:
        self.number += 1
        FILE.write_text(SOURCE.replace("{number}", str(self.number)))
        # A try shows what the flow prints in Prefect's log, which has the flow's name and run before it.
        return seconds(target, f"FLOW={FLOW}", line=f"line {self.number}")


def measure(title: str, bound: float, repeated: int, once: Callable[[], tuple[float, float]]) -> bool:
    """Print a row; returns whether its median is within the bound, which holds for the first line if there is one."""
    first, whole = zip(*(once() for _ in range(repeated)), strict=True)
    shown = f"{statistics.median(first):.1f}" if any(first) else ""
    print(f"| {title} | {shown} | {statistics.median(whole):.1f} | {bound:.0f} |", flush=True)
    return bool(statistics.median(first if any(first) else whole) <= bound)


def main() -> int:
    """Print the table."""
    parser = command_parser(__doc__)
    parser.add_argument("--repeated", type=int, default=5, metavar="N", help="medians of how many")
    parser.add_argument("--add", default="", metavar="PKG", help="library that is added and removed again")
    given = parser.parse_args()
    edits, within = Edits(), []
    try:
        edits.run()  # Registers it: the others measure an edit.
        print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, medians of {given.repeated}\n")
        print("| command | first line of the flow | whole command | bound |\n|---|---|---|---|")
        for title, bound, once in (
            ("`make try` after an edit", 6, edits.tried),
            ("`make run` after an edit, through the agent", 15, edits.run),
            ("`make flows`", 5, lambda: seconds("flows")),
            ("`make logs`", 5, lambda: seconds("logs", f"FLOW={FLOW}")),
            ("`make sql`", 10, lambda: seconds("sql", "SQL=select 1")),
            ("`make doctor`", 10, lambda: seconds("doctor")),
            ("`make env`", 5, lambda: seconds("env")),
        ):
            within.append(measure(title, bound, given.repeated, once))
    finally:
        FILE.unlink(missing_ok=True)
        subprocess.run([sys.executable, "-m", "scripts.register_flows", "--env", "local"], cwd=ROOT, check=True)
    if given.add:
        within.append(measure("`make add`", 30, 1, lambda: seconds("add", f"PKG={given.add}")))
        seconds("remove", f"PKG={given.add.partition('>')[0]}")
    print(f"load {os.getloadavg()[0]:.1f}")
    return 0 if all(within) else 1


if __name__ == "__main__":
    run_command(main)
