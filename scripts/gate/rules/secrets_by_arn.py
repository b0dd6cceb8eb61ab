"""Secrets stay in SSM: containers receive them by the ARN of a parameter of this environment."""

import re
from collections.abc import Iterator
from typing import Any

from scripts.gate.reading.documents import containers
from scripts.gate.reading.plan import Finding, Plan

NEEDS = ("known_policies",)
PARAMETER = re.compile(r"arn:aws[a-z-]*:ssm:(?P<region>[a-z0-9-]+):(?P<account>\d{12}):parameter(?P<name>/[\w./-]+)")


def check(plan: Plan) -> Iterator[Finding]:
    for definition in containers(plan):
        for container in definition.items:
            for got in _secrets(container, plan):
                got = f"container {container.get('name')}: {got}"
                yield Finding(definition.resource.address, got, _expected(plan))


def _secrets(container: dict[str, Any], plan: Plan) -> Iterator[str]:
    log_options = (container.get("logconfiguration") or {}).get("secretoptions") or []
    for secret in (container.get("secrets") or []) + log_options:
        if not _is_own_parameter(secret.get("valuefrom"), plan):
            # Whatever stands there instead of an ARN may be the secret itself, so it is not repeated.
            value = secret.get("valuefrom")
            shown = value if isinstance(value, str) and value.startswith("arn:") else "no ARN"
            yield f"secret {secret.get('name')} from {shown}"


def _is_own_parameter(arn: Any, plan: Plan) -> bool:
    match = PARAMETER.fullmatch(arn) if isinstance(arn, str) else None
    if not match:
        return False
    return (
        plan.variable("account_id") in {None, match["account"]}
        and plan.variable("region") in {None, match["region"]}
        and (plan.names is None or match["name"].startswith(f"{plan.names.path}/"))
    )


def _expected(plan: Plan) -> str:
    account, region = plan.variable("account_id") or "<account>", plan.variable("region") or "<region>"
    return f"arn:aws:ssm:{region}:{account}:parameter{plan.names.path if plan.names else ''}/<NAME>"
