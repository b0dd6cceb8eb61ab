"""Runs of jobs: one at a time for each job, in the steps that dbt Cloud shows, with the artifacts that they leave."""

import itertools
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from scripts.local_stack.dbt_cloud.building import GOOD, Warehouse, build, run_results
from scripts.local_stack.dbt_cloud.projects import CompilationError, read_nodes

QUEUED, STARTING, RUNNING, SUCCESS, ERROR, CANCELLED = 1, 2, 3, 10, 20, 30
WORDS = {1: "Queued", 2: "Starting", 3: "Running", 10: "Success", 20: "Error", 30: "Cancelled"}
BEFORE = ("Clone git repository", "Create profile from connection Snowflake", "Invoke dbt with `dbt deps`")
FIRST_ID = 70_403_100_000_001  # As long as dbt Cloud's are.


@dataclass
class Run:
    """One run. `retries` is the run that it takes up where that failed."""

    id: int
    job_id: int
    folder: Path
    cause: str
    retries: "Run | None" = None
    status: int = QUEUED
    status_message: str | None = None
    steps: list[dict[str, Any]] = field(default_factory=list)
    artifacts: dict[int, dict[str, Any]] = field(default_factory=dict)
    created: datetime = field(default_factory=lambda: datetime.now(UTC))
    finished: datetime | None = None
    cancelled: threading.Event = field(default_factory=threading.Event)

    @property
    def is_over(self) -> bool:
        return self.status in (SUCCESS, ERROR, CANCELLED)

    def results(self) -> list[dict[str, Any]]:
        """Of all its steps."""
        return [each for file in self.artifacts.values() for each in file["results"]]


class Runs:
    """All runs so far, oldest first, of the account that `warehouse` builds in."""

    def __init__(self, warehouse: Callable[[], Warehouse], seconds: Callable[[Path], float]) -> None:
        self.warehouse, self.seconds = warehouse, seconds
        self.known: dict[int, Run] = {}
        self._ids = itertools.count(FIRST_ID)
        self._turns: dict[int, threading.Lock] = {}
        self._lock = threading.Lock()

    def queue(self, job_id: int, folder: Path, cause: str, retries: Run | None = None) -> Run:
        """Add a run, which is to be started."""
        with self._lock:
            run = Run(next(self._ids), job_id, folder, cause, retries)
            self.known[run.id] = run
        return run

    def start(self, run: Run) -> None:
        """Let a run begin as soon as no other of its job is under way."""
        turn = self._turns.setdefault(run.job_id, threading.Lock())
        threading.Thread(target=self._wait_and_execute, args=(run, turn), daemon=True).start()

    def newest(self, job_id: int) -> Run | None:
        """The job's last run."""
        return next((run for run in reversed(self.known.values()) if run.job_id == job_id), None)

    def why_not_retried(self, run: Run) -> str | None:
        """Return dbt Cloud's word for why a run cannot be taken up where it failed, or None if it can."""
        if run.status != ERROR:
            return "RETRY_NOT_FAILED_RUN"
        if self.newest(run.job_id) is not run:
            return "RETRY_NOT_LATEST_RUN"
        return None if run.results() else "RETRY_NO_RUN_RESULTS"

    def _wait_and_execute(self, run: Run, turn: threading.Lock) -> None:
        while not turn.acquire(timeout=0.1):
            if run.cancelled.is_set():
                return _end(run, CANCELLED)
        try:
            _end(run, self._execute(run))
        except Exception as error:  # Told as dbt Cloud's own failure; the server goes on.
            _end(run, ERROR, f"This run failed inside the embedded dbt Cloud: {error!r}")
        finally:
            turn.release()
        return None

    def _execute(self, run: Run) -> int:
        run.status = STARTING
        for name in BEFORE:
            _begin_step(run, name)["status"] = SUCCESS
        run.status = RUNNING
        command = "retry" if run.retries else "build"
        step, began = _begin_step(run, f"Invoke dbt with `dbt {command}`"), time.monotonic()
        if run.cancelled.wait(self.seconds(run.folder)):
            return _end_step(step, CANCELLED, "cancelled")
        failed = None
        if run.retries:
            failed = {each["unique_id"] for each in run.retries.results() if each["status"] not in GOOD}
        place = self.warehouse()
        try:
            nodes = read_nodes(run.folder, place.database, place.schema)
        except CompilationError as error:
            return _end_step(step, ERROR, f"Encountered an error:\n{error}")
        results = build(nodes, place, failed, run.cancelled.is_set)
        run.artifacts[step["index"]] = run_results(results, command, time.monotonic() - began, str(uuid.uuid4()))
        if run.cancelled.is_set():
            return _end_step(step, CANCELLED, "cancelled")
        lines = [f"{each['status'].upper()} {each['unique_id']}: {each['message'] or ''}" for each in results]
        return _end_step(step, SUCCESS if all(each["status"] in GOOD for each in results) else ERROR, "\n".join(lines))


def _begin_step(run: Run, name: str) -> dict[str, Any]:
    index = len(run.steps) + 1
    step = {"id": run.id * 10 + index, "run_id": run.id, "index": index, "name": name, "status": RUNNING, "logs": ""}
    run.steps.append(step)
    return step


def _end_step(step: dict[str, Any], status: int, logs: str) -> int:
    step |= {"status": status, "logs": logs}
    return status


def _end(run: Run, status: int, message: str | None = None) -> None:
    run.finished, run.status_message, run.status = datetime.now(UTC), message, status
