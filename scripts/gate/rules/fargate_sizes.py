"""Task sizes exist: Fargate offers each task definition's pair of CPU and memory, and its disk size."""

from collections.abc import Iterator
from typing import Any

from scripts.gate.reading.plan import UNKNOWN, Finding, Plan
from scripts.gate.reading.references import describe_value
from scripts.shared.fargate import MEMORY_MIB

DISK_GIB = range(21, 200 + 1)


def check(plan: Plan) -> Iterator[Finding]:
    for definition in plan.planned("aws_ecs_task_definition"):
        after = definition.after
        kinds = after.get("requires_compatibilities")
        if kinds is not UNKNOWN and "FARGATE" not in (kinds or []):
            yield Finding(definition.address, f"requires_compatibilities = {kinds or 'unset'}", '["FARGATE"]')
        unknown = [name for name in ("cpu", "memory") if after.get(name) is UNKNOWN]
        for name in unknown:
            yield Finding(
                definition.address, describe_value(plan, definition, name, UNKNOWN), "a number known at plan time"
            )
        cpu, memory = _number(after.get("cpu")), _number(after.get("memory"))
        if not unknown and memory not in MEMORY_MIB.get(cpu, ()):
            got = f"cpu = {after.get('cpu')} with memory = {after.get('memory')}"
            yield Finding(definition.address, got, _expected(cpu))
        for disk in after.get("ephemeral_storage") or []:
            size = disk.get("size_in_gib")
            if size not in DISK_GIB:
                yield Finding(definition.address, f"size_in_gib = {size}", "21 to 200 GiB")


def _number(value: Any) -> int:
    return int(value) if str(value).isdigit() else 0


def _expected(cpu: int) -> str:
    if cpu not in MEMORY_MIB:
        return f"cpu = one of {', '.join(map(str, MEMORY_MIB))}"
    sizes = MEMORY_MIB[cpu]
    step = f" in steps of {sizes[2] - sizes[1]}" if len(sizes) > 3 else ""
    return f"memory from {sizes[0]} to {sizes[-1]} MiB{step} with cpu = {cpu}"
