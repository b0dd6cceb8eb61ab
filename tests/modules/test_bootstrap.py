"""The bootstrap root: what an account needs before its first environment, and what CircleCI may do there."""

import json
import re
import shutil

import pytest
import tftest
from known_documents import types_with_documents, unknown_documents

from scripts.gate import catalog
from scripts.gate.reading.hcl import Hcl
from scripts.gate.reading.plan import Plan
from scripts.shared import terraform
from scripts.shared.environments import ROOT, find_environment
from scripts.shared.offline_root import OFFLINE_OVERRIDE

BOOTSTRAP = ROOT / "terraform" / "bootstrap"
ACCOUNTS = sorted(path.stem for path in (BOOTSTRAP / "accounts").glob("*.tfvars"))


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bootstrap") / "root"
    shutil.copytree(BOOTSTRAP, folder, ignore=shutil.ignore_patterns(".terraform", "*.tfstate*"))
    (folder / "offline_override.tf").write_text(OFFLINE_OVERRIDE)
    shell = {"TF_IN_AUTOMATION": "1", "CHECKPOINT_DISABLE": "1", "AWS_EC2_METADATA_DISABLED": "true"}
    test = tftest.TerraformTest(str(folder), env=shell, enable_cache=False)
    mirror = terraform.find_mirror()
    test.setup(**({"plugin_dir": str(mirror)} if mirror else {}), cleanup_on_exit=False)
    return test


@pytest.fixture(scope="module")
def plan(root):
    return root.plan(output=True, tf_var_file=str(BOOTSTRAP / "accounts" / "dev.tfvars"))


def after(plan, address):
    return plan.resource_changes[address]["change"]["after"]


def test_every_environment_finds_the_state_bucket_that_its_backend_names():
    """Read from the facts: the account's file lists the environment, whose backend names account, region and key."""
    for account in ACCOUNTS:
        facts = (BOOTSTRAP / "accounts" / f"{account}.tfvars").read_text()
        id_ = re.search(r'^account_id\s*= "(\d{12})"$', facts, re.MULTILINE)[1]
        for name in re.findall(r'"(\w+)"', re.search(r"^environments\s*= \[(.+)\]$", facts, re.MULTILINE)[1]):
            backend = find_environment(name).backend
            assert backend["bucket"] == f"dataflows-{name}-state-{id_}"
            assert backend["kms_key_id"] == "alias/DataFlows-Bootstrap"
            assert backend["use_lockfile"] is True


def test_the_rules_of_the_gate_that_know_no_environment_find_nothing_in_it(plan):
    checked = Plan(plan._raw)
    results = [catalog.run_rule(name, checked, Hcl(BOOTSTRAP, checked)) for name in catalog.all_rules()]
    assert {result.name for result in results if result.skipped} == {"own_names", "permission_tables"}
    assert {result.name: result.findings for result in results if not result.passed} == {}


def test_the_state_is_versioned_private_and_not_to_be_destroyed(plan):
    assert after(plan, 'aws_s3_bucket.state["dev"]')["bucket"] == "dataflows-dev-state-111111111111"
    versioning = after(plan, 'aws_s3_bucket_versioning.state["dev"]')["versioning_configuration"]
    assert versioning[0]["status"] == "Enabled"
    block = after(plan, 'aws_s3_bucket_public_access_block.state["dev"]')
    assert all(block[key] for key in block if key.startswith(("block_", "ignore_", "restrict_")))
    assert "prevent_destroy = true" in (BOOTSTRAP / "state.tf").read_text()


def test_no_policy_is_unknown_until_the_apply(plan):
    shown = Plan(dict(plan) | {"resource_changes": list(plan.resource_changes.values())})
    assert unknown_documents(shown) == []
    assert types_with_documents(shown) >= {
        *("aws_iam_role", "aws_iam_role_policy", "aws_iam_policy"),
        *("aws_s3_bucket_policy", "aws_kms_key", "aws_ecr_lifecycle_policy"),
    }


def test_images_keep_their_tags_and_are_scanned(plan):
    images = after(plan, "aws_ecr_repository.images")
    assert images["image_tag_mutability"] == "IMMUTABLE"
    assert images["image_scanning_configuration"] == [{"scan_on_push": True}]


def test_only_this_project_on_these_branches_is_circlecis_role(plan):
    (statement,) = json.loads(after(plan, "aws_iam_role.circleci")["assume_role_policy"])["Statement"]
    issuer = "oidc.circleci.com/org/00000000-0000-0000-0000-000000000000"
    assert statement["Principal"] == {"Federated": f"arn:aws:iam::111111111111:oidc-provider/{issuer}"}
    assert statement["Condition"]["StringEquals"] == {f"{issuer}:aud": "00000000-0000-0000-0000-000000000000"}
    subject = statement["Condition"]["StringLike"][f"{issuer}:sub"]
    # A `*` would also match a branch that is named like the end of another's subject.
    assert "*" not in subject
    assert subject.endswith("/vcs-origin/github.com/example/data-flows/vcs-ref/refs/heads/main")


def test_circleci_pushes_the_image_and_starts_the_pipeline_and_that_is_all(plan):
    allowed = {}
    for statement in json.loads(after(plan, "aws_iam_role_policy.circleci")["policy"])["Statement"]:
        for action in [statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"]:
            allowed[action] = statement["Resource"]
    repository = "arn:aws:ecr:eu-west-1:111111111111:repository/data-flows"
    assert allowed == {
        "ecr:GetAuthorizationToken": "*",
        "ecr:BatchCheckLayerAvailability": repository,
        "ecr:BatchGetImage": repository,
        "ecr:CompleteLayerUpload": repository,
        "ecr:InitiateLayerUpload": repository,
        "ecr:PutImage": repository,
        "ecr:UploadLayerPart": repository,
        "codepipeline:StartPipelineExecution": "arn:aws:codepipeline:eu-west-1:111111111111:DataFlows-Dev",
    }


CIRCLECI = {
    "organization_id": "00000000-0000-0000-0000-000000000000",
    "project_id": "00000000-0000-0000-0000-000000000000",
    "origin": "github.com/example/data-flows",
}
FACTS = {
    "account_id": "333333333333",
    "region": "eu-west-1",
    "environments": ["test"],
    "owner": "data-platform",
    "circleci": CIRCLECI,
}


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"account_id": "1111"}, 'account_id is "1111"; expected the 12 digits of an AWS account.'),
        ({"environments": ["Dev"]}, "environments is [Dev]; expected one or more names such as dev"),
        (
            {"circleci": CIRCLECI | {"project_id": "data-flows"}},
            'project_id are "00000000-0000-0000-0000-000000000000" and "data-flows"; expected UUIDs',
        ),
        (
            {"circleci": CIRCLECI | {"origin": "data-flows"}},
            'circleci.origin is "data-flows"; expected <host>/<owner>/<name>',
        ),
        (
            {"circleci": CIRCLECI | {"branches": ["release/*"]}},
            "circleci.branches is [release/*]; expected branches by their whole names, without wildcards",
        ),
    ],
    ids=["account", "environment", "project", "origin", "branch"],
)
def test_wrong_facts_are_refused(root, wrong, message):
    with pytest.raises(tftest.TerraformTestError) as refusal:
        root.plan(tf_vars=FACTS | wrong)
    assert message in " ".join(refusal.value.cmd_error.replace("│", " ").split())
