import base64

import pytest
from plan_builder import LOGS, find, resource, task_definition

from scripts.gate.rules import (
    confined_containers,
    fargate_sizes,
    image_by_digest,
    known_policies,
    logged_containers,
    no_plain_secrets,
    secrets_by_arn,
)
from scripts.shared.image_digest import WORKING_TREE

PARAMETER = "arn:aws:ssm:eu-west-1:123456789012:parameter/HarborFlows/Amber/SNOWFLAKE_USER"
DIGEST = "sha256:" + "a" * 64


def test_an_image_by_digest_from_our_own_repository_is_fine():
    assert find(image_by_digest.check, task_definition()) == []


@pytest.mark.parametrize(("environment", "findings"), [("local", 0), ("dev", 1), ("locally", 1)])
def test_the_working_tree_runs_on_the_local_stack_alone(environment, findings):
    image = f"123456789012.dkr.ecr.eu-west-1.amazonaws.com/data-flows@{WORKING_TREE}"
    variables = {"environment": environment, "image_digest": WORKING_TREE}
    found = find(image_by_digest.check, task_definition(image=image), variables=variables)
    assert [each.expected.partition("@")[2] for each in found] == ["sha256:<64 hex> of a pushed image"] * findings


def stage(**configuration):
    """A pipeline with one action."""
    action = {"name": "Source", "configuration": configuration}
    return resource("aws_codepipeline.a", {"stage": [{"name": "Source", "action": [action]}]})


def encoded(text):
    return base64.b64encode(text.encode()).decode()


@pytest.mark.parametrize(
    "image",
    [
        "123456789012.dkr.ecr.eu-west-1.amazonaws.com/data-flows:latest",
        "123456789012.dkr.ecr.eu-west-1.amazonaws.com/data-flows",
        f"123456789012.dkr.ecr.eu-west-1.amazonaws.com/data-flows:v1@{DIGEST[:-1]}",
        f"999999999999.dkr.ecr.eu-west-1.amazonaws.com/data-flows@{DIGEST}",
        f"123456789012.dkr.ecr.us-east-1.amazonaws.com/data-flows@{DIGEST}",
        f"prefecthq/prefect@{DIGEST}",
        f"123456789012.dkr.ecr.eu-west-1.amazonaws.com/other@{DIGEST}",
        f"123456789012.dkr.ecr.eu-west-1.amazonaws.com/data-flows@{DIGEST}a",
        f"123456789012.dkr.ecr.eu-west-1.amazonaws.com.evil.example/data-flows@{DIGEST}",
        None,
        1,
    ],
)
def test_any_other_image_is_named(image):
    (found,) = find(image_by_digest.check, task_definition('module.a["x"].aws_ecs_task_definition.t[0]', image=image))
    assert found.address == 'module.a["x"].aws_ecs_task_definition.t[0]'
    assert found.got == f"container prefect: image = {image}"


def test_the_image_is_the_one_that_the_plan_was_made_for():
    other = {"image_digest": "sha256:" + "b" * 64}
    assert find(image_by_digest.check, task_definition(), variables=other)
    assert find(image_by_digest.check, task_definition(), variables={"image_digest": DIGEST}) == []


def test_a_plan_that_is_not_ours_has_no_account_to_compare_with():
    assert find(image_by_digest.check, task_definition(), variables={}) == []


def test_keys_in_another_case_are_read_as_aws_reads_them():
    (found,) = find(image_by_digest.check, task_definition(Image="other"))
    assert "other" in found.got


@pytest.mark.parametrize("value", ["{", "{}", "[1]", '[{"image": "a", "image": "b"}]'])
def test_container_definitions_that_cannot_be_read_are_a_finding(value):
    found = find(known_policies.check, resource("aws_ecs_task_definition.a", {"container_definitions": value}))
    assert [one.address for one in found] == ["aws_ecs_task_definition.a"]


