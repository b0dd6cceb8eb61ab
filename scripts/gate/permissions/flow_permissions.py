"""The AWS permissions that flow files declare. `make plan` passes them to Terraform, which makes the flow a role.

    permissions = [{"actions": ["s3:GetObject"], "resources": ["arn:{partition}:s3:::partner-{env}/*"]}]

in a flow's file adds this to what every flow run may do, for the runs of this file.
"""

import re
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, TypeAdapter
from pydantic_core import PydanticCustomError

from scripts.shared import declarations
from scripts.shared.environments import ROOT

EXPECTED = (
    'expected `permissions = [{"actions": ["s3:GetObject"], "resources": ["arn:{partition}:s3:::bucket/*"]}]`, '
    "written out as literals"
)


# What modules/iam replaces.
PLACEHOLDERS = ["{partition}", "{region}", "{account}", "{env}", "{Env}", "{title}", "{prefix}", "{path}"]


def _action(action: str) -> str:
    if not re.fullmatch(r"[a-z0-9-]+:[A-Za-z0-9]+", action):
        raise PydanticCustomError("action", "{action} is not the full name of one action", {"action": action})
    return action


def _resource(resource: str) -> str:
    if not resource.startswith("arn:"):
        raise PydanticCustomError("resource", "{resource} is no ARN", {"resource": resource})
    for part in re.findall(r"\{\w+\}", resource):
        if part not in PLACEHOLDERS:
            message = "{part} is no placeholder; the placeholders are {known}"
            raise PydanticCustomError("placeholder", message, {"part": part, "known": " ".join(PLACEHOLDERS)})
    return resource


class Permission(BaseModel):
    """Full names of actions, and ARNs with or without placeholders."""

    model_config = ConfigDict(extra="forbid", strict=True)
    actions: list[Annotated[str, AfterValidator(_action)]] = Field(min_length=1)
    resources: list[Annotated[str, AfterValidator(_resource)]] = Field(min_length=1)


PERMISSIONS = TypeAdapter(list[Permission])


def declared(root: Path = ROOT, *, strict: bool = True) -> list[dict[str, Any]]:
    """Every declared permission with the `flow` that declares it: the file's path below flows/, without its ending.

    Raises:
        Refusal: as `declarations.read` does.
    """
    found = declarations.read(root, "permissions", PERMISSIONS, EXPECTED, strict=strict)
    return [{"flow": flow, **each.model_dump()} for flow, several in found.items() for each in several]
