"""Corrects where moto answers differently from AWS about CodeBuild and CodePipeline."""

from typing import Any

from moto.codebuild import responses as codebuild
from moto.codebuild.exceptions import ResourceNotFoundException
from moto.codebuild.models import CodeBuild, CodeBuildBackend
from moto.codepipeline.models import CodePipeline
from moto.core.responses import ActionResult

from scripts.local_stack.patches import Original, add, replace

# Parameters of CreateProject and UpdateProject that moto forgets, or that it would keep from the first call.
PROJECT_PARAMETERS = (
    *("description", "source", "artifacts", "environment", "serviceRole", "tags", "cache", "timeoutInMinutes"),
    *("queuedTimeoutInMinutes", "sourceVersion", "logsConfig", "vpcConfig", "encryptionKey", "concurrentBuildLimit"),
)


def install() -> None:
    """Patch moto's classes, once per process."""
    for check in ("_validate_required_params_source", "_validate_required_params_artifacts"):
        replace(codebuild, check, _check_location)
    replace(codebuild.CodeBuildResponse, "create_project", _create_project)
    add(codebuild.CodeBuildResponse, "update_project", _update_project)
    replace(CodeBuildBackend, "delete_project", _delete_project)
    add(CodePipeline, "metadata", property(_metadata))


def _check_location(original: Original, source_or_artifacts: dict[str, Any]) -> None:
    # A pipeline brings the sources and takes the artifacts: there is no location.
    if source_or_artifacts["type"] != "CODEPIPELINE":
        original(source_or_artifacts)


def _create_project(original: Original, response: codebuild.CodeBuildResponse) -> ActionResult:
    original(response)
    return _update_project(response)


def _delete_project(original: Original, backend: CodeBuildBackend, project_name: str) -> None:
    # Terraform gives the project's ARN, which AWS takes as well; moto would delete nothing and report success.
    original(backend, project_name.rpartition("project/")[2])


def _update_project(response: codebuild.CodeBuildResponse) -> ActionResult:
    project: CodeBuild | None = response.codebuild_backend.codebuild_projects.get(response._get_param("name"))
    if project is None:
        raise ResourceNotFoundException(f"Project cannot be found: {response._get_param('name')}")
    for parameter in PROJECT_PARAMETERS:
        if (value := response._get_param(parameter)) is not None:
            project.project_metadata[parameter] = value
    return ActionResult({"project": project.project_metadata})


def _metadata(pipeline: CodePipeline) -> dict[str, Any]:
    # The protocol's timestamps are numbers, and the AWS SDK for Go reads nothing else.
    return {
        "pipelineArn": pipeline._arn,
        "created": pipeline._created.timestamp(),
        "updated": pipeline._updated.timestamp(),
    }
