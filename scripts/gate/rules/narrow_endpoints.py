"""Every VPC endpoint has a policy that names the buckets, resources or accounts it gives access to."""

from collections.abc import Iterator

from scripts.gate.reading.documents import Statement, documents
from scripts.gate.reading.plan import Finding, Plan
from scripts.gate.reading.references import is_configured
from scripts.gate.rules.no_wildcard_writes import names_nothing

NEEDS = ("known_policies",)
EXPECTED = "a policy whose statements name resources, or accounts by aws:PrincipalAccount or aws:ResourceAccount"
ACCOUNT_KEYS = {"aws:principalaccount", "aws:resourceaccount", "aws:principalorgid", "aws:resourceorgid"}
WITHOUT_POLICY = {"GatewayLoadBalancer", "Resource", "ServiceNetwork"}


def check(plan: Plan) -> Iterator[Finding]:
    policies = {
        (one.address, one.attribute): one for one in documents(plan) if one.resource.type.startswith("aws_vpc_")
    }
    with_policy = {address for address, _ in policies}
    for endpoint in plan.planned("aws_vpc_endpoint"):
        kind = endpoint.after.get("vpc_endpoint_type")
        if kind in WITHOUT_POLICY or endpoint.address in with_policy or is_configured(plan, endpoint, "policy"):
            continue
        got = f"{endpoint.after.get('service_name')} without a policy, which allows everything"
        yield Finding(endpoint.address, got, EXPECTED)
    for (address, attribute), document in policies.items():
        for statement in document.allowed():
            if not _is_narrow(statement):
                reach = ", ".join(statement.resources) or f"all but {', '.join(statement.not_resources)}"
                yield Finding(address, f"{attribute} {statement.label}: {reach} in any account", EXPECTED)


def _is_narrow(statement: Statement) -> bool:
    if statement.resources and not any(names_nothing(resource) for resource in statement.resources):
        return True
    return any(
        operator in {"stringequals", "stringequalsignorecase"} and key in ACCOUNT_KEYS and values
        for operator, key, values in statement.conditions
    )
