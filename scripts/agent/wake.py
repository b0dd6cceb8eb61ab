"""Wakes the agent when ECS says that a task has stopped.

A message is only a reason to look: what it says is not used, so one that is broken, doubled or late does no harm.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from prefect.logging import get_logger

WAIT_SECONDS = 20
log = get_logger("agent.wake")


def listen(sqs: Any, queue: str, wake: Callable[[], None], stopping: threading.Event) -> None:
    """Call `wake` for what arrives in the queue, until `stopping` is set. Errors are logged, and it goes on."""
    url = ""
    while not stopping.is_set():
        try:
            url = url or sqs.get_queue_url(QueueName=queue)["QueueUrl"]
            answer = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=WAIT_SECONDS)
            if messages := answer.get("Messages", []):
                wake()
                entries = [{"Id": str(n), "ReceiptHandle": each["ReceiptHandle"]} for n, each in enumerate(messages)]
                sqs.delete_message_batch(QueueUrl=url, Entries=entries)
        except Exception as error:
            log.warning("Task events, which only wake the agent, cannot be read from %s: %s", queue, error)
            stopping.wait(WAIT_SECONDS)
