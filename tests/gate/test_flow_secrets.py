"""A flow's file says which secrets its runs receive, and from that follows its task definition."""

import pytest

from scripts.gate.permissions import applied_rights, flow_definitions
from scripts.gate.permissions.flow_definitions import definition
from scripts.shared import flow_secrets
from scripts.shared.known_parameters import of_every_run, parameter_types, with_companions
from scripts.shared.refusal import Refusal

FACTS = {"prefect_credential": "PREFECT_API_KEY", "parameters": {}}
RIGHT = 'permissions = [{"actions": ["s3:GetObject"], "resources": ["arn:{partition}:s3:::partner/*"]}]\n'
SNOWFLAKE = ["SNOWFLAKE_ACCOUNT", "SNOWFLAKE_PRIVATE_KEY", "SNOWFLAKE_USER"]
TITLE = "HarborFlows-Amber"


def test_secrets_are_collected_by_the_flow_that_declares_them_and_no_file_is_run(root):
    found = flow_secrets.declared(
        root(shop__sales='secrets = ["SHOP_TOKEN"]\nraise SystemExit', none="secrets: list[str] = []", without="x = 1")
    )
    assert found == {"shop/sales": ["SHOP_TOKEN"]}


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("secrets = 'SHOP_TOKEN'", "secrets: Input should be a valid list"),
        ("secrets = [1]", "secrets[0]: Input should be a valid string"),
        ("secrets = ['shop_token']", "secrets[0]: shop_token is no name of a parameter"),
        ("secrets = ['/Shop/TOKEN']", "secrets[0]: /Shop/TOKEN is no name of a parameter"),
        ("secrets = ['A', 'B', 'A']", "secrets: A is written twice"),
        ("secrets = ['PREFECT_API_KEY']", "secrets[0]: PREFECT_API_KEY is what every run receives"),
        ("secrets = ['SENTRY_DSN']", "secrets[0]: SENTRY_DSN is what every run receives"),
        ("secrets = ['PREFECT_API_URL']", "secrets[0]: PREFECT_API_URL steers the run itself"),
        ("secrets = ['AWS_SECRET_ACCESS_KEY']", "secrets[0]: AWS_SECRET_ACCESS_KEY steers the run itself"),
        ("secrets = [name for name in ('A',)]", "secrets that cannot be read without running the file"),
        ("for secrets in []:\n    pass", "secrets that cannot be read"),
    ],
)
def test_whatever_else_stands_there_is_told_with_its_file_and_what_to_write(root, source, said):
    with pytest.raises(Refusal) as refused:
        flow_secrets.declared(root(wrong=source))
    assert str(refused.value).startswith(f"flows/wrong.py:1: got {said}")
    assert 'expected `secrets = ["SNOWFLAKE_PRIVATE_KEY"]`' in str(refused.value)


def test_an_environment_has_the_known_parameters_and_what_facts_and_flows_add():
    added = {"secure_strings": ["SENTRY_DSN", "SNOWFLAKE_USER"], "strings": ["SHOP_NAME"]}
    types = parameter_types(FACTS | {"parameters": added}, ["SHOP_TOKEN", "SHOP_NAME", "DBT_CLOUD_ACCOUNT_ID"])
    plain = {"SNOWFLAKE_ACCOUNT", "DBT_CLOUD_ACCOUNT_ID", "SHOP_NAME"}
    secure = {
        "PREFECT_API_KEY",
        "SENTRY_DSN",
        "SNOWFLAKE_USER",
        "SNOWFLAKE_PRIVATE_KEY",
        "DBT_CLOUD_TOKEN",
        "SHOP_TOKEN",
    }
    assert types == dict.fromkeys(plain, "String") | dict.fromkeys(secure, "SecureString")
    assert of_every_run(FACTS) == {"PREFECT_API_KEY"}
    assert of_every_run(FACTS | {"parameters": added}) == {"PREFECT_API_KEY", "SENTRY_DSN"}


def test_what_comes_along_is_what_the_environment_has():
    assert with_companions(["SNOWFLAKE_PRIVATE_KEY"], FACTS) == SNOWFLAKE
    listed = FACTS | {"parameters": {"secure_strings": ["SNOWFLAKE_PRIVATE_KEY_PASSPHRASE"]}}
    assert "SNOWFLAKE_PRIVATE_KEY_PASSPHRASE" in with_companions(["SNOWFLAKE_PRIVATE_KEY"], listed)
    assert with_companions(["DBT_CLOUD_TOKEN"], FACTS) == ["DBT_CLOUD_ACCOUNT_ID", "DBT_CLOUD_TOKEN"]


