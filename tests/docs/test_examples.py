"""The Python examples of the pages work as they stand: flows register, rules find, data sets can be declared."""

import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest
from markdown_pages import blocks
from plan_builder import find, resource

from flows.shared.data.columns import Written
from flows.shared.data.landing import Landing
from scripts.gate.permissions import flow_permissions
from scripts.local_stack.seed_landing import seed_landing
from scripts.registration.flow_import import FlowImport
from scripts.shared.environments import ROOT

# The pages about a team's own flows are the team's.
PYTHON = [block for block in blocks("python") if not block.where.startswith("docs/flows/")]
FLOWS = [block for block in PYTHON if ".to_deployment(" in block.text]
RULES = [block for block in PYTHON if "def check(" in block.text]
HOOKS = [block for block in PYTHON if "def put_landing_data(" in block.text]
DATA_SETS = [block for block in PYTHON if "Landing(" in block.text and block not in FLOWS]


def test_every_python_example_is_a_flow_file_or_a_rule_or_a_landing_hook_or_a_data_set():
    assert FLOWS
    assert [block.where for block in PYTHON if block not in [*FLOWS, *RULES, *HOOKS, *DATA_SETS]] == []


@pytest.mark.parametrize("block", FLOWS, ids=lambda block: block.where)
def test_a_flow_example_registers_as_a_file_of_flows(block, tmp_path):
    shutil.copytree(ROOT / "flows" / "shared", tmp_path / "flows" / "shared")
    (tmp_path / "flows" / "__init__.py").touch()
    (tmp_path / "flows" / "from_the_page.py").write_text(block.text)
    with FlowImport("local", tmp_path) as flow_import:
        loaded = flow_import.result()
    assert loaded.problems == []
    for deployment in loaded.deployments:
        assert deployment["description"]
        assert any(tag.startswith("owner:") for tag in deployment["tags"])
    assert len(flow_permissions.declared(tmp_path)) == block.text.count('"actions"')


@pytest.mark.parametrize("block", RULES, ids=lambda block: block.where)
def test_a_rule_example_finds_its_mistake_and_nothing_else(block):
    rule = {}
    exec(compile(block.text, block.where, "exec"), rule)  # noqa: S102 - it is the page's own text.
    alarm = "module.alerts.aws_cloudwatch_metric_alarm.agents"
    topic = "arn:aws:sns:eu-west-1:123456789012:alerts"
    assert [finding.address for finding in find(rule["check"], resource(alarm))] == [alarm]
    assert find(rule["check"], resource(alarm, {"alarm_actions": [topic]})) == []


@pytest.mark.parametrize("block", HOOKS, ids=lambda block: block.where)
def test_a_landing_hook_example_puts_data_and_says_so(block, tmp_path, monkeypatch):
    (tmp_path / "the_hook_of_the_page.py").write_text(block.text)
    monkeypatch.syspath_prepend(tmp_path)
    put = []
    s3 = SimpleNamespace(put_object=lambda **arguments: put.append(arguments["Key"]))
    said = seed_landing(s3, "bucket", [Path("the_hook_of_the_page.py")])
    assert (len(put), said) == (1, "1 file put")


@pytest.mark.parametrize("block", DATA_SETS, ids=lambda block: block.where)
def test_a_data_set_example_can_be_declared(block):
    names = {"__name__": "the_data_set_of_the_page"}
    exec(compile(block.text, block.where, "exec"), names)  # noqa: S102 - it is the page's own text.
    (declared,) = [value for value in names.values() if isinstance(value, Landing)]
    assert [column.name for column in declared.columns if column.written != Written()] == list(declared.written)
