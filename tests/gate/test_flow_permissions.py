"""A flow's file says what AWS rights the flow needs, and is not run to be read."""

import re

import pytest

from scripts.gate.permissions.flow_permissions import PLACEHOLDERS, declared
from scripts.shared.environments import ROOT
from scripts.shared.refusal import Refusal


def test_rights_are_collected_by_the_flow_that_declares_them(root):
    right = """permissions = [{"actions": ["s3:GetObject"], "resources": ["arn:{partition}:s3:::partner-{env}/*"]}]"""
    found = declared(
        root(team__partner_files=right, without="x = 1", annotated="permissions: list = []\n", shared__s3=right)
    )
    resources = ["arn:{partition}:s3:::partner-{env}/*"]
    assert found == [{"flow": "team/partner_files", "actions": ["s3:GetObject"], "resources": resources}]


def test_a_file_is_read_and_not_run(root):
    assert declared(root(dangerous="raise SystemExit('was run')\npermissions = []")) == []


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("permissions = [{'actions': [], 'resources': ['arn:x']}]", "permissions[0]['actions']: List should have at"),
        (
            "permissions = [{'actions': ['s3:GetObject'], 'resources': ['arn:{partition}:s3:::x', 'arn:{odd}']}]",
            "permissions[0]['resources'][1]: {odd} is no placeholder; the placeholders are {partition} {region}",
        ),
        ("permissions = [{'actions': ['s3:GetObject']}]", "permissions[0]['resources']: Field required"),
        ("permissions = [{'actions': 's3:GetObject', 'resources': ['x']}]", "permissions[0]['actions']: Input should"),
        (
            "permissions = [{'actions': ['a:B'], 'resources': ['arn:x'], 'sid': 'x'}]",
            "permissions[0]['sid']: Extra inputs",
        ),
        (
            "permissions = [{'actions': ['s3:Get*'], 'resources': ['arn:x']}]",
            "permissions[0]['actions'][0]: s3:Get* is not the full name of one action",
        ),
        (
            "permissions = [{'actions': ['s3:GetObject'], 'resources': ['bucket/*']}]",
            "permissions[0]['resources'][0]: bucket/* is no ARN",
        ),
        ("permissions = make()", "permissions that cannot be read"),
        ("for permissions in []:\n    pass", "permissions that cannot be read"),
    ],
)
def test_whatever_else_stands_there_is_told_with_its_file_and_what_to_write(root, source, said):
    with pytest.raises(Refusal) as refused:
        declared(root(wrong=source))
    assert str(refused.value).startswith("flows/wrong.py:1: got ")
    assert said in str(refused.value)
    assert "expected `permissions = [" in str(refused.value)


def test_a_file_that_is_no_python_is_told_as_that_with_its_line(root):
    with pytest.raises(Refusal) as refused:
        declared(root(team__wrong="x = 1\ndef broken(:\n", zero="x = '\0'"))
    wrong, zero = str(refused.value).splitlines()
    assert wrong == (
        "flows/team/wrong.py:2: got `def broken(:`, a syntax error (invalid syntax); expected Python: correct this "
        "line or the one before it."
    )
    # To a Python before 3.11.4 this is a wrong value.
    assert zero.startswith("flows/zero.py:")
    assert "(source code string cannot contain null bytes); expected " in zero


def test_all_wrong_files_are_told_at_once(root):
    with pytest.raises(Refusal) as refused:
        declared(root(one="permissions = 1", two="permissions = {}"))
    assert [line.split(":")[0] for line in str(refused.value).splitlines()] == ["flows/one.py", "flows/two.py"]


def test_the_placeholders_are_those_that_terraform_replaces():
    replaced = re.findall(r'^ +"({\w+})" += ', (ROOT / "modules" / "iam" / "flow.tf").read_text(), re.MULTILINE)
    assert replaced == PLACEHOLDERS
