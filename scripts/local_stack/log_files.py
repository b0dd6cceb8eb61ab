"""The end of a log of the local stack, and what follows."""

import time

from scripts.local_stack.supervisor import supervision
from scripts.shared.local_settings import LocalSettings
from scripts.shared.refusal import Refusal
from scripts.shared.steps import display_path

POLL_SECONDS = 0.5


def show(name: str, lines: int, *, follow: bool) -> None:
    """Print the last lines of a task's log, or of a program's, and with `follow` what comes, until Ctrl-C.

    Raises:
        Refusal: there is no such log.
    """
    path = supervision.log_path(LocalSettings.load(), name)
    try:
        file = path.open(errors="replace")
    except FileNotFoundError:
        raise Refusal(
            f"{display_path(path)}: no such log; expected one of a running local stack: run `make up` first."
        ) from None
    with file:
        print(*file.readlines()[-lines:], sep="", end="", flush=True)
        while follow:
            print(file.read(), end="", flush=True)
            time.sleep(POLL_SECONDS)
