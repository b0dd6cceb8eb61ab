"""Each flow of this repository, whatever flows there are, can be registered, and importing it loads nothing slow."""

import json
import subprocess
import sys

import pytest

from scripts.registration.flow_import import FlowImport, Imported
from scripts.shared.environments import ROOT
from scripts.shared.flow_files import flow_files

FILES = [path.relative_to(ROOT).as_posix() for path in flow_files()]
# Not polars: declarations are dataframely schemas, which are read at import and need it (0.4 s).
SLOW = ["boto3", "cryptography", "pandas", "pandera", "prefect_aws", "pyarrow", "snowflake.connector"]


@pytest.fixture(scope="module")
def imported() -> Imported:
    with FlowImport("dev") as flow_import:
        return flow_import.result()


@pytest.mark.parametrize("file", FILES)
def test_it_imports_and_says_how_it_is_deployed(imported: Imported, file: str) -> None:
    """Owner, descriptions, time zones, parameters: all that registration asks for."""
    assert not [problem for problem in imported.problems if file in problem]
    found = [each for each in imported.deployments if each["file"] == file]
    assert found
    for each in found:
        assert each["description"]
        assert any(tag.startswith("owner:") for tag in each["tags"])


def test_together_they_can_be_registered(imported: Imported) -> None:
    assert imported.problems == []


def test_importing_them_needs_no_variable_and_loads_nothing_slow() -> None:
    modules = [file.removesuffix(".py").replace("/", ".") for file in FILES]
    load = f"[importlib.import_module(name) for name in {modules}]"
    code = f"import importlib, json, sys; {load}; print(json.dumps(list(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env={}, capture_output=True, text=True, check=True)
    assert set(SLOW) & set(json.loads(done.stdout)) == set()
