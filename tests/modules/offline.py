"""Terraform in a folder of a test: the real provider, no account, no state."""

from pathlib import Path

import tftest

from scripts.shared import terraform
from scripts.shared.offline_root import OFFLINE_OVERRIDE

CONTEXT = {
    "name": "HarborFlows-Test",
    "path": "/HarborFlows/Test",
    "partition": "aws",
    "account_id": "333333333333",
    "region": "eu-west-1",
    "environment": "test",
    "service": "harbor-flows",
    "state": {"bucket": "harborflows-test-state-333333333333", "key": "state", "kms_alias": "alias/State"},
    "bucket_prefix": "harborflows-test",
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
