"""Which flow files have deployments on call, read without importing them. `make plan` passes them to Terraform."""

import ast
from pathlib import Path

from scripts.shared.environments import ROOT
from scripts.shared.flow_files import flow_files
from scripts.shared.run_tags import ON_CALL


def on_call_flows(root: Path = ROOT) -> list[str]:
    """Paths of the flow files in which the tag is written out."""
    return [
        path.relative_to(root).as_posix()
        for path in flow_files(root)
        if any(
            isinstance(node, ast.Constant) and node.value == ON_CALL for node in ast.walk(ast.parse(path.read_bytes()))
        )
    ]
