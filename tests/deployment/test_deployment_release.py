"""A release through the pipeline's stages under their own roles: what each calls is what its policy allows."""

import json
import shutil
import subprocess
import sys
import threading
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from deployment import ACCOUNT, REGION
from iam_view import calls_by_role, refused, unused
from patience import PATIENCE_SECONDS, until
from repository_copy import commit

from scripts.gate.permissions import oracle, tables
from scripts.gate.reading.plan import Plan

RELEASED = f"sha256:{'d3' * 32}"
CHANGED = """
agent              = { tasks = { min = 2, max = 7 }, cpu_target_percent = 50 }
log_retention_days = 400
"""


@pytest.fixture(scope="module")
def green(blue_gone, deployed):
    """When what it is compared with elsewhere has been compared."""
    return deployed["green"]


@pytest.fixture(scope="module")
def planned(green):
    """What the stage plan says of another image and of other settings of agent and logs."""
    green.tfvars.write_text(green.tfvars.read_text() + CHANGED)
    commit(green.repository.root)
    stage = ["plan_environment", "green", "--image-digest", RELEASED, "--pipeline"]
    return green.repository.run(*stage, role_arn=green.role_arn("plan"))


def test_the_stage_plan_passes_a_release(green, planned):
    assert planned.returncode == 0, planned.stdout[-4000:] + planned.stderr
    assert "Gate passed" in planned.stdout.splitlines()[-1]
    plan = json.loads((green.folder / "plan.json").read_text())
    changed = [each["type"] for each in plan["resource_changes"] if each["change"]["actions"] != ["no-op"]]
    assert set(changed) == {
        *("aws_ecs_task_definition", "aws_ecs_service", "aws_codebuild_project", "aws_cloudwatch_log_group"),
        *("aws_appautoscaling_target", "aws_appautoscaling_policy", "aws_cloudwatch_metric_alarm"),
    }


@pytest.fixture(scope="module")
def another_machine(green, planned, tmp_path_factory):
    """A second clone of the same commit, with nothing of the first but the artifacts of its plan."""
    root = tmp_path_factory.mktemp("another-machine") / "repository"
    shutil.copytree(green.repository.root, root, symlinks=True)
    copy = replace(green, repository=replace(green.repository, root=root))
    copy.folder.mkdir(parents=True)
    for name in ("plan.tfplan", "plan.json", "gate.json", "report.html"):
        shutil.copy(green.folder / name, copy.folder)
    return copy


@pytest.fixture(scope="module")
def applied(another_machine, aws):
    """What the stage apply says, there, that somebody else's lock was in the way of for a while."""
    s3, lock = aws["s3"], {"Bucket": another_machine.bucket("state"), "Key": f"{another_machine.state_key}.tflock"}
    info = {"ID": "of-somebody-else", "Operation": "OperationTypeApply", "Who": "somebody@elsewhere", "Version": "1"}
    s3.put_object(**lock, Body=json.dumps(info).encode())
    apply = another_machine.repository.start("apply_plan", "green", role_arn=another_machine.role_arn("apply"))

    def refused_by_the_lock():
        place = f"{lock['Bucket']}/{lock['Key']}"
        return [call for call in aws.calls() if call["resource"] == place and call["status"] == 412]

    try:
        until(lambda: refused_by_the_lock() or apply.poll() is not None)
    finally:
        s3.delete_object(**lock)
        output, errors = apply.communicate(timeout=PATIENCE_SECONDS)
    assert apply.returncode == 0, output + errors
    return output


def test_the_stage_apply_waits_for_a_lock_and_then_does_what_was_planned(green, applied):
    of_agent = [f"service/{green.title}/{green.title}-agent"]
    answer = green["application-autoscaling"].describe_scalable_targets(ServiceNamespace="ecs", ResourceIds=of_agent)
    assert [(target["MinCapacity"], target["MaxCapacity"]) for target in answer["ScalableTargets"]] == [(2, 7)]
    service = green["ecs"].describe_services(cluster=green.title, services=[f"{green.title}-agent"])["services"][0]
    definition = green["ecs"].describe_task_definition(taskDefinition=service["taskDefinition"])["taskDefinition"]
    assert definition["containerDefinitions"][0]["image"].endswith(f"@{RELEASED}")


