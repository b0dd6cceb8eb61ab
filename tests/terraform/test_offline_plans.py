"""Plans of dev and prod need no server and no account, and the gate passes them."""

import json
import os
import subprocess
import sys

import pytest

from scripts.shared.environments import ROOT

ACCOUNTS = {"dev": "111111111111", "prod": "222222222222"}


@pytest.mark.parametrize("environment", ACCOUNTS)
def test_the_gate_passes_and_its_record_says_that_the_plan_was_offline(offline_plan, environment):
    folder = offline_plan(environment)
    record = json.loads((folder / "gate.json").read_text())
    assert record["passed"]
    assert record["offline"]
    assert (record["environment"], record["account_id"]) == (environment, ACCOUNTS[environment])
    assert "Gate passed" in (folder / "output.txt").read_text().splitlines()[-1]
    assert "<html" in (folder / "report.html").read_text()[:200]


@pytest.mark.parametrize("environment", ACCOUNTS)
def test_only_variables_differ_between_the_environments(offline_plan, environment):
    folder = offline_plan(environment)
    plan = json.loads((folder / "plan.json").read_text())
    names = {change["address"].partition("[")[0] for change in plan["resource_changes"]}
    other = json.loads((offline_plan("prod" if environment == "dev" else "dev") / "plan.json").read_text())
    assert names == {change["address"].partition("[")[0] for change in other["resource_changes"]}


def test_an_offline_plan_is_never_applied(offline_plan):
    folder = offline_plan("dev")
    answer = subprocess.run(
        [sys.executable, "-m", "scripts.apply_plan", "dev"],
        cwd=ROOT, env={**os.environ, "DATA_FLOWS_BUILD_DIRECTORY": str(folder.parent)},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert answer.returncode == 1
    assert "it is of an offline plan, which knows nothing of what exists" in answer.stderr


def test_planning_leaves_the_configuration_as_it_was(offline_plan):
    offline_plan("dev")
    assert not list((ROOT / "terraform").glob("*override*"))
