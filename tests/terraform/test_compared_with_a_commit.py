"""An offline plan says what changes against another commit: a policy, and a flow."""

import subprocess
from pathlib import Path

import pytest
from fixture_repository import fixture_repository
from repository_copy import commit

from tests.terraform.conftest import OfflinePlans

FLOW = '''"""A flow."""

from prefect import flow
from prefect.schedules import Cron

permissions = [{"actions": ["s3:GetObject"], "resources": ["arn:{partition}:s3:::partner-{env}/*"]}]


@flow(name="fixture_new")
def fixture_new(days: int = 1) -> None:
    """Do nothing.

    Args:
        days: How many.
    """


deployments = [
    fixture_new.to_deployment(
        name="nightly",
        schedule=Cron("0 6 * * *", timezone="UTC"),
        parameters={"days": 2},
        tags=["owner:tests"],
    )
]
'''


@pytest.fixture(scope="module")
def plans(tmp_path_factory):
    """The fixture repository with a second commit: one more action of the agent, and a flow with a right of its own."""
    place = tmp_path_factory.mktemp("compared")
    repository = fixture_repository(place / "repository")
    agent = repository / "modules" / "iam" / "agent.tf"
    agent.write_text(agent.read_text().replace('"ecs:StopTask"]', '"ecs:StopTask", "ecs:ExecuteCommand"]'))
    (repository / "flows" / "fixture_new.py").write_text(FLOW)
    commit(repository)
    return OfflinePlans(repository, place / "build")


@pytest.fixture(scope="module")
def output(plans):
    answer = plans.run("plan_environment", "amber", "--offline", "--base", "HEAD^")
    # What the agent may now do stands in no table: the verdict does not depend on the comparison.
    assert answer.returncode in {0, 1}, answer.stdout[-3000:] + answer.stderr
    return answer.stdout.splitlines()


def part(lines: list[str], title: str) -> list[str]:
    """The lines below a title, up to the next empty one."""
    start = next(number for number, line in enumerate(lines) if line.startswith(title)) + 1
    return [line.strip() for line in lines[start : lines.index("", start)]]


def test_the_changed_policy_and_the_right_of_the_new_flow_open_something(output):
    lines = part(output, "Security, compared with HEAD^ (")
    assert not any(line.startswith("closes ") for line in lines), lines
    agent = [line for line in lines if "ecs:ExecuteCommand" in line]
    assert any("role HarborFlows-Amber-agent: may now ecs:ExecuteCommand on" in line for line in agent)
    # Role, boundary and task definition are its own; nobody else's role has its right.
    own = [line for line in lines if "HarborFlows-Amber-flow-fixture_new" in line]
    flow = [line for line in lines if "arn:aws:s3:::partner-amber/*" in line]
    assert any("role HarborFlows-Amber-flow-fixture_new: may now s3:GetObject" in line for line in flow)
    assert all(line in own or "endpoint" in line for line in flow)
    counted = {"changes aws_iam_policy: 1 new", "changes aws_iam_role_policy: 1 new"}
    assert set(lines) - counted == {*agent, *own, *flow}


def test_the_new_flow_is_said_with_its_schedule_parameters_tags_and_rights(output):
    assert part(output, "Flows, compared with HEAD^ (") == [
        "opens   flow fixture_new: may now s3:GetObject on arn:{partition}:s3:::partner-{env}/*",
        "changes deployment fixture_new/nightly: new: schedule 0 6 * * * UTC, parameters days 2, tags “owner:tests”, "
        "concurrency limit 1, entrypoint flows/fixture_new.py:fixture_new, takes “days”",
    ]


def test_the_base_is_planned_once(plans, output):
    (made,) = plans.build.glob("base/*/amber/plan.json")
    before = made.stat().st_mtime_ns
    answer = plans.run("check_plan", "--env", "amber", "--offline", "--base", "HEAD^")
    again = answer.stdout.splitlines()
    titles = ("Security, compared", "Flows, compared")
    assert [part(again, title) for title in titles] == [part(output, title) for title in titles]
    assert made.stat().st_mtime_ns == before


def test_nothing_is_left_in_the_repository(plans, output):
    status = subprocess.run(
        ["git", "status", "--porcelain"], cwd=plans.root, capture_output=True, text=True, check=True
    )
    assert status.stdout == ""
    assert not list(Path(plans.root).glob("build*"))
