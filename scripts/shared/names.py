"""The names of a stack's resources, made from two facts. terraform/main.tf makes the same names; a test compares."""

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Names:
    """The names of one environment, such as `dev`, of one stack, such as `DataFlows`."""

    stack: str
    environment: str

    @property
    def title(self) -> str:
        """`DataFlows-Dev`: cluster, work pool, key alias, and the prefix of everything else."""
        return f"{self.stack}-{self.environment.capitalize()}"

    @property
    def path(self) -> str:
        """`/DataFlows/Dev`: SSM parameters and log groups lie below it."""
        return f"/{self.stack}/{self.environment.capitalize()}"

    @property
    def bucket_prefix(self) -> str:
        """`dataflows-dev`: buckets, whose names have no capitals."""
        return f"{self.stack.lower()}-{self.environment}"

    @property
    def service(self) -> str:
        """`data-flows`: the tag `service`, and the folder of the state."""
        return re.sub(r"([a-z0-9])([A-Z])", r"\1-\2", self.stack).lower()
