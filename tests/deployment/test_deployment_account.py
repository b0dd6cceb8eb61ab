"""The account is the one that the facts name, or nothing is planned and nothing made."""

import pytest
from deployment import ACCOUNT
from tftest import TerraformTestError


def test_a_plan_for_another_account_is_refused_with_both_accounts_named(applying, repository, elsewhere):
    answer = repository.run("plan_environment", "red", "--image-digest", f"sha256:{'0' * 64}")
    assert answer.returncode == 2
    assert answer.stderr.strip() == (
        f"Got AWS credentials of account {ACCOUNT}; expected account {elsewhere.account} (red.tfvars): "
        "use credentials of that account."
    )
    assert answer.stdout == ""
    assert not (elsewhere.folder / "plan.tfplan").exists()


def test_terraform_itself_applies_nothing_there(applying, elsewhere, aws):
    with pytest.raises(TerraformTestError) as refused:
        elsewhere.apply()
    assert f"AWS account ID not allowed: {ACCOUNT}" in refused.value.cmd_error
    assert elsewhere.state_versions() == []
    made = {call["resource"] for call in aws.calls() if call["action"].startswith(("Create", "Put", "Register"))}
    assert not [name for name in made if elsewhere.title in name or elsewhere.bucket("results") in name]


def test_the_embedded_aws_is_that_account_for_whoever_calls(deployed, aws):
    assert aws["sts"].get_caller_identity()["Account"] == ACCOUNT
    blue = deployed["blue"]
    blue["sts"].assume_role(RoleArn=blue.arn("iam", f"role/{blue.title}-flow", region=""), RoleSessionName="test")