def test_files_with_the_same_secrets_share_a_definition_and_one_with_rights_has_its_own(root):
    key = 'secrets = ["SNOWFLAKE_PRIVATE_KEY"]\n'
    also = 'secrets = ["SNOWFLAKE_USER", "SNOWFLAKE_PRIVATE_KEY"]'
    found = flow_definitions.definitions(
        TITLE, FACTS, root(one=key, two=also, orders__load=key + RIGHT, shop='secrets = ["SHOP_TOKEN"]', plain="x = 1")
    )
    assert found == {
        "one": {"name": "flow-with-snowflake_private_key", "secrets": SNOWFLAKE},
        "two": {"name": "flow-with-snowflake_private_key", "secrets": SNOWFLAKE},
        "orders/load": {"name": "flow-orders-load", "secrets": SNOWFLAKE},
        "shop": {"name": "flow-with-shop_token", "secrets": ["SHOP_TOKEN"]},
    }


def test_no_name_is_too_long_for_a_role_or_that_of_another():
    long = "a/" * 40 + "b"
    flows = [long, f"{long}c", "a/b", "a_b", "A/b", "a/B", "with/shop_token", "with", "flow"]
    longest = "A" * 20 + "-" + "B" * 15
    for title in (TITLE, longest):
        names = [definition(title, FACTS, flow, [], has_rights=True)["name"] for flow in flows]
        sets = (["SHOP_TOKEN"], ["SHOP", "TOKEN"], [f"TOKEN_{number}" for number in range(30)])
        names += [definition(title, FACTS, "x", secrets, has_rights=False)["name"] for secrets in sets]
        assert len({name.lower() for name in names}) == len(names)
        assert max(len(f"{title}-{name}") for name in names) <= 64
        assert all(name.startswith("flow-") for name in names)


def applied(**files):
    """What Terraform's output says of these files: secrets and permissions."""
    right = [{"actions": ["s3:GetObject"], "resources": ["arn:{partition}:s3:::partner/*"]}]
    declared = {
        flow: {"definition": "flow-x", "secrets": secrets, "permissions": right if has_rights else []}
        for flow, (secrets, has_rights) in files.items()
    }
    names = {name for each in declared.values() for name in each["secrets"]}
    return {"declared": declared, "parameters": sorted(parameter_types(FACTS, names))}


def test_a_file_whose_declaration_is_applied_is_no_problem(root):
    there = root(load='secrets = ["SNOWFLAKE_PRIVATE_KEY"]\n' + RIGHT, plain="x = 1")
    outputs = applied(load=(SNOWFLAKE, True), gone=([], True))
    assert list(applied_rights.problems(outputs["declared"], there)) == []


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ('secrets = ["SHOP_TOKEN"]\n' + RIGHT, "got `secrets` that are not applied"),
        ('secrets = ["SNOWFLAKE_PRIVATE_KEY"]', "got `permissions` that are not applied"),
        ("x = 1", "got `secrets` and `permissions` that are not applied"),
    ],
)
def test_a_file_that_declares_something_else_than_what_is_applied_is_told_with_the_remedy(root, source, said):
    [problem] = applied_rights.problems(applied(load=(SNOWFLAKE, True))["declared"], root(load=source))
    assert problem.startswith(f"flows/load.py: {said}; expected what its runs get: `make plan` and `make apply` first")


def test_a_new_combination_of_parameters_is_a_release_like_any_other(root):
    there = root(one='secrets = ["SNOWFLAKE_PRIVATE_KEY", "DBT_CLOUD_TOKEN"]', two='secrets = ["SHOP_TOKEN"]')
    assert list(applied_rights.beyond(applied(other=(["SHOP_TOKEN"], False)), FACTS, there)) == []


@pytest.mark.parametrize(
    ("source", "said"),
    [
        (RIGHT, "flows/load.py: got `permissions` of its own that are new, changed or gone"),
        ('secrets = ["SHOP_TOKEN"]', "parameter SHOP_TOKEN: got one which no run may be given yet"),
    ],
)
def test_a_new_right_is_an_administrators(root, source, said):
    [problem] = applied_rights.beyond(applied(), FACTS, root(load=source))
    assert problem.startswith(said)
    assert "an administrator plans and applies it first (docs/runbook.md#what-a-release-may-not-change)" in problem


def test_a_right_that_goes_is_an_administrators_too(root):
    problems = list(applied_rights.beyond(applied(gone=(["SHOP_TOKEN"], True)), FACTS, root(plain="x = 1")))
    assert [problem.partition(": got")[0] for problem in problems] == ["flows/gone.py", "parameter SHOP_TOKEN"]


def test_a_file_that_cannot_be_read_hides_no_other(root):
    there = root(broken="secrets = ", load='secrets = ["SHOP_TOKEN"]')
    told = list(applied_rights.problems(applied()["declared"], there))
    assert [problem.partition(":")[0] for problem in told] == ["flows/load.py"]