def setting(name, value):
    return task_definition(environment=[{"name": name, "value": value}])


def test_secrets_by_the_arn_of_our_parameters_are_fine():
    found = find(secrets_by_arn.check, task_definition(secrets=[{"name": "SNOWFLAKE_USER", "valueFrom": PARAMETER}]))
    assert found == []


@pytest.mark.parametrize(
    "source",
    [
        PARAMETER.replace("Amber", "Violet"),
        PARAMETER.replace("HarborFlows", "AnotherStack"),
        PARAMETER.replace("123456789012", "999999999999"),
        PARAMETER.replace("eu-west-1", "us-east-1"),
        PARAMETER.replace("/HarborFlows/Amber/", "/"),
        "arn:aws:secretsmanager:eu-west-1:123456789012:secret:x",
        "SNOWFLAKE_USER",
        None,
    ],
)
def test_any_other_source_of_a_secret_is_named(source):
    (found,) = find(secrets_by_arn.check, task_definition(secrets=[{"name": "SNOWFLAKE_USER", "valueFrom": source}]))
    assert found.address == "module.flow_task.aws_ecs_task_definition.flow"
    assert "secret SNOWFLAKE_USER" in found.got


def test_a_secret_written_in_place_of_its_arn_is_not_repeated():
    (found,) = find(secrets_by_arn.check, task_definition(secrets=[{"name": "A", "valueFrom": "hunter2-hunter2"}]))
    assert "hunter2" not in str(found)


def test_log_drivers_secrets_are_held_to_the_same():
    options = {"logDriver": "splunk", "secretOptions": [{"name": "splunk-token", "valueFrom": "abc"}]}
    assert find(secrets_by_arn.check, task_definition(logConfiguration=options))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        (
            "PREFECT_API_URL",
            "https://api.prefect.cloud/api/accounts/0f8fad5b-d9cb-469f-a165-70867728950e/workspaces/7c9e6679-7425-40de-944b-e07fc1f90ae7",
        ),
        ("RESULTS_BUCKET", "harborflows-amber-results-123456789012"),
        ("SNOWFLAKE_ROLE", "DATA_FLOWS_LOADER"),
        ("TASK_EVENTS_QUEUE_NAME", "HarborFlows-Amber-task-events"),
        ("SENTRY_DSN", "https://0123456789abcdef0123456789abcdef@o1.ingest.sentry.io/2"),
        ("RELEASE", DIGEST),
        ("COMMIT", "4f5c0b3bd1a0c9e8f7d6b5a49382716051423324"),
        ("API_KEY_SECRET_ARN", PARAMETER),
        ("TOKEN_TTL_SECONDS", "60"),
        ("PREFECT_API_KEY", ""),
        ("LANDING", "s3://harborflows-amber-results-123456789012/landing/Orders2013/HarborFlowsAmberLoader"),
    ],
)
def test_settings_are_fine(name, value):
    assert find(no_plain_secrets.check, setting(name, value)) == []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PREFECT_API_KEY", "anything"),
        ("DB_PASSWORD", "changeme"),
        ("dbt_cloud_token", "x1"),
        ("SNOWFLAKE_PRIVATE_KEY", "x1"),
        ("PREFECT_API_AUTH_STRING", "admin:x1"),
        ("HARMLESS", "AKIA" + "ABCDEFGH12345678"),
        ("HARMLESS", "pnu_" + "a1B2c3D4" * 4),
        ("HARMLESS", "-----BEGIN PRIVATE " + "KEY-----"),
        ("HARMLESS", "MII" + "EvQIBADANBgkqhkiG9w0" * 6),
        ("HARMLESS", "postgresql://loader:" + "s3cret@db.example.com/x"),
        ("HARMLESS", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0." + "c2lnbmF0dXJlLXNpZw"),
        ("HARMLESS", "9f86d081884c7d659a2feaa0c55ad015"),
        ("HARMLESS", "wJalrXUtnFEMI" + "/K7MDENG/bPxRfiCYEXAMPLEKEY"),
    ],
)
def test_what_looks_like_a_secret_is_named_and_its_value_is_not(name, value):
    (found,) = find(no_plain_secrets.check, setting(name, value))
    assert found.address == "module.flow_task.aws_ecs_task_definition.flow"
    assert f"variable {name}" in found.got
    assert value not in str(found)


