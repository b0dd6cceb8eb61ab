"""The end of a task's log in CloudWatch, and what follows."""

import time
from typing import Any

from scripts.shared.environments import Environment
from scripts.shared.refusal import Refusal

POLL_SECONDS = 2.0


def find_stream(environment: Environment, task: str) -> tuple[str, str]:
    """Log group and stream of a task by its id, or the beginning of it; of `agent`, those of its newest task.

    Raises:
        Refusal: there is none.
    """
    logs, path = environment.client("logs"), environment.names.path
    if task == "agent":
        found = logs.describe_log_streams(
            logGroupName=f"{path}/agent", orderBy="LastEventTime", descending=True, limit=1
        )
        streams = [(f"{path}/agent", each["logStreamName"]) for each in found["logStreams"]]
    else:
        streams = [
            (f"{path}/{role}", each["logStreamName"])
            for role in ("flow", "agent")
            for page in logs.get_paginator("describe_log_streams").paginate(logGroupName=f"{path}/{role}")
            for each in page["logStreams"]
            if each["logStreamName"].rpartition("/")[2].startswith(task)
        ]
    if len(streams) != 1:
        raise Refusal(f'TASK is "{task}"; expected the id of one task with a log below {path}; {len(streams)} fit.')
    return streams[0]


def show(environment: Environment, task: str, lines: int, *, follow: bool) -> None:
    """Print the last lines of the task's log; with `follow`, also what comes, until Ctrl-C."""
    group, stream = find_stream(environment, task)
    logs = environment.client("logs")
    place: dict[str, Any] = {"logGroupName": group, "logStreamName": stream}
    page = logs.get_log_events(**place, limit=lines)
    while True:
        for event in page["events"]:
            print(event["message"].rstrip("\n"), flush=True)
        if not follow:
            return
        if not page["events"]:
            time.sleep(POLL_SECONDS)
        page = logs.get_log_events(**place, nextToken=page["nextForwardToken"])
