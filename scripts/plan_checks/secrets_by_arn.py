"""No secret is in a task definition: containers get secrets by the ARN of our parameters, and settings hold none."""

import re
from collections.abc import Iterator
from typing import Any

from scripts.plan_checks.documents import containers
from scripts.plan_checks.plan import Finding, Plan
from scripts.plan_checks.secret_values import looks_like_secret_name, secret_kind

NEEDS = ("known_policies",)
EXPECTED_SETTING = "the container's `secrets`, with the ARN of an SSM parameter"
PARAMETER = re.compile(r"arn:aws[a-z-]*:ssm:(?P<region>[a-z0-9-]+):(?P<account>\d{12}):parameter/(?P<name>[\w./-]+)")


def check(plan: Plan) -> Iterator[Finding]:
    for definition in containers(plan):
        for container in definition.items:
            for got, expected in (*_secrets(container, plan), *_settings(container)):
                yield Finding(definition.resource.address, f"container {container.get('name')}: {got}", expected)


def _secrets(container: dict[str, Any], plan: Plan) -> Iterator[tuple[str, str]]:
    log_options = (container.get("logconfiguration") or {}).get("secretoptions") or []
    for secret in (container.get("secrets") or []) + log_options:
        if not _is_ours(secret.get("valuefrom"), plan):
            # Whatever stands there instead of an ARN may be the secret itself, so it is not repeated.
            value = secret.get("valuefrom")
            shown = value if isinstance(value, str) and value.startswith("arn:") else "no ARN"
            yield f"secret {secret.get('name')} from {shown}", _expected(plan)


def _settings(container: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for setting in container.get("environment") or []:
        name, value = str(setting.get("name")), str(setting.get("value") or "")
        if kind := secret_kind(name, value):
            yield f"environment {name} holds {kind}", EXPECTED_SETTING
        elif looks_like_secret_name(name, value):
            yield f"environment {name} is named like a secret", EXPECTED_SETTING
    for file in container.get("environmentfiles") or []:
        yield f"environment file {file.get('value')}, whose content no plan shows", "environment and secrets"


def _is_ours(arn: Any, plan: Plan) -> bool:
    match = PARAMETER.fullmatch(arn) if isinstance(arn, str) else None
    if not match:
        return False
    environment = plan.variable("environment")
    return (
        plan.variable("account_id") in {None, match["account"]}
        and plan.variable("region") in {None, match["region"]}
        and (environment is None or match["name"].startswith(f"DataFlows/{environment.title()}/"))
    )


def _expected(plan: Plan) -> str:
    account, region = plan.variable("account_id") or "<account>", plan.variable("region") or "<region>"
    environment = plan.variable("environment")
    name = f"DataFlows/{environment.title()}/<NAME>" if environment else "<NAME>"
    return f"arn:aws:ssm:{region}:{account}:parameter/{name}"