def test_a_file_of_settings_is_a_finding_because_no_plan_shows_its_content():
    files = [{"type": "s3", "value": "arn:aws:s3:::bucket/settings.env"}]
    assert find(no_plain_secrets.check, task_definition(environmentFiles=files))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"privileged": True}, "privileged = true"),
        ({"readonlyRootFilesystem": False}, "readonlyRootFilesystem = False"),
        ({"readonlyRootFilesystem": None}, "readonlyRootFilesystem = None"),
        ({"linuxParameters": {"capabilities": {"add": ["SYS_PTRACE"], "drop": ["ALL"]}}}, "capabilities SYS_PTRACE"),
        ({"user": "root"}, "user = root"),
        ({"user": "0:10001"}, "user = 0:10001"),
    ],
    ids=str,
)
def test_a_container_that_is_not_confined_is_named(change, said):
    assert find(confined_containers.check, task_definition(linuxParameters={"capabilities": {"drop": ["ALL"]}})) == []
    (found,) = find(confined_containers.check, task_definition(**change))
    assert said in found.got


@pytest.mark.parametrize("name", ["ipc_mode", "network_mode", "pid_mode"])
def test_a_task_that_shares_something_of_the_host_is_named(name):
    definition = task_definition()
    definition["change"]["after"][name] = "host"
    (found,) = find(confined_containers.check, definition)
    assert found.got == f"{name} = host"


@pytest.mark.parametrize(
    ("logs", "said"),
    [
        (None, "logDriver = unset"),
        ({"logDriver": "none"}, "logDriver = none"),
        ({"logDriver": "awslogs", "options": {"awslogs-group": "/elsewhere"}}, "awslogs-group = /elsewhere"),
    ],
)
def test_a_container_whose_words_are_lost_is_named(logs, said):
    assert find(logged_containers.check, LOGS, task_definition()) == []
    (found,) = find(logged_containers.check, LOGS, task_definition(logConfiguration=logs))
    assert said in found.got


def sized(cpu, memory, **more):
    return {"requires_compatibilities": ["FARGATE"], "cpu": cpu, "memory": memory} | more


@pytest.mark.parametrize("pair", [("256", "512"), ("1024", "4096"), ("4096", "30720"), ("16384", "122880")])
def test_a_size_that_fargate_offers_is_fine(pair):
    assert find(fargate_sizes.check, resource("aws_ecs_task_definition.a", sized(*pair))) == []


@pytest.mark.parametrize(
    ("after", "said", "expected"),
    [
        (sized("1024", "512"), "cpu = 1024 with memory = 512", "memory from 2048 to 8192 MiB in steps of 1024"),
        (sized("8192", "17408"), "memory = 17408", "in steps of 4096"),
        (sized("1000", "2048"), "cpu = 1000", "cpu = one of 256, 512"),
        (sized(None, None), "cpu = None", "cpu = one of"),
        (sized("256", "512", requires_compatibilities=["EC2"]), "requires_compatibilities = ['EC2']", "FARGATE"),
        (sized("256", "512", ephemeral_storage=[{"size_in_gib": 201}]), "size_in_gib = 201", "21 to 200"),
    ],
)
def test_a_size_that_it_does_not_offer_is_named_with_what_it_does(after, said, expected):
    (found,) = find(fargate_sizes.check, resource("aws_ecs_task_definition.a", after))
    assert said in found.got
    assert expected in found.expected


