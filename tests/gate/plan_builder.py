"""Builds small plan JSON, as `terraform show -json` writes it, out of resources in one line each."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from scripts.gate.reading.plan import Finding, Plan, without_indexes

IMAGE = f"123456789012.dkr.ecr.eu-west-1.amazonaws.com/data-flows@sha256:{'a' * 64}"
VARIABLES = {
    "account_id": "123456789012",
    "region": "eu-west-1",
    "name": "HarborFlows",
    "environment": "amber",
    "image_repository": "data-flows",
    "image_digest": IMAGE.partition("@")[2],
    "prefect_credential": "PREFECT_API_KEY",
}
BLOCK = re.compile(r"(?:(?P<module>.*)\.)?(?P<type>aws_\w+)\.(?P<name>\w+)$")


def resource(
    address: str,
    after: dict[str, Any] | None = None,
    *,
    unknown: dict[str, Any] | None = None,
    references: dict[str, list[str]] | None = None,
    actions: tuple[str, ...] = ("create",),
    before: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """A resource change; `references`: what its expressions refer to, by attribute (`block.attribute` for nested)."""
    parts = BLOCK.fullmatch(without_indexes(address))
    module = re.match(r'((?:module\.\w+(?:\["[^"]*"\]|\[\d+\])?\.)*)', address)[1].rstrip(".")
    change = {"actions": list(actions), "before": before, "after": after or {}, "after_unknown": unknown or {}}
    return {
        "address": address,
        "mode": "managed",
        "type": parts["type"],
        "name": parts["name"],
        **({"module_address": module} if module else {}),
        "change": change | ({"after": None} if actions == ("delete",) else {}),
        "references": references or {},
    }


def plan_data(
    *resources: dict[str, Any],
    calls: dict[str, dict[str, list[str]]] | None = None,
    outputs: dict[str, list[str]] | None = None,
    variables: dict[str, str] | None = None,
    output_changes: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Plan JSON. `calls`: `module.a` → its arguments' references; `outputs`: `module.a.name` → its references."""
    root: dict[str, Any] = {"resources": [], "module_calls": {}}

    def module(address: str) -> dict[str, Any]:
        found = root
        for name in without_indexes(address).split(".")[1::2] if address else []:
            call = found.setdefault("module_calls", {}).setdefault(name, {"source": f"../modules/{name}"})
            found = call.setdefault("module", {"resources": [], "outputs": {}})
        return found

    for change in (dict(one) for one in resources):
        block = {name: change[name] for name in ("mode", "type", "name")}
        block |= {"address": f"{change['type']}.{change['name']}", "expressions": {}}
        for attribute, references in change["references"].items():
            *outer, last = attribute.split(".")
            inside: Any = block["expressions"]
            for name in outer:
                inside = inside.setdefault(name, [{}])[0]
            inside[last] = {"references": references} if references else {}
        module(change.get("module_address", ""))["resources"].append(block)
    for address, arguments in (calls or {}).items():
        parent, _, name = without_indexes(address).rpartition("module.")
        module(address)
        call = module(parent.rstrip("."))["module_calls"][name]
        call["expressions"] = {argument: {"references": references} for argument, references in arguments.items()}
    for address, references in (outputs or {}).items():
        owner, _, name = address.rpartition(".")
        module(owner)["outputs"][name] = {"expression": {"references": references}}
    return {
        "format_version": "1.2",
        "terraform_version": "1.11.4",
        "variables": {
            name: {"value": value} for name, value in (VARIABLES if variables is None else variables).items()
        },
        "planned_values": {"root_module": {}},
        "resource_changes": list(resources),
        "output_changes": output_changes or {},
        "configuration": {"root_module": root},
    }


def find(check: Callable, *resources: dict[str, Any], **more: Any) -> list[Finding]:
    """What a rule finds in a plan of these resources."""
    return list(check(Plan(plan_data(*resources, **more))))


def policy(*statements: dict[str, Any]) -> str:
    """A policy document; each statement is an Allow unless it says otherwise."""
    return json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow"} | one for one in statements]})


TAGS = {"service": "harbor-flows", "environment": "amber", "owner": "data-platform", "repository": "data-flows"}
LOGS = resource(
    "module.flow_task.aws_cloudwatch_log_group.flow",
    {"name": "/HarborFlows/Amber/flow", "retention_in_days": 365, "kms_key_id": "alias/HarborFlows-Amber"},
)

CREDENTIAL = "arn:aws:ssm:eu-west-1:123456789012:parameter/HarborFlows/Amber/PREFECT_API_KEY"


def task_definition(address: str = "module.flow_task.aws_ecs_task_definition.flow", **container: Any) -> dict[str, Any]:
    """A task definition of one good container, changed by the arguments; its log group is LOGS."""
    good = {
        "name": "prefect",
        "image": IMAGE,
        "environment": [],
        "secrets": [{"name": "PREFECT_API_KEY", "valueFrom": CREDENTIAL}],
        "readonlyRootFilesystem": True,
        "logConfiguration": {"logDriver": "awslogs", "options": {"awslogs-group": "/HarborFlows/Amber/flow"}},
    }
    after = {
        "family": "HarborFlows-Amber-flow",
        "task_role_arn": "arn:aws:iam::123456789012:role/HarborFlows-Amber-flow",
        "requires_compatibilities": ["FARGATE"],
        "cpu": "1024",
        "memory": "4096",
        "container_definitions": json.dumps([good | container]),
        "tags_all": TAGS,
    }
    return resource(address, after)


def write(path: Path, data: Any) -> Path:
    """Write JSON to a file."""
    path.write_text(json.dumps(data))
    return path
