"""What a run starts with: the ECS worker's configuration, and the task definition that the run's deployment names."""

from typing import Self

from prefect_aws.workers.ecs_worker import ECSJobConfiguration
from pydantic import Field, model_validator


class Configuration(ECSJobConfiguration):
    """`task_definitions` are the ARNs that the pool was registered with, by name; `definition` is the run's.

    A pool that was registered before there were several has one in its request, and that is its runs'.
    """

    definition: str = "flow"
    task_definitions: dict[str, str] = Field(default_factory=dict)

    @model_validator(mode="after")
    def chosen(self) -> Self:
        """Put the run's task definition into the request.

        Raises:
            ValueError: the pool has none of this name.
        """
        if self.task_definitions:
            if self.definition not in self.task_definitions:
                known = ", ".join(sorted(self.task_definitions))
                raise ValueError(f"got the task definition {self.definition}; expected one of {known}: register again")
            self.task_run_request["taskDefinition"] = self.task_definitions[self.definition]
        return self
