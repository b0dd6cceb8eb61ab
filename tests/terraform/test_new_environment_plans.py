"""What `make new-environment` writes plans offline and passes the gate as it is."""

import shutil
from pathlib import Path

from scripts.delivery import planning
from scripts.gate import catalog, engine
from scripts.shared import environments
from scripts.shared.environment_template import write_environment
from scripts.shared.environments import ROOT, Environment
from scripts.shared.image_digest import image_digest


def test_a_new_environment_plans_and_passes_every_rule(tmp_path, monkeypatch):
    for folder in ("environments", "bootstrap/accounts"):
        shutil.copytree(ROOT / "tests" / "fixtures" / Path(folder).name, tmp_path / "terraform" / folder)
    write_environment("staging", "333344445555", "eu-central-1", "sales", root=tmp_path)
    monkeypatch.setattr(environments, "FACTS", tmp_path / "terraform" / "environments")
    staging = Environment("staging", tmp_path / "build")
    planning.plan(staging, image_digest(), offline=True)
    rules = [name for name in catalog.check_names() if name != catalog.CHECKOV]
    gate = engine.run_gate(staging.directory / "plan.json", environment="staging", names=rules)
    assert gate.findings == []
    assert len(gate.rules) == len(rules)
