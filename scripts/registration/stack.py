"""The applied stack that flows are registered for, as Terraform's outputs say it."""

from dataclasses import dataclass
from typing import Any, Self

from scripts.registration.pager import Pager

TAG_PREFIX = "data-flows.stack:"


@dataclass(frozen=True)
class Stack:
    """`title` is its name in AWS and Prefect, such as DataFlows-Dev; `version` says of which image and commit it is."""

    title: str
    pool: str
    template: dict[str, Any]
    version: str
    has_active_schedules: bool = False
    results_bucket: str = ""
    result_block: str = ""  # Empty where runs keep no results in a block.
    pager: Pager | None = None

    @classmethod
    def of_outputs(
        cls, work_pool: dict[str, Any], results_bucket: str, facts: dict[str, Any], *, version: str, pager: Pager | None
    ) -> Self:
        """The stack of these outputs of the root module."""
        return cls(
            title=facts["title"],
            pool=work_pool["name"],
            template=work_pool["base_job_template"],
            version=version,
            has_active_schedules=facts["schedules"] == "active",
            results_bucket=results_bucket,
            result_block=facts["result_block"],
            pager=pager,
        )

    @property
    def tag(self) -> str:
        """What a deployment of this stack is tagged with, and known by to be no other stack's."""
        return f"{TAG_PREFIX}{self.title}"

    @property
    def prefix(self) -> str:
        """How the names of its blocks and variables begin, which take no capital letters."""
        return self.title.lower()
