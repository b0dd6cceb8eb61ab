"""What moto answers otherwise than AWS about CodeBuild and CodePipeline, corrected."""

from collections.abc import Callable
from datetime import datetime
from functools import wraps
from typing import Any

from moto.codebuild import responses as codebuild
from moto.codebuild.models import CodeBuild, CodeBuildBackend
from moto.codepipeline.models import CodePipeline
from moto.core.responses import ActionResult

# Parameters of CreateProject and UpdateProject that moto forgets, or that it would keep from the first call.
PROJECT_PARAMETERS = (
    *("description", "source", "artifacts", "environment", "serviceRole", "tags", "cache", "timeoutInMinutes"),
    *("queuedTimeoutInMinutes", "sourceVersion", "logsConfig", "vpcConfig", "encryptionKey", "concurrentBuildLimit"),
)


def install() -> None:
    """Patch moto's classes, once per process."""
    for check in ("_validate_required_params_source", "_validate_required_params_artifacts"):
        setattr(codebuild, check, _unless_of_a_pipeline(getattr(codebuild, check)))
    original = codebuild.CodeBuildResponse.create_project

    @wraps(original)
    def create_project(response: codebuild.CodeBuildResponse) -> ActionResult:
        original(response)
        return _update_project(response)

    codebuild.CodeBuildResponse.create_project = create_project
    codebuild.CodeBuildResponse.update_project = _update_project
    delete_project = CodeBuildBackend.delete_project
    # AWS takes a project's ARN for its name, and Terraform gives it; moto would delete nothing and say that it had.
    CodeBuildBackend.delete_project = lambda backend, name: delete_project(backend, name.rpartition("project/")[2])
    CodePipeline.metadata = property(_metadata)


def _unless_of_a_pipeline(check: Callable[[dict[str, Any]], None]) -> Callable[[dict[str, Any]], None]:
    @wraps(check)
    def checked(source_or_artifacts: dict[str, Any]) -> None:
        # The pipeline brings sources and takes artifacts: there is no location.
        if source_or_artifacts["type"] != "CODEPIPELINE":
            check(source_or_artifacts)

    return checked


def _update_project(response: codebuild.CodeBuildResponse) -> ActionResult:
    project: CodeBuild | None = response.codebuild_backend.codebuild_projects.get(response._get_param("name"))
    if project is None:
        raise codebuild.ResourceNotFoundException(f"Project cannot be found: {response._get_param('name')}")
    for parameter in PROJECT_PARAMETERS:
        if (value := response._get_param(parameter)) is not None:
            project.project_metadata[parameter] = value
    return ActionResult({"project": project.project_metadata})


def _metadata(pipeline: CodePipeline) -> dict[str, Any]:
    # Numbers: the protocol's timestamps are, and the AWS SDK for Go reads nothing else.
    def seconds(moment: datetime) -> float:
        return moment.timestamp()

    return {
        "pipelineArn": pipeline._arn,
        "created": seconds(pipeline._created),
        "updated": seconds(pipeline._updated),
    }
