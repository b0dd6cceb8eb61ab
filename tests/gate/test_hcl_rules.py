"""Rules about the HCL: on a small root with one module, spoiled in one place, and on this repository's own."""

import pytest
from plan_builder import plan_data, resource

from scripts.gate.reading.hcl import Hcl, blocks
from scripts.gate.reading.plan import Plan
from scripts.gate.rules import described_interfaces, free_desired_count, own_state, pinned_versions, plain_modules
from scripts.shared.environments import ROOT
from scripts.shared.refusal import Refusal

VERSIONS = """
terraform {
  required_version = "~> 1.11"

  required_providers {
    aws = { source = "hashicorp/aws", version = "~> 5.100" }
  }
}
"""
VARIABLES = """
variable "days" {
  description = "How long logs are kept, in days."
  type        = number
  nullable    = false

  validation {
    condition     = var.days > 0
    error_message = "days is ${var.days}; expected 1 or more."
  }
}
"""
MAIN = """
resource "aws_ecs_service" "agent" {
  desired_count = 1

  lifecycle {
    ignore_changes = [desired_count]
  }
}
"""
BACKEND = 'terraform {\n  backend "s3" {}\n}\n'
GOOD = {
    "terraform/backend.tf": BACKEND,
    "terraform/.terraform.lock.hcl": "",
    "terraform/versions.tf": VERSIONS,
    "terraform/main.tf": 'module "a" {\n  source = "../modules/a"\n}\n',
    "modules/a/versions.tf": VERSIONS,
    "modules/a/variables.tf": VARIABLES,
    "modules/a/main.tf": MAIN,
    "modules/a/outputs.tf": 'output "name" {\n  description = "Name of the service, for alarms."\n  value = 1\n}\n',
}
SERVICE = resource("module.a.aws_ecs_service.agent", {"name": "agent"})
TARGET = resource("aws_appautoscaling_target.tasks", {"resource_id": "service/cluster/agent"})
PLAN = Plan(plan_data(SERVICE, TARGET))
RULES = (described_interfaces, free_desired_count, own_state, pinned_versions, plain_modules)


def found(tmp_path, rule, changes=()):
    for file, text in (GOOD | dict(changes)).items():
        path = tmp_path / file
        path.parent.mkdir(parents=True, exist_ok=True)
        if text is not None:
            path.write_text(text)
    return [str(finding) for finding in rule.check_hcl(Hcl(tmp_path / "terraform", PLAN), PLAN)]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__.rpartition(".")[2])
def test_good_hcl_has_no_finding(tmp_path, rule):
    assert found(tmp_path, rule) == []


def spoiled(old, new, file="variables"):
    name = f"modules/a/{file}.tf"
    return {name: GOOD[name].replace(old, new)}


@pytest.mark.parametrize(
    ("rule", "changes", "said"),
    [
        (
            described_interfaces,
            spoiled("How long logs are kept, in days.", "Days."),
            'variable days: got description = "Days."',
        ),
        (
            described_interfaces,
            spoiled("Name of the service, for alarms.", "", "outputs"),
            'output name: got description = ""',
        ),
        (described_interfaces, spoiled("nullable    = false", ""), "variable days: got nullable = unset"),
        (described_interfaces, spoiled("nullable    = false", "nullable = true"), "variable days: got nullable = true"),
        (described_interfaces, spoiled("type        = number", ""), "variable days: got type = unset"),
        (described_interfaces, spoiled("type        = number", "type = any"), "variable days: got type = any"),
        (described_interfaces, spoiled("is ${var.days}", "is wrong"), "got error_message ="),
        (pinned_versions, {"terraform/.terraform.lock.hcl": None}, "terraform: got no .terraform.lock.hcl"),
        (pinned_versions, spoiled("~> 1.11", ">= 1.0", "versions"), "modules/a: got required_version = >= 1.0"),
        (pinned_versions, spoiled("~> 5.100", ">= 5.100", "versions"), "provider aws: version = >= 5.100"),
        (pinned_versions, spoiled("~> 5.100", "~> 5", "versions"), "provider aws: version = ~> 5"),
        (
            pinned_versions,
            spoiled('required_version = "~> 1.11"', "", "versions"),
            "modules/a: got required_version = unset",
        ),
        (plain_modules, {"modules/a/outputs.tf": None}, "modules/a: got no outputs.tf"),
        (plain_modules, {"modules/a/more.tf": 'provider "aws" {}\n'}, 'got provider "aws"'),
        (plain_modules, {"modules/a/more.tf": 'module "b" {\n  source = "../b"\n}\n'}, 'got module "b"'),
        (own_state, {"terraform/backend.tf": ""}, "backend none"),
        (own_state, {"terraform/backend.tf": BACKEND.replace("s3", "local")}, "backend local with no setting"),
        (own_state, {"terraform/backend.tf": BACKEND.replace("{}", '{\n    bucket = "b"\n  }')}, "s3 with bucket"),
        (own_state, {"terraform/backend.tf": "terraform {\n  cloud {}\n}\n"}, "backend cloud"),
        (plain_modules, {"modules/a/more.tf": 'resource "aws_sqs_queue" "this" {}\n'}, "got aws_sqs_queue.this"),
        (
            plain_modules,
            {"modules/a/more.tf": "".join(f'variable "v{n}" {{}}\n' for n in range(10))},
            "got 11 variables",
        ),
        (plain_modules, {"terraform/more.tf": 'resource "aws_sqs_queue" "events" {}\n'}, "got a resource in the root"),
        (
            free_desired_count,
            spoiled("[desired_count]", "[task_definition]", "main"),
            "ignore_changes = [task_definition]",
        ),
        (free_desired_count, {"modules/a/main.tf": 'resource "aws_ecs_service" "agent" {}\n'}, "ignore_changes = []"),
        (free_desired_count, {"modules/a/main.tf": ""}, "no such block in the HCL"),
    ],
)
def test_a_convention_that_is_broken_is_named(tmp_path, rule, changes, said):
    (finding,) = found(tmp_path, rule, changes)
    assert said in finding


def test_what_is_no_hcl_is_refused_by_its_name(tmp_path):
    with pytest.raises(Refusal, match=r"broken\.tf: cannot be read .*terraform validate"):
        found(tmp_path, plain_modules, {"modules/a/broken.tf": 'resource "a" {{{'})


MODULES = sorted(path.name for path in (ROOT / "modules").iterdir())


@pytest.mark.parametrize("root", ["terraform", "terraform/bootstrap"])
@pytest.mark.parametrize("rule", [described_interfaces, pinned_versions, plain_modules])
def test_this_repositorys_own_hcl_has_no_finding(root, rule):
    calls = {f"module.{name}": {} for name in MODULES} if root == "terraform" else {}
    plan = Plan(plan_data(calls=calls))
    assert [str(finding) for finding in rule.check_hcl(Hcl(ROOT / root, plan), plan)] == []


def test_the_root_calls_every_module():
    assert sorted(name for name, _ in blocks(ROOT / "terraform", "module")) == MODULES
