"""What a run of a job did: its figures, and why it failed, from its steps and each step's run_results.json."""

from __future__ import annotations

from collections import Counter
from typing import Any

from pydantic import BaseModel

from flows.shared.dbt_cloud_api import CANCELLED, SUCCESS, Job, Run, Step

MOST_NAMED = 20
MOST_LOG_LINES = 5
TESTS = {"test", "unit_test"}
FAILED = {"error", "fail", "partial success"}


class Figures(BaseModel, frozen=True):
    """How many models (with seeds and snapshots) and tests there were, by how they ended."""

    models_run: int = 0
    models_skipped: int = 0
    models_failed: int = 0
    tests_passed: int = 0
    tests_warned: int = 0
    tests_skipped: int = 0
    tests_failed: int = 0


def figures(results: list[dict[str, Any]]) -> Figures:
    """Count the results of all steps."""
    counts: Counter[str] = Counter()
    for result in results:
        status, is_test = str(result["status"]).lower(), kind(result) in TESTS
        words = {"skipped": "skipped", **dict.fromkeys(FAILED, "failed")}
        done = "warned" if status == "warn" and is_test else "passed" if is_test else "run"
        counts[f"{'tests' if is_test else 'models'}_{words.get(status, done)}"] += 1
    return Figures(**counts)


def kind(result: dict[str, Any]) -> str:
    """The first part of the unique id, such as model, test, seed or snapshot."""
    return str(result["unique_id"]).partition(".")[0]


def is_of_dbt(step: Step) -> bool:
    """Whether a step ran dbt, and so may have written run_results.json."""
    return "dbt" in step.name and "dbt deps" not in step.name


def failure(job: Job, run: Run, results: list[dict[str, Any]]) -> str:
    """Say why a run did not succeed: step, what failed with its messages, and where to look."""
    failed = [each for each in results if str(each["status"]).lower() in FAILED]
    skipped = sum(str(each["status"]).lower() == "skipped" for each in results)
    parts = [f"{_title(each)}: {_one_line(each.get('message'))}" for each in failed[:MOST_NAMED]]
    parts += [f"{len(failed) - MOST_NAMED} more"] if len(failed) > MOST_NAMED else []
    parts += [f"{skipped} skipped"] if skipped else []
    step = _failed_step(run)
    if not failed and run.status != CANCELLED:
        # Before dbt has results: the repository, the connection, or a model that does not compile.
        parts += [_one_line(run.status_message)] if run.status_message else []
        parts += _last_lines(step)
    where = f"in step {step.index}, {step.name}" if step else "before its first step"
    how = "was cancelled in dbt Cloud" if run.status == CANCELLED else f"failed {where}"
    what = f": {'; '.join(parts)}" if parts else ""
    return f"{job}: run {run.id} {how}{what}; expected success; look at {run.href}."


def _failed_step(run: Run) -> Step | None:
    return next((step for step in run.run_steps or [] if step.status not in (None, SUCCESS)), None)


def _title(result: dict[str, Any]) -> str:
    """Such as `model orders`: a unique id is model.<project>.<name>, a generic test's ends with a hash."""
    sort, _, name, *_ = [*str(result["unique_id"]).split(".", 3), "", ""]
    return f"{sort.replace('_', ' ')} {name}"


def _last_lines(step: Step | None) -> list[str]:
    lines = [line.strip() for line in ((step and step.logs) or "").splitlines() if line.strip()]
    return [" ".join(lines[-MOST_LOG_LINES:])] if lines else []


def _one_line(text: Any) -> str:
    return " ".join(str(text or "no message").split())
