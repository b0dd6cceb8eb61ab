"""Nothing that a container, build, pipeline, machine or parameter is given in plain text holds a secret."""

import base64
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from scripts.gate.reading.documents import containers
from scripts.gate.reading.plan import UNKNOWN, Finding, Plan, Resource
from scripts.gate.reading.references import why_unknown
from scripts.gate.reading.secret_values import looks_like_secret_name, secret_kind

NEEDS = ("known_policies",)
EXPECTED = "secrets only by the ARN of an SSM parameter"
# Of these, every text that a plan shows, whatever it is for.
TYPES = (
    *("aws_ecs_task_definition", "aws_codebuild_project", "aws_codepipeline", "aws_ssm_parameter"),
    *("aws_lambda_function", "aws_instance", "aws_launch_template", "aws_launch_configuration"),
)
# Judged by their names too; documents that are judged part by part; what only names a secret.
ELSEWHERE = {
    *("environment", "environment_variable", "configuration", "container_definitions", "secrets", "tags", "tags_all")
}


def check(plan: Plan) -> Iterator[Finding]:
    for definition in containers(plan):
        for container in definition.items:
            for got in _settings(container.get("environment") or []):
                yield Finding(definition.resource.address, f"container {container.get('name')}: {got}", EXPECTED)
            for file in container.get("environmentfiles") or []:
                got = f"environment file {file.get('value')}, whose content the plan does not show"
                yield Finding(definition.resource.address, f"container {container.get('name')}: {got}", EXPECTED)
            for got in _texts(container):
                yield Finding(definition.resource.address, f"container {container.get('name')}: {got}", EXPECTED)
    for resource in plan.planned(*TYPES):
        for got in _texts(resource.after):
            yield Finding(resource.address, got, EXPECTED)
    for project in plan.planned("aws_codebuild_project"):
        for environment in project.after.get("environment") or []:
            for got in _settings(environment.get("environment_variable") or []):
                yield Finding(project.address, got, EXPECTED)
    for resource, attribute, settings in _maps(plan):
        if settings is UNKNOWN:
            yield Finding(resource.address, why_unknown(plan, resource, attribute), EXPECTED)
            continue
        for got in _settings([{"name": name, "value": value} for name, value in settings.items()]):
            yield Finding(resource.address, got, EXPECTED)


def _maps(plan: Plan) -> Iterator[tuple[Resource, str, Any]]:
    """Settings that are a map, and the attribute that holds them: of functions and of the actions of pipelines."""
    for function in plan.planned("aws_lambda_function"):
        for block in function.after.get("environment") or []:
            yield function, "environment.variables", block.get("variables") or {}
    for pipeline in plan.planned("aws_codepipeline"):
        for stage in pipeline.after.get("stage") or []:
            for action in stage.get("action") or []:
                yield pipeline, "stage.action.configuration", action.get("configuration") or {}


def _texts(value: Any, path: str = "") -> Iterator[str]:
    """What the texts below `value` hold that is none of a plan's business, each by its path."""
    if isinstance(value, dict):
        for name, inner in value.items():
            if name not in ELSEWHERE:
                yield from _texts(inner, f"{path}.{name}" if path else str(name))
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from _texts(inner, f"{path}[{number}]")
    elif isinstance(value, str):
        if path.endswith("user_data_base64"):  # Encoded, everything looks random.
            with suppress(ValueError):
                value = base64.b64decode(value, validate=True).decode()
        if kind := secret_kind(path, value):
            yield f"{path} holds {kind}"


def _settings(settings: Any) -> Iterator[str]:
    """`type` is CodeBuild's: the value of another than PLAINTEXT is only the name of a secret."""
    for setting in settings:
        name, value = str(setting.get("name")), setting.get("value")
        if (setting.get("type") or "PLAINTEXT") != "PLAINTEXT":
            continue
        if value is UNKNOWN:
            # A plan hides what is not known; what is named like a secret then may be one.
            if looks_like_secret_name(name, "unknown"):
                yield f"variable {name} is named like a secret, and its value is unknown until apply"
        elif kind := secret_kind(name, str(value or "")):
            yield f"variable {name} holds {kind}"
        elif looks_like_secret_name(name, str(value or "")):
            yield f"variable {name} is named like a secret"
