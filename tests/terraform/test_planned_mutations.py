"""Mistakes in the HCL itself, planned by the real Terraform: the gate finds what it found in spoiled plan JSON."""

import subprocess

import pytest
from fixture_repository import FIXTURES, facts

from scripts.gate import catalog
from scripts.gate.reading.hcl import Hcl
from scripts.gate.reading.plan import Plan
from scripts.shared import terraform
from scripts.shared.environments import Environment
from scripts.shared.image_digest import image_digest
from scripts.shared.offline_root import offline_root

AGENT, FLOW = "modules/ecs_agent/main.tf", "modules/flow_task/main.tf"
ZONE = facts("amber")["network"]["availability_zones"][0]
# file, what stands there, what is made of it, the rule that finds it and where
MISTAKES = [
    (
        "modules/ecs_agent/task_events.tf",
        ':${var.context.name}-task-events"]\n\n    principals',
        ':${aws_sqs_queue.task_events.id}"]\n\n    principals',
        "known_policies",
        "module.ecs_agent.aws_sqs_queue_policy.task_events",
    ),
    (
        AGENT,
        "assign_public_ip = false",
        "assign_public_ip = true",
        "private_tasks",
        "module.ecs_agent.aws_ecs_service.agent",
    ),
    (AGENT, "rollback = true", "rollback = false", "safe_rollouts", "module.ecs_agent.aws_ecs_service.agent"),
    (
        AGENT,
        "ignore_changes = [desired_count]",
        "ignore_changes = []",
        "free_desired_count",
        "module.ecs_agent.aws_ecs_service.agent",
    ),
    (
        "modules/network/routing.tf",
        "nat_gateway_id         = aws_nat_gateway.egress[local.nat_per_zone ? each.key : local.nat_zones[0]].id",
        "gateway_id             = aws_internet_gateway.egress[0].id",
        "private_routes",
        f'module.network.aws_route.private_to_nat["{ZONE}"]',
    ),
    (
        "modules/network/main.tf",
        'ip_protocol       = "tcp"',
        'ip_protocol       = "udp"',
        "listed_egress",
        'module.network.aws_vpc_security_group_egress_rule.tasks["443"]',
    ),
    (FLOW, "kms_key_id        = var.logs.kms_key_arn", "", "own_key", "module.flow_task.aws_cloudwatch_log_group.flow"),
    (
        FLOW,
        "readonlyRootFilesystem = true",
        "readonlyRootFilesystem = false",
        "confined_containers",
        'module.flow_task.aws_ecs_task_definition.flow["flow"]',
    ),
    (
        "modules/iam/main.tf",
        "permissions_boundary = local.boundary_arn",
        "",
        "bounded_roles",
        'module.iam.aws_iam_role.task["agent"]',
    ),
    (
        FLOW,
        "= var.image\n",
        '= "${split("@", var.image)[0]}:latest"\n',
        "image_by_digest",
        'module.flow_task.aws_ecs_task_definition.flow["flow"]',
    ),
    (
        "terraform/providers.tf",
        "owner       = var.owner",
        "",
        "required_tags",
        "module.results_store.aws_s3_bucket.results",
    ),
    (
        "terraform/main.tf",
        "DATA_FLOWS_ENVIRONMENT = var.environment",
        'DBT_CLOUD_TOKEN = "hunter2"',
        "no_plain_secrets",
        'module.flow_task.aws_ecs_task_definition.flow["flow"]',
    ),
]


@pytest.fixture(scope="module")
def found(tmp_path_factory) -> dict[str, list[str]]:
    """Rule → the addresses of its findings, in one plan of all mistakes."""
    folder = tmp_path_factory.mktemp("planned")
    root = offline_root(folder)
    for file, old, new, *_ in MISTAKES:
        text = (folder / file).read_text()
        assert old in text, f"{file} does not hold what the mistake replaces"
        (folder / file).write_text(text.replace(old, new, 1))
    shell = terraform.environment_variables(Environment("amber", folder), folder)
    terraform.init(root, shell, None)
    variables = [f"-var-file={FIXTURES / 'environments' / 'amber.tfvars'}", f"-var=image_digest={image_digest()}"]
    command = ["terraform", f"-chdir={root}", "plan", "-no-color", f"-out={folder / 'plan.tfplan'}", *variables]
    answer = subprocess.run(command, env=shell, capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stderr
    terraform.show(folder / "plan.tfplan", folder / "plan.json", root, shell)
    plan = Plan.load(folder / "plan.json")
    (root / "offline_override.tf").unlink()  # The gate reads the repository's own root.
    hcl = Hcl(root, plan)
    results = [catalog.run_rule(name, plan, hcl) for name in catalog.all_rules()]
    return {result.name: [finding.address for finding in result.findings] for result in results if result.findings}


@pytest.mark.parametrize(("file", "old", "new", "rule", "address"), MISTAKES, ids=[mistake[3] for mistake in MISTAKES])
def test_a_mistake_in_the_hcl_is_found_where_it_is(found, file, old, new, rule, address):
    assert address in found[rule]


def test_nothing_else_is_found(found):
    # Some of these are values that somebody decided about, too.
    assert set(found) - {"decided_values"} == {mistake[3] for mistake in MISTAKES}
