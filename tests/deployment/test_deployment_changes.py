"""One changed variable changes what it is about and nothing else: asked of green, while blue is destroyed."""

import json

import pytest
from deployment import DIGEST
from tenacity import retry, retry_if_result, stop_after_delay, wait_fixed


@pytest.fixture(scope="module")
def green(blue_going, deployed):
    return deployed["green"]


def test_another_image_changes_what_runs_in_it_and_nothing_else(green):
    assert green.changes(image_digest=f"sha256:{'c2' * 32}") == {
        "module.ecs_agent.aws_ecs_task_definition.agent": "replace",
        "module.flow_task.aws_ecs_task_definition.flow": "replace",
        "module.ecs_agent.aws_ecs_service.agent": "update",
        'module.delivery[0].aws_codebuild_project.stage["register"]': "update",
    }


def test_keeping_logs_for_another_time_changes_every_log_group_and_nothing_else(green):
    groups = green["logs"].describe_log_groups(logGroupNamePrefix=f"{green.path}/")["logGroups"]
    changes = green.changes(log_retention_days=30)
    assert len(changes) == len(groups)
    of_types = {(address.split(".")[-2], action) for address, action in changes.items()}
    assert of_types == {("aws_cloudwatch_log_group", "update")}


@pytest.fixture(scope="module")
def planned(green):
    """What `make plan` says after somebody has committed another number of most agent tasks."""
    green.tfvars.write_text(green.tfvars.read_text() + "agent = { tasks = { max = 7 } }\n")
    green.repository.commit()
    return green.repository.run("plan_environment", "green", "--image-digest", DIGEST)


def test_another_most_of_agent_tasks_changes_the_scaling_target_alone(green, planned):
    assert planned.returncode == 0, planned.stdout[-4000:] + planned.stderr
    plan = json.loads((green.folder / "plan.json").read_text())
    changed = {
        each["address"]: each["change"]["actions"]
        for each in plan["resource_changes"]
        if each["change"]["actions"] != ["no-op"]
    }
    assert changed == {"module.agent_scaling.aws_appautoscaling_target.tasks": ["update"]}
    assert "Gate passed" in planned.stdout.splitlines()[-1]


@pytest.fixture(scope="module")
def applied(green, planned, aws):
    """What `make apply` says that somebody else's lock was in the way of for a while."""
    s3, lock = aws["s3"], {"Bucket": green.bucket("state"), "Key": "data-flows/terraform.tfstate.tflock"}
    info = {"ID": "of-somebody-else", "Operation": "OperationTypeApply", "Who": "somebody@elsewhere", "Version": "1"}
    s3.put_object(**lock, Body=json.dumps(info).encode())
    apply = green.repository.start("apply_plan", "green")

    @retry(retry=retry_if_result(lambda met: not met), stop=stop_after_delay(30), wait=wait_fixed(0.2))
    def it_meets_the_lock():
        place = f"{lock['Bucket']}/{lock['Key']}"
        return [call for call in aws.calls() if call["resource"] == place and call["status"] == 412]

    try:
        it_meets_the_lock()
    finally:
        s3.delete_object(**lock)
        output, errors = apply.communicate(timeout=120)
    assert apply.returncode == 0, output + errors
    return output


def test_apply_waits_for_a_lock_and_then_does_what_was_planned(green, applied):
    assert "0 added, 1 changed, 0 destroyed" in applied
    of_agent = [f"service/{green.title}/{green.title}-agent"]
    answer = green["application-autoscaling"].describe_scalable_targets(ServiceNamespace="ecs", ResourceIds=of_agent)
    assert [(target["MinCapacity"], target["MaxCapacity"]) for target in answer["ScalableTargets"]] == [(1, 7)]


def test_the_gates_record_of_what_is_applied_lies_beside_the_state(green, applied):
    stored = green["s3"].get_object(Bucket=green.bucket("state"), Key="data-flows/gate.json")["Body"].read()
    assert json.loads(stored) == json.loads((green.folder / "gate.json").read_text())
    assert json.loads(stored)["tree_clean"]
