"""A parameter has one type, in Terraform, in the local stack and in the instructions for a person who writes it."""

import re
from pathlib import Path
from types import SimpleNamespace

import pytest

from scripts.gate.reading.hcl import blocks
from scripts.local_stack.aws import seed
from scripts.shared.environments import ROOT, find_environment


@pytest.fixture(scope="module")
def types():
    """Name to type of what terraform/variables.tf lists by default, without Prefect's credential."""
    (declared,) = (body["type"] for name, body in blocks(ROOT / "terraform", "variable") if name == "parameters")
    lists = re.findall(r"(secure_strings|strings)\W+optional\(.*?\[(.*?)\]\)", declared, re.DOTALL)
    kinds = {"secure_strings": "SecureString", "strings": "String"}
    return {name: kinds[kind] for kind, names in lists for name in re.findall(r"[A-Z_]{3,}", names)}


def test_five_parameters_and_prefects_credential_are_listed_each_with_a_type(types):
    assert types == {
        "SNOWFLAKE_PRIVATE_KEY": "SecureString",
        "DBT_CLOUD_TOKEN": "SecureString",
        "SNOWFLAKE_ACCOUNT": "String",
        "SNOWFLAKE_USER": "String",
        "DBT_CLOUD_ACCOUNT_ID": "String",
    }


def test_the_instructions_write_each_parameter(types):
    text = (ROOT / "docs" / "initial-deployment.md").read_text()
    assert set(re.findall(r"^make secret .*NAME=([A-Z_]+)", text, re.MULTILINE)) == {*types, "PREFECT_API_KEY"}


def test_the_local_stack_seeds_each_parameter_with_its_type(types, made_up_environments):
    put = {}

    class Ssm:
        def get_parameters(self, **_):
            return {"Parameters": []}

        def put_parameter(self, **call):
            put[call["Name"].rpartition("/")[2]] = call["Type"]

    settings = SimpleNamespace(prefect_auth_string=lambda: "not a secret", secrets_file=Path("none"))
    seed._put_parameters(Ssm(), settings, find_environment("local"))
    assert put == types | {"PREFECT_API_AUTH_STRING": "SecureString"}
