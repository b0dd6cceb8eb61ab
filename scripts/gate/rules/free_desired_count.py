"""Auto scaling sets the task count: a scaled service ignores changes of desired_count."""

from collections.abc import Iterator

from scripts.gate.reading.hcl import Hcl
from scripts.gate.reading.plan import Finding, Plan
from scripts.gate.rules.scaling_in_bounds import scales

EXPECTED = "lifecycle { ignore_changes = [desired_count] }"


def check_hcl(hcl: Hcl, plan: Plan) -> Iterator[Finding]:
    targets = list(plan.planned("aws_appautoscaling_target"))
    for service in plan.planned("aws_ecs_service"):
        if not any(scales(target, service) for target in targets):
            continue
        block = hcl.block(service.address)
        if block is None:
            yield Finding(service.address, "no such block in the HCL", EXPECTED)
            continue
        ignored = [name for lifecycle in block.get("lifecycle") or [] for name in lifecycle.get("ignore_changes") or []]
        if "desired_count" not in ignored:
            yield Finding(service.address, f"ignore_changes = [{', '.join(map(str, ignored))}]", EXPECTED)
