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
    "environment": "test",
    "state": {"bucket": "dataflows-test-state-333333333333", "key": "state", "kms_alias": "alias/State"},
    "bucket_prefix": "dataflows-test",
    "image_repository": "data-flows",
    "fargate_sizes": [{"cpu": 512, "memory_mib": [1024, 2048]}, {"cpu": 1024, "memory_mib": [2048, 4096]}],
}
PROVIDER = OFFLINE_OVERRIDE.replace('backend "local" {}', "").replace(
    'provider "aws" {', 'provider "aws" {\n  region = "eu-west-1"'
)
SHELL = {"TF_IN_AUTOMATION": "1", "CHECKPOINT_DISABLE": "1", "AWS_EC2_METADATA_DISABLED": "true"}


def with_context(module: Path, variables: dict[str, object]) -> dict[str, object]:
    """The variables, and the context for a module that takes one."""
    takes_context = 'variable "context"' in (module / "variables.tf").read_text()
    return ({"context": CONTEXT} if takes_context else {}) | variables


def initialised(directory: Path) -> tftest.TerraformTest:
    """Terraform in a folder, ready to plan."""
    terraform.check_version()
    test = tftest.TerraformTest(str(directory), env=SHELL, enable_cache=False)
    mirror = terraform.find_mirror()
    test.setup(**({"plugin_dir": str(mirror)} if mirror else {}), cleanup_on_exit=False)
    return test


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
