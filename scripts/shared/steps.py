"""Runs a long job as numbered steps, each a command with a log, and shows progress and time on the terminal."""

import os
import re
import subprocess
import time
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from scripts.shared.child import held_interrupts
from scripts.shared.environments import ROOT
from scripts.shared.refusal import Refusal

LINES_ON_FAILURE = 25
POLL_SECONDS = 0.2


def last_line(log: Path) -> str:
    """The last line of a log that is not blank, or an empty string."""
    lines = [line for line in log.read_text(errors="replace").splitlines() if line.strip()]
    return lines[-1].strip() if lines else ""


class Steps:
    """Runs commands one after the other; by convention the last line of a command's output is its summary."""

    def __init__(self, logs: Path) -> None:
        self.console = Console(highlight=False, soft_wrap=True)
        self.done = 0
        self.logs = logs
        logs.mkdir(parents=True, exist_ok=True)

    def run(self, title: str, *command: str, env: dict[str, str] | None = None) -> str:
        """Run one step to its end and return its summary.

        Raises:
            Refusal: the command failed; with its name, the end of its log and where the rest is (exit code 1).
        """
        self.done += 1
        name = f"{self.done} {title}"
        slug = re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")
        log = self.logs / f"{self.done}-{slug}.log"
        start = time.monotonic()
        # Buffered, what a command printed last would be missing while it runs, and stand below its error in the end.
        env = {**(env or os.environ), "PYTHONUNBUFFERED": "1"}
        # The terminal sends Ctrl-C to the command as well, which saves its state then, however often it is pressed.
        with held_interrupts():
            with log.open("w") as output:
                process = subprocess.Popen(command, cwd=ROOT, stdout=output, stderr=subprocess.STDOUT, env=env)
            code = self._watch(process, name, log, start)
        took = f"{time.monotonic() - start:.1f} s"
        if code:
            self.console.print(f"[red]✗[/] {name:<42} {took:>8}")
            end = "\n".join(log.read_text(errors="replace").splitlines()[-LINES_ON_FAILURE:])
            raise Refusal(
                f"\n{end}\n\nStep {name} failed with exit code {code}. The whole log is {display_path(log)}.", 1
            )
        summary = last_line(log)
        self.console.print(f"[green]✓[/] {name:<42} {took:>8}   {escape(summary)}")
        return summary

    def _watch(self, process: subprocess.Popen[bytes], name: str, log: Path, start: float) -> int:
        """Show the command's last line and the time until it ends; returns its exit code."""
        if not self.console.is_terminal:
            self.console.print(f"· {name}")
        with self.console.status(name) as status:
            while process.poll() is None:
                status.update(f"{name}  {time.monotonic() - start:.0f} s  [dim]{escape(last_line(log)[:90])}[/]")
                time.sleep(POLL_SECONDS)
        return process.returncode


def display_path(path: Path) -> str:
    """A path as the user types it in the repository's folder."""
    return str(path.relative_to(ROOT)) if path.is_relative_to(ROOT) else str(path)
