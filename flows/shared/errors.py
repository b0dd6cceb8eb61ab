"""Failures that no retry can fix, and the retry policy of network tasks, which goes by the failure's code."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from itertools import takewhile
from typing import Any

from flows.shared import retry_codes


class DataFlowsError(Exception):
    """A failure whose message says what was got, what was expected and what to do; never retried."""


def is_worth_retrying(task: Any, task_run: Any, state: Any) -> bool:  # noqa: ARG001 (Prefect's signature)
    """Whether a failed task may succeed when tried again, by the code of its failure (docs/retries.md)."""
    # In an async task `result` gives a coroutine; the failure itself is in `data`.
    failure = getattr(state, "data", None)
    if not isinstance(failure, BaseException):
        failure = state.result(raise_on_failure=False)
    return is_transient(failure)


def is_transient(failure: Any) -> bool:
    """Whether the failure passes by itself: a throttle, a lock, an expired token, a lost connection, a server's error.

    The first error that tells decides: the failure itself, else what it wraps. What tells nothing is not transient:
    a defect of a flow's code would fail again, later and with less to see.
    """
    if isinstance(failure, BaseExceptionGroup):
        return all(is_transient(error) for error in failure.exceptions)
    verdicts = (_verdict(error) for error in _chain(failure))
    return next((verdict for verdict in verdicts if verdict is not None), False)


NETWORK_RETRIES: dict[str, Any] = {
    "retries": 3,
    "retry_delay_seconds": [2, 10, 30],
    "retry_jitter_factor": 0.5,
    "retry_condition_fn": is_worth_retrying,
}

SNOWFLAKE = {int(each.code): each.is_retried for each in retry_codes.SNOWFLAKE}
AWS = {each.code: each.is_retried for each in retry_codes.AWS}
CLASSES = {each.code: each.is_retried for each in retry_codes.CLASSES}
STATUSES = {int(each.code) for each in retry_codes.HTTP if each.code.isdigit()} | set(range(500, 600))
HTTP_OF_SNOWFLAKE = range(290_100, 290_600)
NETWORK_ERRNOS = {errno.ENETDOWN, errno.ENETUNREACH, errno.ENETRESET, errno.EHOSTDOWN, errno.EHOSTUNREACH}
# Mistakes in code. That one happened while a lost connection was handled makes it no lost connection.
MISTAKES = (LookupError, TypeError, AttributeError, NameError, AssertionError, ArithmeticError, ImportError)


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """Yield the error and what it was raised from; what it was raised during, too, unless it is a mistake in code."""
    seen: set[int] = set()
    while isinstance(error, BaseException) and id(error) not in seen:
        seen.add(id(error))
        yield error
        during = None if error.__suppress_context__ or isinstance(error, MISTAKES) else error.__context__
        error = error.__cause__ or during


def _verdict(error: BaseException) -> bool | None:
    """Return whether the error is transient, or None if it does not tell."""
    if isinstance(error, DataFlowsError):
        return False
    code = getattr(error, "errno", None)
    classes = [each.__name__ for each in type(error).__mro__]
    if hasattr(error, "sqlstate") and isinstance(code, int) and code != -1:
        return _snowflake_verdict(code, str(error.sqlstate), classes)
    response = getattr(error, "response", None)
    if isinstance(response, dict) and "Error" in response:
        status = response.get("ResponseMetadata", {}).get("HTTPStatusCode")
        return AWS.get(response["Error"].get("Code"), status in STATUSES)
    statuses = [getattr(response, "status_code", None), *(getattr(error, name, None) for name in ("status", "code"))]
    if status := next((each for each in statuses if isinstance(each, int) and 400 <= each < 600), None):
        return status in STATUSES
    if code in NETWORK_ERRNOS and isinstance(error, OSError):
        return True
    return _class_verdict(classes)


def _class_verdict(classes: list[str]) -> bool | None:
    # Libraries' own SSLError inherits from their ConnectionError, dropped or not: what it wraps tells.
    telling = takewhile(lambda name: name != "SSLError", classes)
    return next((CLASSES[name] for name in telling if name in CLASSES), None)


def _snowflake_verdict(code: int, sqlstate: str, classes: list[str]) -> bool:
    if code in HTTP_OF_SNOWFLAKE:
        return code - 290_000 in STATUSES
    if "OperationalError" in classes and code == 250_001:
        return True
    named = _class_verdict(classes)
    return named if named is not None else SNOWFLAKE.get(code, sqlstate.startswith("40"))
