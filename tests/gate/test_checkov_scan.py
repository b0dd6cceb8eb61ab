"""One real run of checkov on a small folder, and what is made of its result."""

import pytest
from plan_builder import plan_data, resource, write

from scripts.gate.checkov_scan import CheckovScan, checkov_version
from scripts.gate.rules.inline_skips import Skips
from scripts.shared.environments import ROOT
from scripts.shared.refusal import Refusal

ROOT_HCL = """
module "skipped" {
  source = "../modules/skipped"
}

module "same_name" {
  source = "../modules/same_name"
}

data "aws_iam_policy_document" "open" {
  statement {
    actions   = ["s3:GetObject"]
    resources = ["arn:aws:s3:::bucket/*"]
    principals {
      type        = "AWS"
      identifiers = ["*"]
    }
  }
}
"""
QUEUE = """
resource "aws_sqs_queue" "events" {{
  #checkov:skip={skip}
  name = "events"
}}
"""


@pytest.fixture
def repository(tmp_path):
    """Two modules with a queue of the same name; one skips the check on it, the other one whose id starts the same."""
    for name, skip in (("skipped", "CKV_AWS_27:Holds task ids only."), ("same_name", "CKV_AWS_272")):
        folder = tmp_path / "modules" / name
        folder.mkdir(parents=True)
        (folder / "main.tf").write_text(QUEUE.format(skip=skip))
    (tmp_path / "terraform").mkdir()
    (tmp_path / "terraform" / "main.tf").write_text(ROOT_HCL)
    return tmp_path


@pytest.fixture
def plan(repository):
    queues = [resource(f"module.{name}.aws_sqs_queue.events", {"name": "events"}) for name in ("skipped", "same_name")]
    data = plan_data(*queues)
    data["planned_values"]["root_module"]["child_modules"] = [
        {"address": queue["module_address"], "resources": [queue | {"values": {"name": "events"}}]} for queue in queues
    ]
    return write(repository / "plan.json", data)


SOURCES = {"module.skipped": "../modules/skipped", "module.same_name": "../modules/same_name"}


def test_checkov_finds_in_hcl_and_plan_and_a_skip_counts_where_it_stands_only(repository, plan, monkeypatch):
    """A settings file in the caller's folder, which would skip everything, is not seen."""
    monkeypatch.chdir(repository)
    (repository / ".checkov.yaml").write_text("skip-check:\n  - CKV_AWS_27\n")
    with CheckovScan(ROOT, repository / "terraform") as scan:
        found = {str(finding) for finding in scan.scan_plan(plan).findings(SOURCES)}
    assert scan.seconds > 0
    assert found == {
        "modules/same_name/main.tf:3: got a skip of CKV_AWS_272 without a reason; "
        "expected #checkov:skip=ID:why this is right here",
        "module.same_name.aws_sqs_queue.events: got CKV_AWS_27 failed (plan, modules/same_name/main.tf:2); "
        "expected all data stored in the SQS queue is encrypted",
        "data.aws_iam_policy_document.open: got CKV_AWS_283 failed (HCL, terraform/main.tf:10); "
        "expected no IAM policies documents allow ALL or any AWS principal permissions to the resource",
    }


def test_what_checkov_cannot_parse_is_no_pass(repository, plan):
    (repository / "terraform" / "broken.tf").write_text('resource "aws_sqs_queue" {{{')
    with CheckovScan(ROOT, repository / "terraform") as scan, pytest.raises(Refusal, match=r"could not parse 1 file"):
        scan.scan_plan(plan).findings(SOURCES)


def test_a_checkov_that_does_not_run_is_no_pass(tmp_path, plan, monkeypatch):
    for name in ("checkov", "python"):
        (tmp_path / name).write_text("#!/bin/sh\necho its environment is broken >&2\nexit 3\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("DATA_FLOWS_CHECKOV", str(tmp_path / "checkov"))
    with CheckovScan(ROOT) as scan, pytest.raises(Refusal, match=r"ended with 3 .* its environment is broken"):
        scan.scan_plan(plan).findings({})


def test_a_check_that_stumbles_over_the_plan_is_no_pass(tmp_path, plan, monkeypatch):
    said = "2026 [ERROR] Failed to run check CKV_AWS_230 on /plan.json:module.a.aws_network_acl.b"
    for name in ("checkov", "python"):
        (tmp_path / name).write_text(f"#!/bin/sh\necho '{said}' >&2\necho '[]'\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("DATA_FLOWS_CHECKOV", str(tmp_path / "checkov"))
    with CheckovScan(ROOT) as scan, pytest.raises(Refusal, match=r"could not run CKV_AWS_230 on module\.a\.aws_net"):
        scan.scan_plan(plan).findings({})


def test_the_version_is_read_without_starting_checkov():
    assert checkov_version(ROOT).startswith("3.")


def test_a_skip_of_everything_and_settings_beside_the_hcl_are_findings(repository):
    (repository / "terraform" / ".checkov.yml").write_text("")
    (repository / "terraform" / "other.tf").write_text('resource "aws_x" "y" {\n  #checkov:skip=\n}\n')
    found = {finding.address for finding in Skips(repository / "terraform", {}).find_unreasoned()}
    assert found == {"terraform/.checkov.yml", "terraform/other.tf:2"}


def test_a_block_is_found_with_its_line_by_any_address_of_it(repository):
    skips = Skips(repository / "terraform", SOURCES)
    assert skips.ids_at('module.skipped["a.b"].aws_sqs_queue.events[0]') == {"CKV_AWS_27"}
    assert skips.place("data.aws_iam_policy_document.open") == "terraform/main.tf:10"
    assert skips.place("module.elsewhere.aws_sqs_queue.events") == ""
    assert skips.ids_at("network") == set()
