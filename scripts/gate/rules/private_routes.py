"""Private subnets are private: no subnet with tasks has a route to an internet gateway."""

from collections.abc import Iterator
from typing import Any

from scripts.gate.reading.plan import UNKNOWN, Finding, Plan, Resource
from scripts.gate.reading.references import describe_value, is_configured, targets
from scripts.gate.rules.private_tasks import task_subnets

EXPECTED = "no route to an internet gateway: private subnets leave through NAT or endpoints"
EXPECTED_TABLE = "an association with a route table of this plan, so that its routes can be read"
TABLES = ("aws_route_table", "aws_default_route_table", "aws_vpc")


def check(plan: Plan) -> Iterator[Finding]:
    subnets = task_subnets(plan)
    if not subnets:
        return
    routes = list(_routes(plan))
    tables: dict[str, list[Resource]] = {}
    for association in plan.planned("aws_route_table_association"):
        found = targets(plan, association, "route_table_id", *TABLES)
        for subnet in targets(plan, association, "subnet_id", "aws_subnet"):
            tables.setdefault(subnet.address, []).extend(found)
            if subnet.address in subnets and not found:
                yield Finding(
                    association.address, describe_value(plan, association, "route_table_id", UNKNOWN), EXPECTED_TABLE
                )
    main = list(_main_tables(plan))
    for address in subnets:
        for table in tables.get(address, main):
            for owner, route, attribute in routes:
                if table in owner[1] and _is_internet(plan, owner[0], route, attribute):
                    got = f"a route of {address} by {table.address}: {describe_value(plan, owner[0], attribute, route)}"
                    yield Finding(owner[0].address, got, EXPECTED)


def _routes(plan: Plan) -> Iterator[tuple[tuple[Resource, list[Resource]], Any, str]]:
    """Each route's gateway: the resource that holds it with the tables it belongs to, the value, the attribute."""
    for route in plan.planned("aws_route"):
        yield (route, targets(plan, route, "route_table_id", *TABLES)), route.after.get("gateway_id"), "gateway_id"
    for table in plan.planned("aws_route_table", "aws_default_route_table"):
        inline = table.after.get("route")
        # Not set in the HCL, the inline routes are "known after apply" and are the `aws_route` of the plan.
        if inline is UNKNOWN and not is_configured(plan, table, "route"):
            continue
        for block in inline or []:
            yield (table, [table]), block.get("gateway_id"), "route.gateway_id"


def _main_tables(plan: Plan) -> Iterator[Resource]:
    """What routes a subnet without an association of its own."""
    yield from plan.planned("aws_default_route_table", "aws_vpc")
    for main in plan.planned("aws_main_route_table_association"):
        yield from targets(plan, main, "route_table_id", *TABLES)


def _is_internet(plan: Plan, resource: Resource, gateway: Any, attribute: str) -> bool:
    if gateway is UNKNOWN:
        # Whatever it may become: a NAT gateway or an endpoint stands in an attribute of its own.
        return is_configured(plan, resource, attribute.partition(".")[0])
    return isinstance(gateway, str) and gateway.startswith("igw-")
