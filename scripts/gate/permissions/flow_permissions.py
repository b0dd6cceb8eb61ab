"""The AWS permissions that flow files declare. `make plan` passes them to Terraform, which adds them to the flow role.

    permissions = [{"actions": ["s3:GetObject"], "resources": ["arn:{partition}:s3:::partner-{env}/*"]}]

in a flow's file adds this to what every flow run may do. It is read without importing the file: a plan runs no flow.
"""

import ast
import re
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError
from pydantic_core import PydanticCustomError

from scripts.shared.environments import ROOT
from scripts.shared.flow_files import flow_files
from scripts.shared.refusal import Refusal

EXPECTED = (
    'expected `permissions = [{"actions": ["s3:GetObject"], "resources": ["arn:{partition}:s3:::bucket/*"]}]`, '
    "written out as literals"
)


# What modules/iam replaces.
PLACEHOLDERS = ["{partition}", "{region}", "{account}", "{env}", "{Env}", "{title}", "{prefix}", "{path}"]


def _with_known_placeholders(resource: str) -> str:
    for part in re.findall(r"\{\w+\}", resource):
        if part not in PLACEHOLDERS:
            message = "{part} is no placeholder; the placeholders are {known}"
            raise PydanticCustomError("placeholder", message, {"part": part, "known": " ".join(PLACEHOLDERS)})
    return resource


class Permission(BaseModel):
    """Full names of actions, and ARNs with or without placeholders."""

    model_config = ConfigDict(extra="forbid", strict=True)
    actions: list[str] = Field(min_length=1)
    resources: list[Annotated[str, AfterValidator(_with_known_placeholders)]] = Field(min_length=1)


PERMISSIONS = TypeAdapter(list[Permission])


def declared(root: Path = ROOT) -> list[dict[str, Any]]:
    """Every declared permission with the `flow` that declares it: the file's path below flows/, without its ending.

    Raises:
        Refusal: a file declares something else, or is no Python; all such files are named.
    """
    found, problems = [], []
    for path in flow_files(root):
        file = path.relative_to(root)
        flow = file.relative_to("flows").with_suffix("").as_posix()
        try:
            declarations = PERMISSIONS.validate_python(_literal(ast.parse(path.read_bytes())))
            found += [{"flow": flow, **each.model_dump()} for each in declarations]
        except SyntaxError as error:
            problems.append(f"{file}:{error.lineno or 1}: got a syntax error ({error.msg}); expected Python.")
        except ValidationError as error:
            where = "".join(f"[{part!r}]" for part in error.errors()[0]["loc"])
            problems.append(f"{file}: got permissions{where}: {error.errors()[0]['msg']}; {EXPECTED}.")
        except (ValueError, TypeError) as error:
            problems.append(f"{file}: got permissions that cannot be read ({error}); {EXPECTED}.")
    if problems:
        raise Refusal("\n".join(problems), 1)
    return found


def _literal(tree: ast.Module) -> Any:
    for node in tree.body:
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        if any(isinstance(target, ast.Name) and target.id == "permissions" for target in targets):
            return ast.literal_eval(getattr(node, "value", node))  # A loop has a target and no value.
    return []
