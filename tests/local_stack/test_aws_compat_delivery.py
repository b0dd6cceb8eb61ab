"""CodeBuild and CodePipeline answer about projects of a pipeline as AWS does."""

import json
import time

import httpx
import pytest
from botocore.exceptions import ClientError
from embedded_aws import ACCOUNT_ID
from embedded_cloud import Cloud

KEY = f"arn:aws:kms:eu-west-1:{ACCOUNT_ID}:key/11111111-2222-3333-4444-555555555555"


def role(cloud: Cloud, name: str, service: str) -> str:
    trust = {"Effect": "Allow", "Principal": {"Service": f"{service}.amazonaws.com"}, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    return cloud["iam"].create_role(RoleName=name, AssumeRolePolicyDocument=document)["Role"]["Arn"]


def project(cloud: Cloud, name: str, **changes):
    """What CreateProject takes of a project that a pipeline runs: no location of sources or artifacts."""
    image = {"type": "LINUX_CONTAINER", "computeType": "BUILD_GENERAL1_SMALL", "image": "one"}
    return {
        "name": name,
        "source": {"type": "CODEPIPELINE", "buildspec": "version: 0.2"},
        "artifacts": {"type": "CODEPIPELINE"},
        "environment": image,
        "serviceRole": f"arn:aws:iam::{ACCOUNT_ID}:role/build",
        "encryptionKey": KEY,
    } | changes


def test_a_project_of_a_pipeline_needs_no_location_and_keeps_its_key(cloud: Cloud):
    cloud["codebuild"].create_project(**project(cloud, "of-a-pipeline"))
    (found,) = cloud["codebuild"].batch_get_projects(names=["of-a-pipeline"])["projects"]
    assert (found["source"]["type"], found["artifacts"]["type"]) == ("CODEPIPELINE", "CODEPIPELINE")
    assert found["encryptionKey"] == KEY


def test_any_other_project_still_needs_one(cloud: Cloud):
    with pytest.raises(ClientError, match="location is required"):
        cloud["codebuild"].create_project(**project(cloud, "of-github", source={"type": "GITHUB"}))


def test_an_update_changes_what_it_names_and_keeps_the_rest(cloud: Cloud):
    made = project(cloud, "changing", description="the first")
    cloud["codebuild"].create_project(**made)
    cloud["codebuild"].update_project(name="changing", environment=made["environment"] | {"image": "two"})
    (found,) = cloud["codebuild"].batch_get_projects(names=["changing"])["projects"]
    assert (found["environment"]["image"], found["description"]) == ("two", "the first")


def test_a_project_is_deleted_by_its_arn_too(cloud: Cloud):
    arn = cloud["codebuild"].create_project(**project(cloud, "to-go"))["project"]["arn"]
    cloud["codebuild"].delete_project(name=arn)
    assert "to-go" not in cloud["codebuild"].list_projects()["projects"]


def test_the_times_of_a_pipeline_are_numbers(cloud: Cloud):
    action = {
        "name": "Source",
        "actionTypeId": {"category": "Source", "owner": "AWS", "provider": "S3", "version": "1"},
        "outputArtifacts": [{"name": "source"}],
    }
    stages = [{"name": name, "actions": [action | {"name": name}]} for name in ("Source", "Again")]
    pipeline = {
        "name": "timed",
        "roleArn": role(cloud, "pipeline", "codepipeline"),
        "artifactStore": {"type": "S3", "location": "artifacts"},
        "stages": stages,
        "version": 1,
    }
    cloud["codepipeline"].create_pipeline(pipeline=pipeline)
    # As it is sent: boto3 would also read text, the SDK of Terraform's provider reads numbers only.
    headers = {
        "X-Amz-Target": "CodePipeline_20150709.GetPipeline",
        "Content-Type": "application/x-amz-json-1.1",
        "Authorization": "AWS4-HMAC-SHA256 Credential=x/20260101/eu-west-1/codepipeline/aws4_request",
    }
    sent = httpx.post(cloud.settings.aws_endpoint_url, headers=headers, json={"name": "timed"}, trust_env=False).json()
    assert abs(sent["metadata"]["created"] - time.time()) < 300