def test_a_size_that_is_unknown_is_named():
    definition = resource("aws_ecs_task_definition.a", {"memory": "512"}, unknown={"cpu": True})
    assert "cpu unknown until apply" in [one.got for one in find(fargate_sizes.check, definition)]


@pytest.mark.parametrize(
    ("variable", "count"),
    [
        ({"name": "PREFECT_API_KEY", "value": "x1", "type": "PLAINTEXT"}, 1),
        ({"name": "PREFECT_API_KEY", "value": "/HarborFlows/Amber/PREFECT_API_KEY", "type": "PARAMETER_STORE"}, 0),
        ({"name": "ENV", "value": "dev", "type": "PLAINTEXT"}, 0),
    ],
    ids=str,
)
def test_builds_get_no_plain_secret_either(variable, count):
    project = resource("aws_codebuild_project.plan", {"environment": [{"environment_variable": [variable]}]})
    assert len(find(no_plain_secrets.check, project)) == count


RANDOM = "q7Zk3Vd9Xw2Lm8Tb5Rc1"


@pytest.mark.parametrize(
    ("place", "spoiled"),
    [
        ("command[1]", task_definition(command=["sh", f"curl -H token:{RANDOM} https://x.example"])),
        ("entrypoint[0]", task_definition(entryPoint=[RANDOM])),
        ("healthcheck.command[1]", task_definition(healthCheck={"command": ["CMD-SHELL", f"check {RANDOM}"]})),
        ("dockerlabels.key", task_definition(dockerLabels={"key": RANDOM})),
        ("description", resource("aws_codebuild_project.a", {"description": f"with {RANDOM}"})),
        ("source[0].buildspec", resource("aws_codebuild_project.a", {"source": [{"buildspec": f"export A={RANDOM}"}]})),
        ("variable Text", stage(Text=RANDOM)),
        ("value", resource("aws_ssm_parameter.a", {"value": RANDOM})),
        ("user_data", resource("aws_instance.a", {"user_data": f"export A={RANDOM}"})),
        ("user_data_base64", resource("aws_instance.a", {"user_data_base64": encoded(f"export A={RANDOM}")})),
    ],
)
def test_no_text_that_ends_in_a_task_a_build_a_pipeline_a_machine_or_a_parameter_holds_a_secret(place, spoiled):
    [found] = find(no_plain_secrets.check, spoiled)
    assert f"{place} holds a value as random as a secret" in found.got
    assert RANDOM not in str(found)


@pytest.mark.parametrize(
    ("configuration", "count"),
    [({"OAuthToken": "ghp_" + "a1B2" * 9}, 1), ({"BranchName": "main"}, 0), ({}, 0), (None, 0)],
    ids=str,
)
def test_nor_do_pipelines(configuration, count):
    stages = [{"name": "Source", "action": [{"name": "Source", "configuration": configuration}]}]
    assert len(find(no_plain_secrets.check, resource("aws_codepipeline.a", {"stage": stages}))) == count


def test_what_a_pipeline_is_told_only_at_the_apply_is_named():
    unknown = {"stage": [{"action": [{"configuration": True}]}]}
    (found,) = find(no_plain_secrets.check, resource("aws_codepipeline.a", unknown=unknown))
    assert "unknown until apply" in found.got


def test_what_a_machine_is_given_encoded_is_judged_as_it_is_decoded():
    harmless = encoded("#!/bin/sh\nexport REGION=eu-west-1\n")
    assert find(no_plain_secrets.check, resource("aws_instance.a", {"user_data_base64": harmless})) == []


def test_a_setting_named_like_a_secret_whose_value_is_unknown_is_named():
    block = {"environment_variable": [{"name": "API_TOKEN"}, {"name": "BUCKET"}]}
    unknown = {"environment": [{"environment_variable": [{"value": True}, {"value": True}]}]}
    (found,) = find(
        no_plain_secrets.check, resource("aws_codebuild_project.a", {"environment": [block]}, unknown=unknown)
    )
    assert "API_TOKEN" in found.got
