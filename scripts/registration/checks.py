"""What is wrong with deployments for the environment they are registered in: job variables and work queues."""

from collections.abc import Collection, Iterator
from typing import Any

from scripts.shared.fargate import MEMORY_MIB


def problems(
    deployments: list[dict[str, Any]], template: dict[str, Any], queues: Collection[str], pool: str
) -> Iterator[str]:
    """Each problem as `<file>:<line>: deployment <name>: got …; expected …`."""
    variables = template.get("variables", {}).get("properties", {})
    for deployment in deployments:
        where = f"{deployment['file']}:{deployment['line']}: deployment {deployment['name']}"
        for problem in _job_variables(deployment["job_variables"], variables):
            yield f"{where}: {problem}"
        queue = deployment["work_queue_name"]
        if queue and queue not in queues:
            yield (
                f"{where}: got work queue {queue}; expected {_one_of(queues)}. To make it: "
                f'`prefect work-queue create --pool {pool} "{queue}"`.'
            )


def _job_variables(given: dict[str, Any], variables: dict[str, Any]) -> Iterator[str]:
    for name, value in given.items():
        if name == "definition":
            yield "got job variable definition; expected none: what the file declares decides (docs/writing-flows.md)."
        elif name not in variables:
            yield f"got job variable {name}; expected {_one_of(variables)}."
        elif variables[name].get("type") == "integer" and type(value) is not int:
            yield f"got {name} {value!r}; expected a whole number."
        elif type(value) is int and not variables[name].get("minimum", value) <= value <= variables[name].get(
            "maximum", value
        ):
            yield f"got {name} {value}; expected {variables[name]['minimum']} to {variables[name]['maximum']}."
    yield from size_problems(given, {name: each.get("default") for name, each in variables.items()})


def size_problems(given: dict[str, Any], defaults: dict[str, Any]) -> Iterator[str]:
    """A pair of CPU units and MiB that Fargate does not have, as far as both are known."""
    size = [given.get(name, defaults.get(name)) for name in ("cpu", "memory")]
    if {"cpu", "memory"} & set(given) and all(type(value) is int for value in size):
        cpu, memory = size
        if cpu not in MEMORY_MIB:
            yield f"got cpu {cpu}; expected {_one_of(MEMORY_MIB)} CPU units, as Fargate has."
        elif memory not in MEMORY_MIB[cpu]:
            fitting = MEMORY_MIB[cpu]
            step = f" in steps of {fitting[-1] - fitting[-2]}" if len(fitting) > 3 else ""
            yield (
                f"got memory {memory} with cpu {cpu}; expected {fitting[0]} to {fitting[-1]} MiB{step}: "
                "Fargate has no other pair."
            )


def _one_of(names: Collection[Any]) -> str:
    return f"one of {', '.join(map(str, sorted(names)))}" if names else "none"
