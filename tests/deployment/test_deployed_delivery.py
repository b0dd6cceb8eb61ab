"""The pipeline that applies and registers, as CodePipeline and CodeBuild describe it."""

import pytest


@pytest.fixture
def pipeline(environment):
    return environment["codepipeline"].get_pipeline(name=environment.title)["pipeline"]


@pytest.fixture
def projects(environment):
    """What each stage runs, by stage."""
    names = [f"{environment.title}-{stage}" for stage in ("plan", "apply", "register")]
    found = environment["codebuild"].batch_get_projects(names=names)["projects"]
    return {project["name"].rpartition("-")[2]: project for project in found}


def test_nothing_is_applied_before_its_plan_and_nothing_registered_before_it_is_applied(pipeline, environment):
    assert [stage["name"] for stage in pipeline["stages"]] == ["Source", "Plan", "Apply", "Register"]
    run = [action["configuration"]["ProjectName"] for stage in pipeline["stages"][1:] for action in stage["actions"]]
    assert run == [f"{environment.title}-{stage}" for stage in ("plan", "apply", "register")]


def test_a_push_without_an_image_starts_nothing(pipeline):
    (source,) = pipeline["stages"][0]["actions"]
    assert source["configuration"]["DetectChanges"] == "false"


def test_artifacts_are_encrypted_with_the_environments_own_key(pipeline, environment):
    store = pipeline["artifactStore"]
    assert (store["location"], store["encryptionKey"]["id"]) == (environment.bucket("artifacts"), environment.key_arn)


def test_each_stage_has_a_role_of_its_own_and_no_privilege(projects, environment):
    for stage, project in projects.items():
        assert project["serviceRole"] == environment.arn("iam", f"role/{environment.title}-{stage}", region="")
        assert project["environment"]["privilegedMode"] is False
        assert project["encryptionKey"] == environment.key_arn


def test_the_credential_of_registration_comes_from_the_parameter_store(projects, environment):
    variables = projects["register"]["environment"]["environmentVariables"]
    (credential,) = [each for each in variables if each["name"] == "PREFECT_API_KEY"]
    assert credential["type"] == "PARAMETER_STORE"
    assert credential["value"].endswith(f"{environment.path}/PREFECT_API_KEY")
