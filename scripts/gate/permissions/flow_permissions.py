"""The AWS permissions that flow files declare. `make plan` passes them to Terraform, which adds them to the flow role.

    permissions = [{"actions": ["s3:GetObject"], "resources": ["arn:{partition}:s3:::partner-{env}/*"]}]

in a flow's file adds this to what every flow run may do. It is read and not run: what a reviewer sees is what holds.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError
from pydantic_core import PydanticCustomError

from scripts.shared.environments import ROOT
from scripts.shared.flow_files import flow_files, parse, syntax_problem
from scripts.shared.refusal import Refusal

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


def declared(root: Path = ROOT) -> list[dict[str, Any]]:
    """Every declared permission with the `flow` that declares it: the file's path below flows/, without its ending.

    Raises:
        Refusal: a file declares something else, or is no Python; all such files are named.
    """
    found: list[dict[str, Any]] = []
    problems: list[str] = []
    for path in flow_files(root):
        _, rights, wrong = _read(path, root)
        found += rights
        problems += wrong
    if problems:
        raise Refusal("\n".join(problems), 1)
    return found


def not_applied(applied: list[dict[str, Any]], root: Path = ROOT) -> Iterator[str]:
    """Of each flow file that declares other rights than those that are applied: that, with its line.

    A file whose rights cannot be read is left to `declared`.
    """
    for path in flow_files(root):
        line, rights, wrong = _read(path, root)
        if not wrong and rights != [each for each in applied if each["flow"] == _flow(path, root)]:
            where = f"{path.relative_to(root).as_posix()}:{line}"
            yield f"{where}: got other permissions than those that are applied; expected the same: run `make up`."


def _flow(path: Path, root: Path) -> str:
    return path.relative_to(root / "flows").with_suffix("").as_posix()


def _read(path: Path, root: Path) -> tuple[int, list[dict[str, Any]], list[str]]:
    """Of one file: the line of its declaration, what it declares, and what is wrong with it."""
    try:
        statement = _statement(parse(path))
    except SyntaxError as error:
        return 1, [], [syntax_problem(error, root)]
    if not statement:
        return 1, [], []
    where = f"{path.relative_to(root).as_posix()}:{statement.lineno}: got permissions"
    try:
        # A loop has a target and no value.
        declarations = PERMISSIONS.validate_python(ast.literal_eval(getattr(statement, "value", statement)))
    except ValidationError as error:
        problems = [
            f"{where}{''.join(f'[{part!r}]' for part in each['loc'])}: {each['msg']}; {EXPECTED}."
            for each in error.errors()
        ]
    except (ValueError, TypeError):
        text = ast.unparse(statement).partition("\n")[0][:60]
        problems = [f"{where} that cannot be read without running the file (`{text}`); {EXPECTED}."]
    else:
        return statement.lineno, [{"flow": _flow(path, root), **each.model_dump()} for each in declarations], []
    return statement.lineno, [], problems


def _statement(tree: ast.Module) -> ast.stmt | None:
    """What gives `permissions` a value."""
    for node in tree.body:
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        if any(isinstance(target, ast.Name) and target.id == "permissions" for target in targets):
            return node
    return None
