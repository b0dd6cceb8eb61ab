"""One changed variable changes what it is about and nothing else: asked of green, while blue is destroyed."""

import pytest
from deployment import DIGEST, REGION


@pytest.fixture(scope="module")
def green(blue_going, deployed):
    return deployed["green"]


def test_another_image_changes_what_runs_in_it_and_nothing_else(green):
    assert green.changes(image_digest=f"sha256:{'c2' * 32}") == {
        "module.ecs_agent.aws_ecs_task_definition.agent": "replace",
        **{
            f'module.flow_task.aws_ecs_task_definition.flow["{name}"]': "replace"
            for name in ("flow", "flow-with-snowflake_private_key", "flow-fixture_rights")
        },
        "module.ecs_agent.aws_ecs_service.agent": "update",
        'module.delivery[0].aws_codebuild_project.stage["register"]': "update",
    }


def test_keeping_logs_for_another_time_changes_every_log_group_and_nothing_else(green):
    groups = green["logs"].describe_log_groups(logGroupNamePrefix=f"{green.path}/")["logGroups"]
    changes = green.changes(log_retention_days=30)
    assert len(changes) == len(groups)
    of_types = {(address.split(".")[-2], action) for address, action in changes.items()}
    assert of_types == {("aws_cloudwatch_log_group", "update")}


def test_another_most_of_agent_tasks_changes_the_scaling_target_and_the_alarm_about_it(green):
    assert green.changes(agent="{tasks={max=7}}") == {
        "module.agent_scaling.aws_appautoscaling_target.tasks": "update",
        "module.alerts.aws_cloudwatch_metric_alarm.agent_at_ceiling": "update",
    }


def test_more_than_a_release_is_refused_in_the_pipeline_with_what_an_administrator_has_to_do(green):
    as_it_was, third = green.tfvars.read_text(), f"{REGION}c"
    green.tfvars.write_text(as_it_was.replace(f'"{REGION}b"]', f'"{REGION}b", "{third}"]'))
    try:
        stage = ["plan_environment", "green", "--image-digest", DIGEST, "--pipeline"]
        answer = green.repository.run(*stage, role_arn=green.role_arn("plan"))
    finally:
        green.tfvars.write_text(as_it_was)
    assert answer.returncode == 1
    said = answer.stderr.splitlines()
    assert (
        f'module.network.aws_subnet.private["{third}"]: got create; expected no such change in a release: '
        in answer.stderr
    )
    assert all("expected no such change in a release: an administrator plans and applies it" in line for line in said)
    assert not (green.folder / "gate.json").exists()
