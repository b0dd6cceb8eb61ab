"""What tables name in braces: account, region and names of the environment that a plan is of."""

from typing import Any

from scripts.gate.reading.plan import Plan
from scripts.shared.names import Names


def facts(plan: Plan) -> dict[str, str]:
    """The facts by name. Where a root variable is an object, the plan has what was given of it.

    Raises:
        PlanError: the plan is not of this repository.
    """
    names = Names(plan.required("name"), plan.required("environment"))
    delivery = plan.setting("delivery") or {}
    tasks = (plan.setting("agent") or {}).get("tasks") or {}
    connection = delivery.get("connection_arn") or ""
    return {
        "partition": "aws",
        "account": plan.required("account_id"),
        "region": plan.required("region"),
        "name": names.stack,
        "lower": names.stack.lower(),
        "env": names.environment,
        "Env": names.environment.capitalize(),
        "title": names.title,
        "path": names.path,
        "prefix": names.bucket_prefix,
        "service": names.service,
        "bootstrap": plan.variable("bootstrap") or names.stack,
        "images": plan.required("image_repository"),
        "digest": plan.variable("image_digest") or "",
        "api": plan.variable("prefect_api_url") or "",
        "health_port": _text(plan.setting("agent_health_port"), 8080),
        "log_days": _text(plan.setting("log_retention_days"), 365),
        "disposable": "true" if plan.setting("protect_data") is False else "false",
        "fewest": _text(tasks.get("min"), 1),
        "most": _text(tasks.get("max"), 10),
        "credential": plan.required("prefect_credential"),
        "connection": connection,
        "connections": connection.split(":")[2] if connection else "",
    }


def _text(value: Any, default: int) -> str:
    return str(default if value is None else value)
