"""The bootstrap root: what an account needs before its first environment, and what CircleCI may do there."""

import json
import shutil

import pytest
import tftest
from fixture_repository import FIXTURES, facts
from known_documents import types_with_documents, unknown_documents

from scripts.gate import catalog
from scripts.gate.reading.hcl import Hcl
from scripts.gate.reading.plan import Plan
from scripts.shared import terraform
from scripts.shared.environments import ROOT
from scripts.shared.facts_file import backend_of, read_account
from scripts.shared.offline_root import OFFLINE_OVERRIDE

BOOTSTRAP = ROOT / "terraform" / "bootstrap"
ACCOUNTS = FIXTURES / "accounts"
ACCOUNT = read_account(ACCOUNTS / "amber.tfvars")
ID, REGION = ACCOUNT["account_id"], ACCOUNT["region"]


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
    """Of an account with one stack."""
    return root.plan(output=True, tf_var_file=str(ACCOUNTS / "amber.tfvars"))


@pytest.fixture(scope="module")
def shared(root):
    """Of an account with two stacks, both of which have an environment violet."""
    return root.plan(output=True, tf_var_file=str(ACCOUNTS / "violet.tfvars"))


def after(plan, address):
    return plan.resource_changes[address]["change"]["after"]


def test_an_environment_finds_the_state_bucket_and_key_that_its_backend_names(plan, shared):
    for name, made, address in (("amber", plan, "amber"), ("violet", shared, "harborflows-violet")):
        backend = backend_of(facts(name))
        assert after(made, f'aws_s3_bucket.state["{address}"]')["bucket"] == backend["bucket"]
        assert after(made, "aws_kms_alias.account")["name"] == backend["kms_key_id"]


def test_each_stack_of_an_account_has_its_buckets_and_its_pipelines_can_be_started(shared):
    buckets = [
        change["change"]["after"]["bucket"]
        for change in shared.resource_changes.values()
        if change["type"] == "aws_s3_bucket"
    ]
    account = read_account(ACCOUNTS / "violet.tfvars")["account_id"]
    assert sorted(buckets) == [
        f"{prefix}-state-{account}" for prefix in ("harborflows-violet", "shipyard-orange", "shipyard-violet")
    ]
    policy = json.loads(after(shared, "aws_iam_role_policy.circleci")["policy"])
    (start,) = [each for each in policy["Statement"] if each["Sid"] == "StartThePipeline"]
    assert sorted(arn.rpartition(":")[2] for arn in start["Resource"]) == [
        "HarborFlows-Violet",
        "Shipyard-Orange",
        "Shipyard-Violet",
    ]


def test_the_rules_of_the_gate_that_know_no_environment_find_nothing_in_it(plan):
    checked = Plan(plan._raw)
    results = [catalog.run_rule(name, checked, Hcl(BOOTSTRAP, checked)) for name in catalog.all_rules()]
    of_environments = {name for name, module in catalog.all_rules().items() if getattr(module, "OURS", False)}
    assert {result.name for result in results if result.skipped} == of_environments
    (decided,) = [result for result in results if result.name == "decided_values"]
    assert "no decision is about" not in decided.skipped
    assert {result.name: result.findings for result in results if not result.passed} == {}


def test_the_state_is_versioned_private_and_not_to_be_destroyed(plan):
    assert after(plan, 'aws_s3_bucket.state["amber"]')["bucket"] == f"harborflows-amber-state-{ID}"
    versioning = after(plan, 'aws_s3_bucket_versioning.state["amber"]')["versioning_configuration"]
    assert versioning[0]["status"] == "Enabled"
    block = after(plan, 'aws_s3_bucket_public_access_block.state["amber"]')
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
    organization = ACCOUNT["circleci"]["organization_id"]
    issuer = f"oidc.circleci.com/org/{organization}"
    assert statement["Principal"] == {"Federated": f"arn:aws:iam::{ID}:oidc-provider/{issuer}"}
    assert statement["Condition"]["StringEquals"] == {f"{issuer}:aud": organization}
    subject = statement["Condition"]["StringLike"][f"{issuer}:sub"]
    # A `*` would also match a branch that is named like the end of another's subject.
    assert "*" not in subject
    assert subject.endswith("/vcs-origin/github.com/example/harbour-flows/vcs-ref/refs/heads/main")


def test_circleci_pushes_the_image_and_starts_the_pipeline_and_that_is_all(plan):
    allowed = {}
    for statement in json.loads(after(plan, "aws_iam_role_policy.circleci")["policy"])["Statement"]:
        for action in [statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"]:
            allowed[action] = statement["Resource"]
    repository = f"arn:aws:ecr:{REGION}:{ID}:repository/{ACCOUNT['image_repository']}"
    assert allowed == {
        "ecr:GetAuthorizationToken": "*",
        "ecr:BatchCheckLayerAvailability": repository,
        "ecr:BatchGetImage": repository,
        "ecr:CompleteLayerUpload": repository,
        "ecr:InitiateLayerUpload": repository,
        "ecr:PutImage": repository,
        "ecr:UploadLayerPart": repository,
        "codepipeline:StartPipelineExecution": f"arn:aws:codepipeline:{REGION}:{ID}:HarborFlows-Amber",
        # Before it starts a release, whether the pipeline would refuse it.
        "s3:GetObject": f"arn:aws:s3:::harborflows-amber-state-{ID}/harbor-flows/outputs.json",
        "kms:Decrypt": f"arn:aws:kms:{REGION}:{ID}:key/*",
    }


CIRCLECI = {
    "organization_id": "00000000-0000-0000-0000-000000000000",
    "project_id": "00000000-0000-0000-0000-000000000000",
    "origin": "github.com/example/data-flows",
    "branches": ["main"],
}
FACTS = {
    "account_id": "333333333333",
    "region": "eu-west-1",
    "stacks": {"DataFlows": ["test"]},
    "owner": "data-platform",
    "circleci": CIRCLECI,
}


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"account_id": "1111"}, 'account_id is "1111"; expected the 12 digits of an AWS account.'),
        ({"name": "data-flows"}, 'name is "data-flows"; expected 2 to 20 letters and digits that begin with a capital'),
        ({"region": "Ireland"}, 'region is "Ireland"; expected an AWS region, such as eu-west-1.'),
        ({"owner": "-"}, 'owner is "-"; expected a team\'s name or address'),
        (
            {"stacks": {"flows": ["dev"]}},
            "stacks has [flows]; expected one or more names of 2 to 20",
        ),
        ({"stacks": {"Flows": ["Dev"]}}, "stacks has Flows = [Dev]; expected one or more environments for each stack"),
        ({"stacks": {"Flows": ["bootstrap"]}}, "stacks has Flows = [bootstrap]; expected one or more"),
        (
            {"stacks": {"DataFlows": ["dev"], "Dataflows": ["dev"]}},
            "stacks has DataFlows = [dev], Dataflows = [dev]; expected stacks whose names differ in more than capitals",
        ),
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
            "circleci.branches is [release/*]; expected full names of branches, without wildcards",
        ),
    ],
    ids=[
        "account",
        "name",
        "region",
        "owner",
        "stack",
        "environment",
        "reserved",
        "capitals",
        "project",
        "origin",
        "branch",
    ],
)
def test_wrong_facts_are_refused(root, wrong, message):
    with pytest.raises(tftest.TerraformTestError) as refusal:
        root.plan(tf_vars=FACTS | wrong)
    assert message in " ".join(refusal.value.cmd_error.replace("│", " ").split())
