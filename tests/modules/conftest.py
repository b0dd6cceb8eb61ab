"""Offline plans of single modules by tftest: the real provider, no account, no state."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import tftest

from scripts import terraform
from scripts.environments import ROOT
from scripts.plan_environment import OFFLINE_OVERRIDE

CONTEXT = {
    "name": "DataFlows-Test",
    "path": "/DataFlows/Test",
    "partition": "aws",
    "account_id": "333333333333",
    "region": "eu-west-1",
    "bucket_prefix": "dataflows-test",
    "image_repository": "data-flows",
}
PROVIDER = OFFLINE_OVERRIDE.replace('backend "local" {}', "").replace(
    'provider "aws" {', 'provider "aws" {\n  region = "eu-west-1"'
)


@pytest.fixture(scope="session")
def plan_module(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., tftest.TerraformPlanOutput]:
    """`plan_module("network", cidr=…)` plans one module; Terraform's refusal is raised as TerraformTestError.

    The same call is planned once a session. A module that takes `context` is given one.
    """
    terraform.check_version()
    folders: dict[str, tftest.TerraformTest] = {}
    plans: dict[str, tftest.TerraformPlanOutput] = {}
    shell = {"TF_IN_AUTOMATION": "1", "CHECKPOINT_DISABLE": "1", "AWS_EC2_METADATA_DISABLED": "true"}

    def prepare(module: str) -> tftest.TerraformTest:
        folder: Path = tmp_path_factory.mktemp("modules") / module
        shutil.copytree(ROOT / "modules" / module, folder)
        shutil.copy(ROOT / "terraform" / ".terraform.lock.hcl", folder)
        (folder / "provider.tf").write_text(PROVIDER)
        test = tftest.TerraformTest(str(folder), env=shell, enable_cache=False)
        mirror = terraform.find_mirror()
        test.setup(**({"plugin_dir": str(mirror)} if mirror else {}), cleanup_on_exit=False)
        return test

    def plan(module: str, **variables: object) -> tftest.TerraformPlanOutput:
        if module not in folders:
            folders[module] = prepare(module)
        if 'variable "context"' in (ROOT / "modules" / module / "variables.tf").read_text():
            variables["context"] = CONTEXT
        call = json.dumps([module, variables], sort_keys=True)
        if call not in plans:
            plans[call] = folders[module].plan(output=True, tf_vars=variables)
        return plans[call]

    return plan
