"""What holds for every flow file there is: it needs nothing to be imported, and imports nothing slow."""

import json
import subprocess
import sys

import pytest

from scripts.shared.environments import ROOT
from scripts.shared.flow_files import flow_files

SLOW = {"boto3", "cryptography", "pandera", "polars", "pyarrow", "snowflake.connector"}
FILES = [path.relative_to(ROOT) for path in flow_files()]
# One process for all: importing Prefect takes seconds.
IMPORT_ALL = """
import importlib, json, sys
for module in sys.argv[1:]:
    before = set(sys.modules)
    deployments = importlib.import_module(module).deployments
    tags = [sorted(deployment.tags) for deployment in deployments]
    print(json.dumps([module, sorted(set(sys.modules) - before), tags]), flush=True)
"""


@pytest.fixture(scope="module")
def imported():
    """Module → the modules that it imports and the tags of its deployments."""
    modules = [".".join(file.with_suffix("").parts) for file in FILES]
    command = [sys.executable, "-c", IMPORT_ALL, *modules]
    done = subprocess.run(command, env={}, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return {module: (set(loaded), tags) for module, loaded, tags in map(json.loads, done.stdout.splitlines())}


def test_importing_a_flow_needs_no_variable_and_loads_nothing_slow(imported):
    assert len(imported) == len(FILES)
    assert {module: loaded & SLOW for module, (loaded, _) in imported.items() if loaded & SLOW} == {}


def test_every_deployment_names_its_owner(imported):
    has_owner = lambda tags: any(tag.removeprefix("owner:") not in ("", tag) for tag in tags)  # noqa: E731
    without = [module for module, (_, deployments) in imported.items() if not all(map(has_owner, deployments))]
    assert without == []
