"""Every file of flows/ is found with its deployments, or told with what is wrong with it."""

import re
import subprocess
import sys

import pytest

from scripts.environments import ROOT

# A process of its own: `flows` of this repository is in sys.modules already.
LIST = """
import sys
from pathlib import Path
from scripts.discover_flows import discover
from scripts.refusal import run_command

def main():
    before = list(sys.path)
    try:
        for found in discover(Path(sys.argv[1])):
            print(found.flow.name, found.deployment.name, found.deployment.entrypoint)
    finally:
        assert sys.path == before, "sys.path was not put back"

run_command(main)
"""
GOOD = "from prefect import flow\n\n@flow\ndef good():\n    pass\n\ndeployments = [good.to_deployment('daily')]\n"
WRONG = {
    "nothing": "x = 1\n",
    "none_in_it": "deployments = []\n",
    "no_list": GOOD.replace("[", "").replace("]", ""),
    "a_flow": GOOD.replace(".to_deployment('daily')", ""),
    "foreign": "from flows import good\n\ndeployments = [good.good.to_deployment('daily')]\n",
    "missing": "import os\nimport no_such_module\n",
    "deep": GOOD.replace("('daily')", "('daily', cron='nonsense')"),
    "exit": "import sys\n\nsys.exit('no variable FOO')\n",
    "twice": GOOD.replace("good", "twice").replace("[", "[twice.to_deployment('daily'), "),
    "sharing": "from flows.shared import broken\n",
    "syntax": "x = 1\n\ndef broken(:\n    pass\n",
}
REMEDY = (
    "expected `deployments = [my_flow.to_deployment(name=…), …]` at its end; what flows share belongs in flows/shared/."
)


def discover(root):
    command = [sys.executable, "-c", LIST, str(root)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def wrong(tmp_path_factory):
    """What is said, line by line, of a folder with one good file and every kind of wrong one."""
    root = tmp_path_factory.mktemp("root")
    (root / "flows" / "shared").mkdir(parents=True)
    (root / "flows" / "shared" / "broken.py").write_text("x = 1\ny = 1 / 0\n")
    for name, text in {"__init__": "", "good": GOOD, **WRONG}.items():
        (root / "flows" / f"{name}.py").write_text(text)
    answer = discover(root)
    assert (answer.returncode, answer.stdout) == (1, "")
    return dict(line.split(": ", 1) for line in re.split(r"\n(?=flows/)", answer.stderr.strip()))


def test_both_flows_of_this_repository_are_found_with_relative_entrypoints():
    answer = discover(ROOT)
    assert (answer.returncode, answer.stderr) == (0, "")
    assert answer.stdout.splitlines() == [
        "flights_to_warehouse hourly flows/flights_to_warehouse.py:flights_to_warehouse",
        "warehouse_to_s3 daily flows/warehouse_to_s3.py:warehouse_to_s3",
    ]


def test_every_wrong_file_is_named_at_once_and_no_other(wrong):
    assert set(wrong) == {f"flows/{name}.py" for name in WRONG}


def test_a_file_without_deployments_is_told_what_is_missing(wrong):
    assert wrong["flows/nothing.py"] == f"got no `deployments`; {REMEDY}"
    assert wrong["flows/none_in_it.py"] == f"got an empty `deployments`; {REMEDY}"


def test_a_wrong_type_is_named(wrong):
    assert wrong["flows/no_list.py"] == f"got RunnerDeployment `deployments`; {REMEDY}"
    assert wrong["flows/a_flow.py"] == f"got Flow in `deployments`; {REMEDY}"


def test_a_flow_of_another_file_is_told(wrong):
    assert wrong["flows/foreign.py"] == f"got a deployment of good, which is no flow of this file; {REMEDY}"


def test_a_file_that_does_not_import_is_told_with_the_error_and_its_own_line(wrong):
    said = "import failed: ModuleNotFoundError: No module named 'no_such_module' (flows/missing.py:2)"
    assert wrong["flows/missing.py"] == said
    assert wrong["flows/syntax.py"] == "import failed: SyntaxError: invalid syntax (syntax.py, line 3)"


def test_a_file_that_ends_the_process_ends_only_its_own_import(wrong):
    assert wrong["flows/exit.py"] == "import failed: SystemExit: no variable FOO (flows/exit.py:3)"


def test_two_deployments_of_one_name_are_told_for_one_would_overwrite_the_other(wrong):
    assert wrong["flows/twice.py"] == "got 2 deployments named twice/daily; expected names to differ."


def test_an_error_inside_a_library_is_told_with_the_line_that_called_it(wrong):
    assert wrong["flows/deep.py"].endswith("(flows/deep.py:7)")


def test_an_error_in_what_flows_share_is_told_with_its_line_there(wrong):
    said = "import failed: ZeroDivisionError: division by zero (flows/shared/broken.py:2)"
    assert wrong["flows/sharing.py"] == said