def test_the_replaced_revision_can_still_be_started_from(green, applied):
    """Prefect knows it until the stage register has run."""
    arn = green.arn("ecs", f"task-definition/{green.title}-flow:1")
    assert green["ecs"].describe_task_definition(taskDefinition=arn)["taskDefinition"]["status"] == "ACTIVE"


def test_registration_runs_in_the_released_image(green, applied):
    (project,) = green["codebuild"].batch_get_projects(names=[f"{green.title}-register"])["projects"]
    assert project["environment"]["image"].endswith(f"@{RELEASED}")
    variables = {each["name"]: each["value"] for each in project["environment"]["environmentVariables"]}
    assert variables["IMAGE_DIGEST"] == RELEASED
    assert variables["DATA_FLOWS_STATE"] == f"s3://{green.bucket('state')}/{green.state_key}"


def test_record_and_outputs_of_what_is_applied_lie_beside_the_state(green, applied):
    def stored(name):
        found = green["s3"].get_object(Bucket=green.bucket("state"), Key=f"{green.names.service}/{name}")
        return json.loads(found["Body"].read())

    assert stored("gate.json") == json.loads((green.folder / "gate.json").read_text())
    assert stored("gate.json")["tree_clean"]
    pool = stored("outputs.json")["work_pool"]
    configuration = pool["base_job_template"]["job_configuration"]
    request, definitions = configuration["task_run_request"], configuration["task_definitions"]
    assert definitions["flow"] == request["taskDefinition"]
    declared = stored("outputs.json")["flows"]["declared"]
    assert {each["definition"] for each in declared.values()} == set(definitions) - {"flow"}
    assert (pool["name"], request["taskDefinition"]) == (
        green.title,
        green.arn("ecs", f"task-definition/{green.title}-flow:2"),
    )


class Denying(BaseHTTPRequestHandler):
    """A Prefect that knows nobody."""

    def do_GET(self):
        self.send_error(401)

    def log_message(self, *_):
        """Say nothing."""


@pytest.fixture(scope="module")
def denying():
    """Address of such a Prefect."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Denying) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/api"
        server.shutdown()


@pytest.fixture(scope="module")
def registered(green, applied, denying, tmp_path_factory):
    """What the stage register says where there is only what the image holds, and a Prefect that knows nobody."""
    image = tmp_path_factory.mktemp("image")
    for folder in ("flows", "scripts"):
        shutil.copytree(green.repository.root / folder, image / folder, ignore=shutil.ignore_patterns("__pycache__"))
    (project,) = green["codebuild"].batch_get_projects(names=[f"{green.title}-register"])["projects"]
    told = {each["name"]: each["value"] for each in project["environment"]["environmentVariables"]}
    shell = green.repository.shell | told | green.repository.credentials(green.role_arn("register"))
    shell |= {"PREFECT_API_URL": denying, "PREFECT_API_KEY": "of-nobody"}
    command = [sys.executable, "-m", "scripts.register_flows", "--env", "green", "--image-digest", told["IMAGE_DIGEST"]]
    return subprocess.run(command, cwd=image, env=shell, capture_output=True, text=True, check=False)


def test_the_stage_register_finds_what_is_applied_and_gets_as_far_as_prefect(registered, denying):
    assert registered.returncode == 2, registered.stdout + registered.stderr
    assert registered.stderr.startswith(f"Prefect at {denying}: got 401; expected it to accept PREFECT_API_KEY")


@pytest.fixture(scope="module")
def evaluator(green, planned):
    return oracle.Oracle(Plan.load(green.folder / "plan.json"))


@pytest.fixture(scope="module")
def made(green, applied, registered, aws):
    """What the stages' roles have called."""
    made = calls_by_role(aws.calls(), green.title, ACCOUNT, REGION)
    return {role: calls for role, calls in made.items() if role.endswith(("-plan", "-apply", "-register"))}


def test_every_call_of_a_stage_is_allowed_by_its_policy(green, evaluator, made):
    assert set(made) == {f"{green.title}-{stage}" for stage in ("plan", "apply", "register")}
    context = {"kms:ResourceAliases": f"alias/{green.title}"}
    assert not refused(evaluator, made, context)


def test_every_line_of_a_stage_was_used_or_is_rare_for_a_reason(green, made):
    stages = [role for role in tables.roles(Plan.load(green.folder / "plan.json")) if role.name in made]
    assert unused(stages, made) == []
