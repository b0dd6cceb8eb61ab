"""Offline plans of single modules by tftest."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import tftest
from offline import PROVIDER, initialised, with_context

from scripts.shared.environments import ROOT


@pytest.fixture(scope="session")
def plan_module(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., tftest.TerraformPlanOutput]:
    """`plan_module("network", network=…)`, for what no YAML says; the same call is planned once a session."""
    folders: dict[str, tftest.TerraformTest] = {}
    plans: dict[str, tftest.TerraformPlanOutput] = {}

    def prepare(module: str) -> tftest.TerraformTest:
        directory: Path = tmp_path_factory.mktemp("modules") / module
        shutil.copytree(ROOT / "modules" / module, directory)
        shutil.copy(ROOT / "terraform" / ".terraform.lock.hcl", directory)
        (directory / "provider.tf").write_text(PROVIDER)
        return initialised(directory)

    def plan(module: str, **variables: object) -> tftest.TerraformPlanOutput:
        call = json.dumps([module, variables], sort_keys=True)
        if call not in plans:
            test = folders[module] = folders.get(module) or prepare(module)
            file = Path(test.tfdir) / "case.tfvars.json"
            file.write_text(json.dumps(with_context(file.parent, variables)))
            plans[call] = test.plan(output=True, tf_var_file=str(file))
        return plans[call]

    return plan
