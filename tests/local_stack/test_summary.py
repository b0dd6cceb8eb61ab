"""The closing summary of `make up` tells of whatever deployments there are."""

import json
from types import SimpleNamespace

import pytest

from scripts.gate import record
from scripts.local_stack import summary
from scripts.shared.environments import Environment
from scripts.shared.local_settings import LocalSettings


@pytest.fixture
def told(tmp_path, monkeypatch, capsys):
    """`told(deployments, runs)`: what is printed, by the first words of its line."""
    actions = [["no-op"], ["create"], ["create"]]
    changes = [{"mode": "managed", "change": {"actions": each}} for each in actions]
    (tmp_path / "plan.json").write_text(json.dumps({"resource_changes": changes}))
    monkeypatch.setattr(record, "read", lambda _: SimpleNamespace(rules=["a", "b"], account_id="444455556666"))
    environment, settings = Environment("local", tmp_path), LocalSettings.load(directory=tmp_path)

    def tell(deployments, runs):
        summary.print_summary(environment, settings, deployments, runs, 61.4)
        return capsys.readouterr().out

    return tell


def test_each_run_has_its_line_and_a_deployment_there_is_stands_in_the_hint(told):
    said = told(["orders/daily", "prices/daily"], {"prices/daily": "Completed after 2.0 s: rows read 3"})
    lines = {line.split("  ")[0]: line.split("  ")[-1].strip() for line in said.splitlines()}
    assert lines["Resources"] == "3 in the plan, 2 of them changed just now"
    assert lines["Deployments"].startswith("2 registered in work pool ")
    assert lines["prices/daily"] == "Completed after 2.0 s: rows read 3"
    assert "  make run FLOW=prices/daily   run a flow again" in said.splitlines()


def test_where_nothing_ran_the_hint_names_any_deployment(told):
    assert "  make run FLOW=orders/daily " in told(["orders/daily"], {})


def test_without_a_flow_the_next_command_adds_one(told):
    said = told([], {})
    assert "  make new-flow NAME=orders/daily_orders   add a flow; there is none yet" in said.splitlines()
    assert "make run" not in said
