"""The applied stack that flows are registered for, as Terraform's outputs say it."""

from dataclasses import dataclass, field
from typing import Any

from scripts.registration.alerts import Alerts

TAG_PREFIX = "data-flows.stack:"


@dataclass(frozen=True)
class Stack:
    """`title` is its name in AWS and Prefect, such as DataFlows-Dev; `version` says of which image and commit it is.

    Of its runs `at_once` are under way, or as many as Prefect's pool says.
    """

    title: str
    pool: str
    template: dict[str, Any]
    version: str
    has_active_schedules: bool = False
    results_bucket: str = ""
    result_block: str = ""  # Empty where runs keep no results in a block.
    at_once: int | None = None
    alerts: Alerts = field(default_factory=Alerts)
    # What is applied of what flow files declare, by flow.
    declared: dict[str, dict[str, Any]] = field(default_factory=dict)

    @property
    def tag(self) -> str:
        """What a deployment of this stack is tagged with, and known by to be no other stack's."""
        return f"{TAG_PREFIX}{self.title}"

    @property
    def prefix(self) -> str:
        """How the names of its blocks and variables begin, which take no capital letters."""
        return self.title.lower()
