"""A release pushes the commit's image once, and starts the pipeline with exactly that image and commit."""

import json
import subprocess

import boto3
import pytest
from botocore.exceptions import ClientError
from gate_records import COMMIT
from moto import mock_aws

from scripts.delivery import image_release
from scripts.gate import applied_state
from scripts.gate.permissions import applied_rights
from scripts.shared import git_tree
from scripts.shared.environments import find_environment
from scripts.shared.refusal import Refusal

pytestmark = pytest.mark.usefixtures("made_up_environments")
IMAGE = f"515151515151.dkr.ecr.eu-central-1.amazonaws.com/harbour/images:{COMMIT}"
KIND = "application/vnd.docker.distribution.manifest.v2+json"
MANIFEST = json.dumps({"schemaVersion": 2, "mediaType": KIND, "config": {"digest": "sha256:0"}, "layers": []})


@pytest.fixture
def aws(monkeypatch):
    """An account with amber's image repository and pipeline."""
    for name, value in {
        "AWS_ACCESS_KEY_ID": "x",
        "AWS_SECRET_ACCESS_KEY": "x",
        "MOTO_ACCOUNT_ID": "515151515151",
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    monkeypatch.setattr(git_tree, "source", lambda: {"commit": COMMIT, "tree_clean": True})
    monkeypatch.setattr(applied_state, "read_outputs", lambda *_: [{}])
    monkeypatch.setattr(applied_rights, "beyond", lambda *_: [])
    with mock_aws():
        boto3.client("ecr", region_name="eu-central-1").create_repository(repositoryName="harbour/images")
        trust = {"Effect": "Allow", "Principal": {"Service": "codepipeline.amazonaws.com"}, "Action": "sts:AssumeRole"}
        document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
        role = boto3.client("iam").create_role(RoleName="pipeline", AssumeRolePolicyDocument=document)["Role"]["Arn"]
        kind = {"category": "Source", "owner": "AWS", "provider": "S3", "version": "1"}
        stages = [{"name": name, "actions": [{"name": name, "actionTypeId": kind}]} for name in ("Source", "Plan")]
        pipeline = {"name": "HarborFlows-Amber", "roleArn": role, "version": 1, "stages": stages}
        pipeline["artifactStore"] = {"type": "S3", "location": "artifacts"}
        boto3.client("codepipeline", region_name="eu-central-1").create_pipeline(pipeline=pipeline)
        yield


@pytest.fixture
def engine(monkeypatch):
    """What the container engine was called with, and given on stdin; its push lands in the account's repository."""
    calls = []

    def run(command, *, input, text, check):  # noqa: A002 - subprocess's own name.
        calls.append((command[:2], command[2:], input))
        if command[1] == "push":
            boto3.client("ecr", region_name="eu-central-1").put_image(
                repositoryName="harbour/images", imageManifest=MANIFEST, imageTag=COMMIT
            )
        return subprocess.CompletedProcess(command, 0)

    monkeypatch.setattr(image_release.subprocess, "run", run)
    monkeypatch.setattr(image_release.shutil, "which", lambda name: name == "podman")
    return calls


def executions():
    client = boto3.client("codepipeline", region_name="eu-central-1")
    found = client.list_pipeline_executions(pipelineName="HarborFlows-Amber")["pipelineExecutionSummaries"]
    one = [
        client.get_pipeline_execution(pipelineName="HarborFlows-Amber", pipelineExecutionId=each["pipelineExecutionId"])
        for each in found
    ]
    return [each["pipelineExecution"]["variables"] for each in one]


def test_the_commits_image_is_built_pushed_and_delivered_by_its_digest(aws, engine, capsys):
    image_release.release(find_environment("amber"))
    assert [command for command, _, _ in engine] == [["podman", "build"], ["podman", "login"], ["podman", "push"]]
    (_, build, _), (_, login, password), (_, push, _) = engine
    assert build[:2] == ["--tag", IMAGE]
    assert push == [IMAGE]
    assert login == ["--username", "AWS", "--password-stdin", "515151515151.dkr.ecr.eu-central-1.amazonaws.com"]
    assert password
    assert password not in str([build, login, push])
    (image,) = boto3.client("ecr", region_name="eu-central-1").describe_images(repositoryName="harbour/images")[
        "imageDetails"
    ]
    assert executions() == [[{"name": "IMAGE_DIGEST", "resolvedValue": image["imageDigest"]}]]
    said = capsys.readouterr().out
    assert said.startswith(f"pipeline HarborFlows-Amber started for {COMMIT[:12]} with {image['imageDigest']}: ")


def test_an_image_that_is_pushed_already_is_only_delivered(aws, engine):
    """Tags cannot be moved, so the second push of a commit would fail."""
    image_release.release(find_environment("amber"))
    engine.clear()
    image_release.release(find_environment("amber"))
    assert engine == []
    assert len(executions()) == 2


def test_the_pipeline_is_told_the_commit(aws, engine, monkeypatch):
    told = []

    class Pipeline:
        def start_pipeline_execution(self, **call):
            told.append(call)
            return {"pipelineExecutionId": "1"}

    amber = find_environment("amber")
    ecr = amber.client("ecr")
    monkeypatch.setattr(type(amber), "client", lambda _, service: ecr if service == "ecr" else Pipeline())
    image_release.release(amber)
    assert told[0]["sourceRevisions"] == [
        {"actionName": "Source", "revisionType": "COMMIT_ID", "revisionValue": COMMIT}
    ]


def test_what_no_commit_holds_is_not_released(aws, engine, monkeypatch):
    monkeypatch.setattr(git_tree, "source", lambda: {"commit": COMMIT, "tree_clean": False})
    with pytest.raises(
        Refusal, match="uncommitted changes; expected none, because the image is tagged with the commit"
    ):
        image_release.release(find_environment("amber"))
    assert (engine, executions()) == ([], [])


def test_a_failed_push_starts_nothing(aws, engine, monkeypatch):
    monkeypatch.setattr(image_release.subprocess, "run", lambda command, **_: subprocess.CompletedProcess(command, 125))
    with pytest.raises(Refusal, match="podman build ended with 125") as refused:
        image_release.release(find_environment("amber"))
    assert refused.value.exit_code == 1
    assert executions() == []


def test_without_an_engine_those_that_would_do_are_named(aws, engine, monkeypatch):
    monkeypatch.setattr(image_release.shutil, "which", lambda _: None)
    with pytest.raises(Refusal, match="No container engine on PATH; expected one of docker, podman"):
        image_release.release(find_environment("amber"))


def test_new_rights_of_flows_stop_a_release_before_anything_is_built(aws, engine, monkeypatch):
    monkeypatch.setattr(applied_rights, "beyond", lambda *_: ["flows/a.py: got x; expected y."])
    with pytest.raises(Refusal, match=r"flows/a\.py: got x") as refused:
        image_release.release(find_environment("amber"))
    assert (refused.value.exit_code, engine, executions()) == (1, [], [])


def test_credentials_that_may_not_read_what_is_applied_leave_it_to_the_pipelines_plan(aws, engine, monkeypatch, capsys):
    def deny(*_):
        raise ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "GetObject")

    monkeypatch.setattr(applied_state, "read_outputs", deny)
    image_release.release(find_environment("amber"))
    assert len(executions()) == 1
    assert "What is applied may not be read by these credentials" in capsys.readouterr().out


def test_the_local_stack_has_no_pipeline():
    with pytest.raises(Refusal, match="For the local stack, run `make up`"):
        image_release.release(find_environment("local"))
