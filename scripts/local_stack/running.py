"""Refuses a command that needs the local stack while the stack is not running."""

from typing import TYPE_CHECKING

from scripts.shared.environments import Environment
from scripts.shared.refusal import Refusal

if TYPE_CHECKING:
    from scripts.shared.local_settings import LocalSettings


def require_running(environment: Environment) -> None:
    """For `local`, refuse unless the stack runs: every call to it would be repeated for a while and then fail.

    Raises:
        Refusal: a part of it does not run.
    """
    if not environment.is_local:
        return
    from scripts.local_stack.supervisor import supervision  # The image needs none of it.
    from scripts.shared.local_settings import LocalSettings

    down = [part.name for part in supervision.status(LocalSettings.load()) if part.state != "RUNNING"]
    if down:
        raise Refusal(f"Not running: {', '.join(down)}; expected the whole local stack: run `make up` first.", 1)


def runs(settings: "LocalSettings", name: str) -> bool:
    """Whether this program of the stack (aws, snowflake, dbt, prefect) runs."""
    from scripts.local_stack.supervisor import supervision

    return any(part.name == name and part.state == "RUNNING" for part in supervision.status(settings))
