"""Tests wait for conditions: on a busy machine they are slower, not red."""

from collections.abc import Callable
from typing import TypeVar

from tenacity import retry, retry_if_exception_type, retry_if_result, stop_after_delay, wait_fixed

# Far more than anything takes on a machine with several busy processes a core: only a wait that never ends gets here.
PATIENCE_SECONDS = 1800
Found = TypeVar("Found")

# A function decorated with it is repeated until none of its assertions fails.
eventually = retry(
    stop=stop_after_delay(PATIENCE_SECONDS), wait=wait_fixed(0.1), retry=retry_if_exception_type(AssertionError),
    reraise=True,
)  # fmt: skip


def until(look: Callable[[], Found], holds: Callable[[Found], object] = bool) -> Found:
    """The first result of `look` for which `holds` is true."""
    patient = retry(
        retry=retry_if_result(lambda found: not holds(found)),
        stop=stop_after_delay(PATIENCE_SECONDS),
        wait=wait_fixed(0.1),
    )
    return patient(look)()
