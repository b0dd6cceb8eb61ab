"""Failures that no retry can fix, and the retry policy of network tasks, which does not retry them."""

from typing import Any


class DataFlowsError(Exception):
    """A failure whose message says what was got, what was expected and what to do; never retried."""


def is_worth_retrying(task: Any, task_run: Any, state: Any) -> bool:  # noqa: ARG001 (Prefect's signature)
    """Whether a failed task may succeed when tried again: not after our own errors or SQL that Snowflake rejects."""
    import snowflake.connector.errors

    failure = state.result(raise_on_failure=False)
    return not isinstance(failure, DataFlowsError | snowflake.connector.errors.ProgrammingError)


NETWORK_RETRIES: dict[str, Any] = {
    "retries": 3,
    "retry_delay_seconds": [2, 10, 30],
    "retry_jitter_factor": 0.5,
    "retry_condition_fn": is_worth_retrying,
}
