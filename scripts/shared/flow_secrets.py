"""The secrets that flow files declare: SSM parameters that runs of this file receive, and no other run.

    secrets = ["SNOWFLAKE_PRIVATE_KEY", "SHOP_API_TOKEN"]

What comes along with a known one (scripts/shared/known_parameters.json) is not written.
"""

import re
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Strict, TypeAdapter
from pydantic_core import PydanticCustomError

from scripts.shared import declarations
from scripts.shared.environments import ROOT
from scripts.shared.known_parameters import KNOWN, RESERVED

EXPECTED = 'expected `secrets = ["SNOWFLAKE_PRIVATE_KEY"]`, names of parameters written out as literals'


def _name(name: str) -> str:
    if not re.fullmatch(r"[A-Z][A-Z0-9_]*", name):
        message = "{name} is no name of a parameter, which is in capitals and without a path"
        raise PydanticCustomError("name", message, {"name": name})
    if KNOWN.get(name, {}).get("every_run"):
        raise PydanticCustomError("name", "{name} is what every run receives, so no file declares it", {"name": name})
    if name.startswith(RESERVED):
        raise PydanticCustomError("name", "{name} steers the run itself, so no secret has it", {"name": name})
    return name


def _distinct(names: list[str]) -> list[str]:
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise PydanticCustomError("twice", "{twice} is written twice", {"twice": ", ".join(twice)})
    return names


NAMES: TypeAdapter[list[str]] = TypeAdapter(
    Annotated[list[Annotated[str, Strict(), AfterValidator(_name)]], Strict(), AfterValidator(_distinct)]
)


def declared(root: Path = ROOT, *, strict: bool = True) -> dict[str, list[str]]:
    """The secrets of each flow file that declares some, as they are written.

    Raises:
        Refusal: as `declarations.read` does.
    """
    found = declarations.read(root, "secrets", NAMES, EXPECTED, strict=strict)
    return {flow: names for flow, names in found.items() if names}
