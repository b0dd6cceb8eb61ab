"""An AWS account with the parameters of the environment amber."""

import base64
import json
import os
from contextlib import contextmanager
from functools import cache

import boto3
import pytest
from moto import mock_aws

from scripts.shared import environments
from scripts.shared.environments import ROOT, Environment, find_environment
from scripts.shared.key_pair import fingerprint, public_half

# What flow files declare, as registration's import tells it.
DATA = (
    {"kind": "landing", "name": "ships", "schema": "", "table": "SHIPS"},
    {"kind": "landing", "name": "tides", "schema": "SEA", "table": "TIDES"},
    {
        "kind": "export",
        "name": "ships_by_port",
        "query": "WITH t AS (SELECT * FROM SHIPS) SELECT * FROM t JOIN SEA.TIDES",
    },
    {"kind": "push", "name": "berths", "query": "SELECT * FROM ANALYTICS.BERTHS JOIN TOWN.OPEN.STREETS"},
)


@cache
def client(service):
    """Made once: it takes longer than what is asked of it."""
    return boto3.client(service, region_name="eu-central-1")


@cache
def fingerprint_of(private):
    return fingerprint(public_half(base64.b64decode(private)))


class Cloud:
    """SSM, S3 and ECS of amber."""

    path = "/HarborFlows/Amber"

    def __init__(self):
        self.ssm, kms, self.s3 = map(client, ("ssm", "kms", "s3"))
        kms.create_alias(AliasName="alias/HarborFlows-Amber", TargetKeyId=kms.create_key()["KeyMetadata"]["KeyId"])
        self.put("SNOWFLAKE_ACCOUNT", "harbour-amber", "String")
        self.put("SNOWFLAKE_USER", "harbour_flows", "String")

    def put(self, name, value, kind="SecureString"):
        self.ssm.put_parameter(Name=f"{self.path}/{name}", Value=value, Type=kind, Overwrite=True)

    def key(self):
        """The fingerprint of the key in SSM; nothing without one."""
        try:
            found = self.ssm.get_parameter(Name=f"{self.path}/SNOWFLAKE_PRIVATE_KEY", WithDecryption=True)
        except self.ssm.exceptions.ParameterNotFound:
            return ""
        return fingerprint_of(found["Parameter"]["Value"])

    def apply(self, **outputs):
        """Store Terraform's outputs as `make apply` does."""
        backend = find_environment("amber").backend
        place = {"LocationConstraint": "eu-central-1"}
        self.s3.create_bucket(Bucket=backend["bucket"], CreateBucketConfiguration=place)
        key = backend["key"].rpartition("/")[0] + "/outputs.json"
        self.s3.put_object(Bucket=backend["bucket"], Key=key, Body=json.dumps(outputs))


@contextmanager
def amber_cloud():
    """The cloud, and `find_environment` knows amber, until the block is left."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith(("AWS_", "SNOWFLAKE_"))]:
            patch.delenv(name)
        patch.delenv("YES", raising=False)
        patch.setenv("AWS_ACCESS_KEY_ID", "test")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "test")
        patch.setenv("MOTO_ACCOUNT_ID", "515151515151")
        patch.setattr(environments, "FACTS", ROOT / "tests" / "fixtures" / "environments")
        patch.setattr(Environment, "_new_client", lambda _, service: client(service))
        with mock_aws():
            yield Cloud()
