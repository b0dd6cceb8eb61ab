"""Edit, then `make run`: on the local stack the agent runs the working tree, without plan, apply or registration."""

import re
from contextlib import contextmanager

import pytest

SOURCE = '''"""A flow that is edited."""

from prefect import flow
from prefect.schedules import Cron

# permissions

@flow
def edited(times: int = 1) -> None:
    """Print a line.

    Args:
        times: How often.
    """
    print("as it was first")


deployments = [edited.to_deployment(name="here", schedule=Cron("0 5 * * *", timezone="UTC"), tags=["owner:tests"])]
'''
RIGHTS = "permissions = [{'actions': ['s3:GetObject'], 'resources': ['arn:{partition}:s3:::partner/*']}]"


@pytest.fixture(scope="module")
def file(stack, up):
    """The flow file, registered by its first run."""
    path = stack.root / "flows" / "edited.py"
    path.write_text(SOURCE)
    answer = stack.run("run_flow", "edited")
    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert "create  edited/here" in answer.stdout
    assert "as it was first" in answer.stdout
    yield path
    path.unlink()
    assert "prune" in stack.run("register_flows", "--env", "local").stdout


@pytest.fixture(autouse=True)
def as_it_was(file):
    """Each test begins with the file as it was first."""
    file.write_text(SOURCE)


@contextmanager
def beside(file, source):
    """Another flow file, while the block runs."""
    other = file.with_name("beside.py")
    other.write_text(source)
    try:
        yield
    finally:
        other.unlink()


def applied(stack):
    """When something was applied last, and the revision of the flow task definition."""
    backend = stack.environment.backend
    key = f"{backend['key'].rpartition('/')[0]}/gate.json"
    family = f"{stack.environment.title}-flow"
    definition = stack.ecs.describe_task_definition(taskDefinition=family)["taskDefinition"]
    return stack.client("s3").head_object(Bucket=backend["bucket"], Key=key)["LastModified"], definition["revision"]


def cron(stack, deployment):
    """Its registered schedule."""
    return stack.deployments()[deployment]["schedules"][0]["schedule"]["cron"]


def runs(stack):
    """How many runs there are."""
    return stack.prefect("POST", "/flow_runs/count")


def test_a_changed_line_runs_through_the_agent_and_nothing_is_planned_applied_or_written(stack, file):
    before = applied(stack)
    file.write_text(SOURCE.replace("as it was first", "as it is now"))
    answer = stack.run("run_flow", "edited")
    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert "as it is now" in answer.stdout
    assert not re.search("^(create|update|prune)", answer.stdout, re.MULTILINE)
    assert applied(stack) == before


def test_what_is_registered_follows_a_changed_description(stack, file):
    file.write_text(SOURCE.replace("0 5 * * *", "0 6 * * *").replace("times", "count"))
    answer = stack.run("run_flow", "edited", "--params", '{"count": 2}')
    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert re.search("^update  edited/here  .*schedule", answer.stdout, re.MULTILINE)
    assert cron(stack, "edited/here") == "0 6 * * *"
    assert set(stack.deployments()["edited/here"]["parameter_openapi_schema"]["properties"]) == {"count"}


def test_a_broken_file_is_told_and_holds_up_no_other_flow(stack, file):
    file.write_text(SOURCE.replace("0 5 * * *", "0 7 * * *"))
    with beside(file, SOURCE.replace("edited", "beside")):
        assert stack.run("register_flows", "--env", "local").returncode == 0
    file.write_text(SOURCE.replace("0 5 * * *", "0 8 * * *"))
    with beside(file, "def broken(:\n"):
        answer = stack.run("run_flow", "edited")
    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert "flows/beside.py:1: got `def broken(:`, a syntax error" in answer.stderr
    assert cron(stack, "beside/here") == "0 5 * * *"
    assert cron(stack, "edited/here") == "0 8 * * *"


def test_a_flow_whose_own_file_is_broken_is_not_run(stack, file):
    before = runs(stack)
    file.write_text(SOURCE.replace("        times: How often.\n", ""))
    answer = stack.run("run_flow", "edited")
    assert answer.returncode == 1
    assert "flows/edited.py:" in answer.stderr
    assert runs(stack) == before


def test_changed_rights_need_make_up_and_neither_run_nor_register_goes_on_with_the_old_ones(stack, file):
    before = runs(stack)
    file.write_text(SOURCE.replace("# permissions", RIGHTS))
    said = "flows/edited.py: got `permissions` that are not applied; expected what its runs get: "
    for command in (("run_flow", "edited"), ("register_flows", "--env", "local")):
        answer = stack.run(*command)
        assert answer.returncode == 1
        assert answer.stderr.startswith(said)
    assert runs(stack) == before
    other = stack.run("run_flow", "fixture_load", "--params", '{"times": 1}')
    assert other.returncode == 0, other.stdout + other.stderr
    assert said in other.stderr
