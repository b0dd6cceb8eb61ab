"""The ECS tasks of flow runs: which there are, how they ended, and stopping them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

# Prefect's worker tags a task with the run that it executes.
RUN_TAG = "prefect.io/flow-run-id"
MOST_DESCRIBED = 100
# AWS takes the task away, whatever runs in it.
TAKEN_AWAY = ("SpotInterruption", "TerminationNotice")


@dataclass(frozen=True)
class FlowTask:
    """A task of a flow run. `stop_code`, `reason` and `exit_code` are what ECS says of its end; memory in MiB.

    `described`: all that DescribeTasks says.
    """

    arn: str
    run_id: str
    created_at: datetime
    is_alive: bool
    stop_code: str = ""
    reason: str = ""
    exit_code: int | None = None
    memory: str = ""
    described: dict[str, Any] = field(default_factory=dict, repr=False, compare=False)

    @property
    def is_out_of_memory(self) -> bool:
        """Whether ECS ended it because it had too little."""
        return "OutOfMemory" in self.reason

    @property
    def was_taken_away(self) -> bool:
        """Whether AWS needed its machine."""
        return self.stop_code in TAKEN_AWAY

    def ending(self) -> str:
        """How it ended, and what to do, in a sentence or two."""
        task = f"ECS task {self.arn.rpartition('/')[2]}"
        if self.is_out_of_memory:
            return (
                f"{task} ran out of its {self.memory} MiB of memory ({self.reason}). Give the deployment more, for "
                f'example job_variables={{"memory": {2 * int(self.memory or 2048)}}}.'
            )
        if self.stop_code == "TaskFailedToStart":
            return f"{task} could not start: {self.reason}. See docs/runbook.md#tasks-not-started."
        if self.was_taken_away:
            return f"AWS took {task} away: {self.reason}."
        code = "" if self.exit_code is None else f" with exit code {self.exit_code}"
        return f"{task} ended{code}: {self.reason}. Its log may say more."


class FlowTasks:
    """The tasks of one cluster that execute flow runs. Errors of AWS are raised as they are."""

    def __init__(self, ecs: Any, cluster: str) -> None:
        self._ecs = ecs
        self._cluster = cluster

    def running(self) -> list[FlowTask]:
        """Those that ECS does not want to stop, from PROVISIONING on."""
        return self._listed("RUNNING")

    def stopped(self) -> list[FlowTask]:
        """Those that stop or have stopped; ECS keeps them for an hour."""
        return self._listed("STOPPED")

    def named(self, arns: Sequence[str]) -> dict[str, FlowTask]:
        """Those of the names that ECS still knows, by name."""
        return {task.arn: task for task in self._described(arns)}

    def stop(self, task: FlowTask, reason: str) -> None:
        """Ask ECS to stop it; one that has stopped already is fine."""
        self._ecs.stop_task(cluster=self._cluster, task=task.arn, reason=reason)

    def _listed(self, status: str) -> list[FlowTask]:
        pages = self._ecs.get_paginator("list_tasks").paginate(cluster=self._cluster, desiredStatus=status)
        return list(self._described([arn for page in pages for arn in page["taskArns"]]))

    def _described(self, arns: Sequence[str]) -> Iterator[FlowTask]:
        for start in range(0, len(arns), MOST_DESCRIBED):
            some = list(arns[start : start + MOST_DESCRIBED])
            answer = self._ecs.describe_tasks(cluster=self._cluster, tasks=some, include=["TAGS"])
            # An agent's own task has no run.
            yield from (task for each in answer["tasks"] if (task := flow_task(each)).run_id)


def flow_task(described: dict[str, Any]) -> FlowTask:
    """A task as DescribeTasks gives it."""
    [container, *_] = [c for c in described.get("containers", []) if c.get("name") == "prefect"] or [{}]
    reasons = [described.get("stoppedReason", ""), container.get("reason", "")]
    return FlowTask(
        arn=described["taskArn"],
        run_id=next((tag["value"] for tag in described.get("tags", []) if tag["key"] == RUN_TAG), ""),
        created_at=described["createdAt"],
        is_alive=described["lastStatus"] not in ("STOPPED", "DELETED"),
        stop_code=described.get("stopCode", ""),
        reason="; ".join(dict.fromkeys(filter(None, reasons))).rstrip(".") or "ECS gives no reason",
        exit_code=container.get("exitCode"),
        memory=str(described.get("memory", "")),
        described=described,
    )
