"""What the agent and flow runs run as, as ECS describes their task definitions."""

import re

import pytest
from deployment import AMBER, DIGEST, REGION

SECRETS = {
    "agent": {"PREFECT_API_KEY"},
    "flow": {"PREFECT_API_KEY"},
    # What files of tests/fixtures/flows declare.
    "flow-with-snowflake_private_key": {
        *("PREFECT_API_KEY", "SNOWFLAKE_ACCOUNT", "SNOWFLAKE_USER", "SNOWFLAKE_PRIVATE_KEY"),
    },
    "flow-fixture_rights": {"PREFECT_API_KEY", "FIXTURE_TOKEN"},
}
SECRET_LOOKING = re.compile(r"KEY|TOKEN|SECRET|PASSWORD|CREDENTIAL|AUTH")


@pytest.fixture(params=SECRETS)
def kind(request):
    return request.param


@pytest.fixture
def definition(environment, kind):
    """The newest task definition of the family."""
    return environment["ecs"].describe_task_definition(taskDefinition=f"{environment.title}-{kind}")["taskDefinition"]


@pytest.fixture
def container(definition):
    """Its one container."""
    (container,) = definition["containerDefinitions"]
    return container


def test_it_is_of_fargate_under_roles_of_its_own_environment(environment, definition, kind):
    assert (definition["requiresCompatibilities"], definition["networkMode"]) == (["FARGATE"], "awsvpc")
    role = {
        "flow-with-snowflake_private_key": f"/{environment.title}-flow",
        "flow-fixture_rights": f"{environment.path}/flows/{environment.title}-{kind}",
    }.get(kind, f"/{environment.title}-{kind}")
    assert definition["taskRoleArn"] == environment.arn("iam", f"role{role}", region="")
    assert definition["executionRoleArn"] == environment.arn("iam", f"role/{environment.title}-execution", region="")


def test_its_image_is_named_by_digest(environment, container):
    assert (
        container["image"]
        == f"{environment.account}.dkr.ecr.{REGION}.amazonaws.com/{AMBER['image_repository']}@{DIGEST}"
    )


def test_it_can_write_nowhere_but_to_tmp(definition, container):
    assert container["readonlyRootFilesystem"] is True
    assert container["mountPoints"] == [{"sourceVolume": "tmp", "containerPath": "/tmp", "readOnly": False}]  # noqa: S108
    assert [volume["name"] for volume in definition["volumes"]] == ["tmp"]


def test_it_has_no_privilege_and_no_capability(container):
    assert container["privileged"] is False
    assert container["linuxParameters"]["capabilities"]["drop"] == ["ALL"]
    assert not container["linuxParameters"]["capabilities"].get("add")


def test_its_secrets_are_parameters_of_its_own_environment(environment, kind, container):
    assert {secret["name"]: secret["valueFrom"] for secret in container["secrets"]} == {
        name: environment.arn("ssm", f"parameter{environment.path}/{name}") for name in SECRETS[kind]
    }


def test_no_secret_is_among_its_plain_variables(container):
    plain = {variable["name"]: variable["value"] for variable in container["environment"]}
    assert "PREFECT_API_URL" in plain
    assert not [name for name in plain if SECRET_LOOKING.search(name)]


def test_its_log_goes_to_the_group_of_its_kind(environment, kind, container):
    assert container["logConfiguration"]["logDriver"] == "awslogs"
    options = container["logConfiguration"]["options"]
    assert (options["awslogs-group"], options["awslogs-region"]) == (
        f"{environment.path}/{kind.partition('-')[0]}",
        REGION,
    )


def test_the_agent_is_healthy_only_while_it_polls(environment):
    agent = environment["ecs"].describe_task_definition(taskDefinition=f"{environment.title}-agent")["taskDefinition"]
    assert "http://127.0.0.1:8080/health" in agent["containerDefinitions"][0]["healthCheck"]["command"][-1]
