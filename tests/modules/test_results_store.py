"""The results store: encrypted, versioned, private, and not to be destroyed by accident."""

import json
import shutil
import subprocess

import pytest

from scripts.shared import terraform
from scripts.shared.environments import ROOT

STORE = {"kms_key_arn": "arn:aws:kms:eu-west-1:333333333333:key/1"}
GUARD = "terraform_data.data_is_protected[0]"
BUCKET = "arn:aws:s3:::harborflows-test-results-333333333333"


def after(plan, address):
    """Planned values of one resource."""
    return plan.resource_changes[address]["change"]["after"]


@pytest.fixture(scope="module")
def plan(plan_module):
    return plan_module("results_store", **STORE)


def test_the_guard_stands_before_bucket_and_key_unless_data_need_no_protection(plan, plan_module):
    assert "triggers_replace" in plan.resource_changes[GUARD]["change"]["after_unknown"]
    assert after(plan, "aws_s3_bucket.results")["force_destroy"] is False
    unprotected = plan_module("results_store", **STORE, protect_data="false")
    assert GUARD not in unprotected.resource_changes
    assert after(unprotected, "aws_s3_bucket.results")["force_destroy"] is True


@pytest.fixture(scope="module")
def applied(tmp_path_factory):
    """The module in a folder whose state holds the guard, as after an apply; Terraform asks no server for it."""
    folder = tmp_path_factory.mktemp("applied")
    shutil.copytree(ROOT / "modules" / "results_store", folder, dirs_exist_ok=True)
    instance = {"index_key": 0, "schema_version": 0, "attributes": {"id": "1", "triggers_replace": None}}
    guard = {
        "mode": "managed",
        "type": "terraform_data",
        "name": "data_is_protected",
        "provider": 'provider["terraform.io/builtin/terraform"]',
        "instances": [instance],
    }
    state = {"version": 4, "serial": 1, "lineage": "test", "outputs": {}, "resources": [guard]}
    (folder / "terraform.tfstate").write_text(json.dumps(state))
    (folder / "provider.tf").write_text(
        'provider "aws" {\n  region = "eu-west-1"\n  access_key = "x"\n  secret_key = "x"\n'
        "  skip_credentials_validation = true\n  skip_requesting_account_id = true\n}\n"
    )
    context = {"partition": "aws", "account_id": "333333333333", "bucket_prefix": "harborflows-test"}
    (folder / "terraform.tfvars.json").write_text(json.dumps(STORE | {"context": context}))
    mirror = terraform.find_mirror()
    command = ["terraform", "init", *([f"-plugin-dir={mirror}"] if mirror else [])]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    return folder


@pytest.mark.parametrize(
    "arguments",
    [["-destroy"], ["-var=protect_data=false"], ["-destroy", "-var=protect_data=false"]],
    ids=" ".join,
)
def test_terraform_refuses_a_plan_that_takes_the_guard_away(applied, arguments):
    command = ["terraform", "plan", "-no-color", "-input=false", "-lock=false", "-refresh=false", *arguments]
    answer = subprocess.run(command, cwd=applied, capture_output=True, text=True, check=False)
    assert answer.returncode == 1
    assert "Instance cannot be destroyed" in answer.stderr
    assert GUARD in answer.stderr


def test_results_expire_versions_go_and_landing_data_stay(plan):
    rules = {rule["id"]: rule for rule in after(plan, "aws_s3_bucket_lifecycle_configuration.results")["rule"]}
    assert set(rules) == {"unfinished-and-replaced", "expire-results", "expire-quarantine"}
    days = {name: rule["expiration"][0]["days"] for name, rule in rules.items() if name.startswith("expire-")}
    assert days == {"expire-results": 90, "expire-quarantine": 180}
    everywhere = rules["unfinished-and-replaced"]
    assert everywhere["noncurrent_version_expiration"][0]["noncurrent_days"] == 30
    assert everywhere["expiration"][0]["expired_object_delete_marker"] is True


def test_the_bucket_is_versioned_private_logged_and_encrypted_with_the_environments_key(plan):
    versioning = after(plan, "aws_s3_bucket_versioning.results")["versioning_configuration"]
    assert versioning[0]["status"] == "Enabled"
    block = after(plan, "aws_s3_bucket_public_access_block.results")
    assert all(block[key] for key in block if key.startswith(("block_", "ignore_", "restrict_")))
    assert after(plan, "aws_s3_bucket_logging.results")["target_prefix"] == "results/"
    (rule,) = after(plan, "aws_s3_bucket_server_side_encryption_configuration.results")["rule"]
    assert rule["apply_server_side_encryption_by_default"] == [
        {"kms_master_key_id": STORE["kms_key_arn"], "sse_algorithm": "aws:kms"}
    ]


def test_the_bucket_denies_what_comes_without_tls_or_with_another_encryption(plan):
    statements = json.loads(after(plan, "aws_s3_bucket_policy.results")["policy"])["Statement"]
    denied = {statement["Sid"]: statement for statement in statements}
    assert {statement["Effect"] for statement in statements} == {"Deny"}
    assert denied["TlsOnly"]["Resource"] == [f"{BUCKET}/*", BUCKET]
    assert denied["OnlyTheBucketsEncryption"]["Action"] == "s3:PutObject"
    assert denied["OnlyTheBucketsEncryption"]["Condition"] == {
        "Null": {"s3:x-amz-server-side-encryption": "false"},
        "StringNotEquals": {"s3:x-amz-server-side-encryption": "aws:kms"},
    }
