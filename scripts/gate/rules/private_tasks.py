"""Tasks are private: nothing starts an ECS task with a public IP or in a public subnet."""

from collections.abc import Iterator
from typing import Any

from scripts.gate.reading.plan import UNKNOWN, Finding, Plan, Resource
from scripts.gate.reading.references import block_of, is_local, origins, output_origins, targets

EXPECTED = "assign_public_ip = false (private subnets reach AWS through NAT or endpoints)"
EXPECTED_SUBNET = "subnets with map_public_ip_on_launch = false"
EXPECTED_OUTPUT = "assignPublicIp = DISABLED"
# What starts tasks, and where its network configuration lies.
STARTERS = {
    "aws_ecs_service": (),
    "aws_ecs_task_set": (),
    "aws_cloudwatch_event_target": ("ecs_target",),
    "aws_scheduler_schedule": ("target", "ecs_parameters"),
}


def check(plan: Plan) -> Iterator[Finding]:
    for starter in plan.planned(*STARTERS):
        path = STARTERS[starter.type]
        for parent in _blocks(starter.after, path):
            for network in parent.get("network_configuration") or [{}]:
                # Absent means "known after apply": not proven private, so a finding.
                public = network.get("assign_public_ip")
                if public is not False:
                    yield Finding(starter.address, f"assign_public_ip = {_hcl(public)}", EXPECTED)
        yield from _public_subnets(plan, starter, ".".join((*path, "network_configuration", "subnets")))
    for name, value in plan.outputs.items():
        for public in _values(value, "assignpublicip"):
            # The work pool's base job template: what flow runs are started with.
            if public != "DISABLED":
                yield Finding(f"output.{name}", f"assignPublicIp = {public}", EXPECTED_OUTPUT)


def task_subnets(plan: Plan) -> list[str]:
    """Addresses of the subnets that tasks are started in: the agent's, and those of the work pool's job template."""
    found: dict[str, None] = {}
    hidden = False
    for starter in plan.planned(*STARTERS):
        attribute = ".".join((*STARTERS[starter.type], "network_configuration", "subnets"))
        found |= dict.fromkeys(subnet.address for subnet in targets(plan, starter, attribute, "aws_subnet"))
        hidden = hidden or any(is_local(block_of(origin)[0]) for origin in origins(plan, starter, attribute))
    for name, value in plan.outputs.items():
        if any(True for _ in _values(value, "awsvpcconfiguration")):
            blocks = {block_of(origin)[0] for origin in output_origins(plan, name)}
            found |= {subnet.address: None for subnet in plan.planned("aws_subnet") if subnet.block in blocks}
    # A plan does not show what a local is made of: behind one, it may be any subnet.
    return [subnet.address for subnet in plan.planned("aws_subnet")] if hidden else list(found)


def _public_subnets(plan: Plan, starter: Resource, attribute: str) -> Iterator[Finding]:
    found = [block_of(origin)[0] for origin in origins(plan, starter, attribute)]
    # A plan does not show what a local is made of: behind one, it may be any subnet.
    hidden = any(is_local(block) for block in found)
    for subnet in plan.planned("aws_subnet"):
        public = subnet.after.get("map_public_ip_on_launch", False)
        if public is not False and (hidden or subnet.block in found):
            got = f"tasks {'possibly ' if hidden else ''}in {subnet.address}: map_public_ip_on_launch = {_hcl(public)}"
            yield Finding(starter.address, got, EXPECTED_SUBNET)


def _blocks(after: dict[str, Any], path: tuple[str, ...]) -> Iterator[Any]:
    if not path:
        yield after
        return
    for block in after.get(path[0]) or []:
        yield from _blocks(block, path[1:])


def _values(value: Any, key: str) -> Iterator[Any]:
    """Every value under the key, at any depth."""
    if isinstance(value, dict):
        for name, item in value.items():
            if name.lower() == key:
                yield item
            yield from _values(item, key)
    elif isinstance(value, list):
        for item in value:
            yield from _values(item, key)


def _hcl(value: Any) -> str:
    return "unset" if value is None else str(value) if value is UNKNOWN else str(value).lower()
