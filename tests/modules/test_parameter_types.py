"""A parameter has one type, in Terraform, in the local stack and in the instructions for a person who writes it."""

import re
from pathlib import Path
from types import SimpleNamespace

import pytest

from scripts.local_stack.aws import seed
from scripts.shared import parameters
from scripts.shared.environments import ROOT, find_environment
from scripts.shared.known_parameters import KNOWN


@pytest.fixture(scope="module")
def types():
    """Name to type of the parameters that every environment has, without Prefect's credential."""
    known = {name: each for name, each in KNOWN.items() if not each["listed"]}
    return {name: "SecureString" if each["encrypted"] else "String" for name, each in known.items()}


def test_the_instructions_write_each_parameter(types):
    text = (ROOT / "docs" / "initial-deployment.md").read_text()
    written = set(re.findall(r"^make secret .*NAME=([A-Z_]+)", text, re.MULTILINE))
    if re.search(r"^make rotate-key ", text, re.MULTILINE):
        written.add("SNOWFLAKE_PRIVATE_KEY")
    assert written == {*types, "PREFECT_API_KEY"}


def test_the_local_stack_seeds_each_parameter_with_its_type(types, made_up_environments, monkeypatch):
    monkeypatch.setattr(parameters.flow_secrets, "declared", dict)
    put = {}

    class Ssm:
        def get_parameters(self, **_):
            return {"Parameters": []}

        def put_parameter(self, **call):
            put[call["Name"].rpartition("/")[2]] = call["Type"]

    settings = SimpleNamespace(prefect_auth_string=lambda: "not a secret", secrets_file=Path("none"))
    seed._put_parameters(Ssm(), settings, find_environment("local"))
    assert put == types | {"PREFECT_API_AUTH_STRING": "SecureString"}
