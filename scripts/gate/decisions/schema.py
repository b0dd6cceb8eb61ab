"""The provider's schema of the resource types that the tables decide about, as far as somebody may set something.

    python -m scripts.gate.decisions.schema      # after an update of the provider, or for a new resource type

Writes schema.json beside this file, from `terraform providers schema -json`. There, an argument is `required`,
`optional` or `default` (optional, and filled in by provider or AWS where the code leaves it out); a block is an object.
"""

import json
import subprocess
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from scripts.gate.decisions.tables import product_tables
from scripts.shared import terraform
from scripts.shared.environments import Environment
from scripts.shared.offline_root import offline_root

FILE = Path(__file__).resolve().with_name("schema.json")
Excerpt = dict[str, Any]


def excerpt() -> dict[str, Excerpt]:
    """The committed schema: type → argument → what it is, or its block's arguments."""
    found: dict[str, Excerpt] = json.loads(FILE.read_text())
    return found


def paths(arguments: Excerpt, outer: str = "") -> Iterator[str]:
    """Every argument, also in blocks: `network_configuration.subnets`. A block itself is none."""
    for name, kind in arguments.items():
        if isinstance(kind, dict) and kind:
            yield from paths(kind, f"{outer}{name}.")
        else:
            yield f"{outer}{name}"


def read_schema(types: Iterable[str]) -> dict[str, Excerpt]:
    """The schema of these types, from Terraform and the locked provider.

    Raises:
        Refusal: there is neither Terraform nor the provider.
    """
    terraform.check_version()
    with tempfile.TemporaryDirectory() as folder:
        root = offline_root(Path(folder))
        shell = terraform.environment_variables(Environment("schema", Path(folder)), Path(folder))
        terraform.init(root, shell, None)
        command = ["terraform", f"-chdir={root}", "providers", "schema", "-json"]
        answer = subprocess.run(command, env=shell, capture_output=True, check=True)
    providers = json.loads(answer.stdout)["provider_schemas"].values()
    schemas = {name: one for provider in providers for name, one in provider.get("resource_schemas", {}).items()}
    return {type_: _block(schemas[type_]["block"]) for type_ in sorted(types)}


def _block(block: dict[str, Any]) -> Excerpt:
    found: Excerpt = {}
    for name, attribute in block.get("attributes", {}).items():
        if attribute.get("required"):
            found[name] = "required"
        elif attribute.get("optional"):
            found[name] = "default" if attribute.get("computed") else "optional"
    return found | {name: _block(inner["block"]) for name, inner in block.get("block_types", {}).items()}


def main() -> None:
    """Write the excerpt, a type a line."""
    lines = [f"{json.dumps(type_)}: {json.dumps(one)}" for type_, one in read_schema(product_tables()).items()]
    FILE.write_text("{\n" + ",\n".join(lines) + "\n}\n")
    print(f"{FILE.name}: {len(lines)} resource types.")


if __name__ == "__main__":
    main()
