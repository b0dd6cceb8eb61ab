"""Failed deployments roll back: every service has a circuit breaker with rollback."""

from collections.abc import Iterator

from scripts.gate.reading.plan import Finding, Plan

EXPECTED = "deployment_circuit_breaker with enable = true and rollback = true"


def check(plan: Plan) -> Iterator[Finding]:
    for service in plan.planned("aws_ecs_service"):
        breakers = service.after.get("deployment_circuit_breaker")
        for breaker in breakers or [{}]:
            for name in ("enable", "rollback"):
                value = breaker.get(name)
                if value is not True:
                    shown = "unset" if value is None else str(value).lower()
                    yield Finding(service.address, f"deployment_circuit_breaker.{name} = {shown}", EXPECTED)
