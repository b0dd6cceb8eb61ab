"""The environment variables of a task's container: those of image, Fargate, task definition, secrets and overrides."""

import re
import sys
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from scripts.local_stack.fargate.roles import RoleError, Roles
from scripts.local_stack.supervisor.processes import TASK_MARK
from scripts.shared.container_variables import MissingParametersError, plain_variables, secret_values

DIGEST = re.compile(r"@sha256:([0-9a-f]{64})$")
SYSTEM_PATH = "/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin"


class StartError(Exception):
    """A task cannot start; the text is what ECS writes into stoppedReason."""


def image_folder(images: Path, image: str) -> Path:
    """Return the folder that stands for `image` (by digest); raise StartError as a failed pull does."""
    digest = DIGEST.search(image)
    folder = images / digest[1] if digest else None
    if folder is None or not folder.is_dir():
        raise StartError(
            "CannotPullContainerError: pull image manifest has been retried 1 time(s): "
            f"failed to resolve ref {image}: not found"
        )
    return folder


def image_variables(folder: Path, home: Path) -> dict[str, str]:
    """Return what the Dockerfile's ENV sets, with paths of this machine. `home` is the task's home folder."""
    # Links are not followed: the virtual environment's own folder must come first.
    binaries = Path(sys.executable).parent
    return {
        "PATH": f"{binaries}:{SYSTEM_PATH}",
        "LANG": "C.UTF-8",  # From the base image.
        "PYTHONPATH": str(folder),
        "PYTHONUNBUFFERED": "1",
        "PREFECT_HOME": str(home / "prefect"),
        "HOME": str(home),
        "TMPDIR": str(home / "tmp"),
    }


def fargate_variables(endpoint_url: str, region: str, task_id: str, token: str) -> dict[str, str]:
    """Return what Fargate itself injects, plus the address of the embedded AWS."""
    return {
        "AWS_REGION": region,
        "AWS_DEFAULT_REGION": region,
        "AWS_EXECUTION_ENV": "AWS_ECS_FARGATE",
        "AWS_ENDPOINT_URL": endpoint_url,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONTAINER_CREDENTIALS_FULL_URI": f"{endpoint_url}/_fargate/credentials/{task_id}",
        "AWS_CONTAINER_AUTHORIZATION_TOKEN": token,
        TASK_MARK: f"{endpoint_url}/_fargate/metadata/{task_id}",
    }


def read_secrets(
    roles: Roles, region: str, execution_role_arn: str | None, definition: dict[str, Any]
) -> dict[str, str]:
    """Return the container's SSM secrets by name, read as the execution role; raise StartError when one is missing."""
    if not definition.get("secrets"):
        return {}
    if not execution_role_arn:
        raise _secrets_error("the task definition has secrets but no execution role")
    try:
        return secret_values(roles.client("ssm", region, execution_role_arn), definition)
    except (ClientError, MissingParametersError) as error:
        raise _secrets_error(str(error)) from None
    except RoleError as error:
        raise StartError(str(error)) from None


def combine(
    *layers: dict[str, str], definition: dict[str, Any], override: dict[str, Any], secret: dict[str, str]
) -> dict[str, str]:
    """Return the layers with the definition's environment, then the secrets, then RunTask's overrides on top."""
    result: dict[str, str] = {}
    for layer in (*layers, plain_variables(definition), secret, plain_variables(override)):
        result |= layer
    return result


def make_home(home: Path) -> None:
    """Make the folders that the image's environment names: the container's own writable storage."""
    for folder in (home / "prefect", home / "tmp"):
        folder.mkdir(parents=True, exist_ok=True)
    home.chmod(0o700)


def _secrets_error(text: str) -> StartError:
    return StartError(
        "ResourceInitializationError: unable to pull secrets or registry auth: execution resource retrieval failed: "
        f"unable to retrieve secrets from ssm: {text}"
    )
