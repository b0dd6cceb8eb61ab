"""Before anything is written outside the laptop, one block says where; a guarded environment takes consent."""

import io
import sys
from types import SimpleNamespace

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from fixture_repository import facts

from scripts.shared.environments import STATE_VARIABLE, Environment, find_environment
from scripts.shared.guard import guard
from scripts.shared.refusal import Refusal

pytestmark = pytest.mark.usefixtures("made_up_environments")
AMBER, VIOLET = facts("amber"), facts("violet")  # Violet is guarded.


@pytest.fixture(autouse=True)
def shell(monkeypatch):
    """Nobody said yes, Prefect's address is unknown, and nobody sits at a terminal."""
    for name in ("YES", "PREFECT_API_URL", STATE_VARIABLE):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(sys, "stdin", io.StringIO())


def caller(monkeypatch, account, role="Person"):
    """AWS knows the caller as this role of that account."""
    identity = {"Account": account, "Arn": f"arn:aws:sts::{account}:assumed-role/{role}/session"}
    clients = {"sts": SimpleNamespace(get_caller_identity=lambda: identity), "ssm": parameter("myorg-harbour")}
    monkeypatch.setattr(Environment, "client", lambda _, service: clients[service])
    return clients


def parameter(value):
    """SSM, which holds Snowflake's account, or raises."""

    def get_parameter(Name):  # noqa: N803 - boto3's word.
        assert Name == "/HarborFlows/Amber/SNOWFLAKE_ACCOUNT" or "Violet" in Name
        if isinstance(value, Exception):
            raise value
        return {"Parameter": {"Value": value}}

    return SimpleNamespace(get_parameter=get_parameter)


def at_a_terminal(monkeypatch, typed):
    """A person types this."""
    terminal = io.StringIO(f"{typed}\n")
    terminal.isatty = lambda: True
    monkeypatch.setattr(sys, "stdin", terminal)


def test_the_block_says_what_is_about_to_be_touched(monkeypatch, capsys):
    caller(monkeypatch, AMBER["account_id"])
    guard(find_environment("amber"), "apply the plan")
    first, aws, prefect, warehouse, bucket = capsys.readouterr().err.splitlines()
    assert first == "About to apply the plan in amber:"
    assert aws.split(maxsplit=1)[1] == (
        f"account {AMBER['account_id']}, {AMBER['region']}, as "
        f"arn:aws:sts::{AMBER['account_id']}:assumed-role/Person/session"
    )
    assert prefect.split(maxsplit=1)[1] == AMBER["prefect_api_url"]
    assert warehouse.split(maxsplit=1)[1] == (
        "myorg-harbour, HARBOUR_AMBER.SHIPS as HARBOUR_LOADER_AMBER, on LOADING_AMBER"
    )
    assert bucket.split(maxsplit=1)[1] == f"harborflows-amber-results-{AMBER['account_id']}"


def test_a_try_as_somebody_says_whose_place_it_writes_to(monkeypatch, capsys):
    caller(monkeypatch, AMBER["account_id"])
    guard(find_environment("amber"), "try orders", own="me: schema SHIPS_ME")
    assert capsys.readouterr().err.splitlines()[-1].split(maxsplit=1) == ["as", "me: schema SHIPS_ME"]


@pytest.mark.parametrize(
    ("held", "said"),
    [
        ("a secret by mistake", "account unknown (/HarborFlows/Amber/SNOWFLAKE_ACCOUNT holds none)"),
        (
            ClientError({"Error": {"Code": "AccessDeniedException"}}, "GetParameter"),
            "account unknown (/HarborFlows/Amber/SNOWFLAKE_ACCOUNT: AccessDeniedException)",
        ),
        (
            EndpointConnectionError(endpoint_url="ssm"),
            "account unknown (/HarborFlows/Amber/SNOWFLAKE_ACCOUNT: Could not",
        ),
    ],
)
def test_an_account_of_the_warehouse_that_cannot_be_told_stops_nobody(monkeypatch, capsys, held, said):
    caller(monkeypatch, AMBER["account_id"])["ssm"] = parameter(held)
    guard(find_environment("amber"), "apply the plan")
    told = capsys.readouterr().err
    assert f"warehouse  {said}" in told
    assert "by mistake" not in told


OTHER = "https://prefect.violet.example.com/api"


def test_another_prefect_than_the_environments_is_said_and_takes_consent(monkeypatch, capsys):
    """Also where the environment is not guarded."""
    monkeypatch.setenv("PREFECT_API_URL", OTHER)
    with pytest.raises(Refusal) as refused:
        guard(find_environment("amber"), "run orders", calls_aws=False, calls_prefect=True)
    assert f"  Prefect    {OTHER}, not {AMBER['prefect_api_url']}\n" in capsys.readouterr().err
    consent = "got no consent; expected YES=amber, or amber typed at a terminal."
    assert str(refused.value) == f"amber has another Prefect than PREFECT_API_URL: {consent}"
    monkeypatch.setenv("YES", "amber")
    guard(find_environment("amber"), "run orders", calls_aws=False, calls_prefect=True)


def test_the_environments_own_prefect_takes_none_and_neither_does_a_command_that_calls_no_prefect(monkeypatch, capsys):
    monkeypatch.setenv("PREFECT_API_URL", f"{AMBER['prefect_api_url']}/")
    guard(find_environment("amber"), "run orders", calls_aws=False, calls_prefect=True)
    monkeypatch.setenv("PREFECT_API_URL", OTHER)
    guard(find_environment("amber"), "run orders", calls_aws=False)
    assert OTHER not in capsys.readouterr().err


@pytest.mark.parametrize("environment", ["amber", "violet"])
def test_credentials_of_another_account_are_refused_before_anything(monkeypatch, capsys, environment):
    caller(monkeypatch, "111111111111")
    with pytest.raises(Refusal, match="Got AWS credentials of account 111111111111"):
        guard(find_environment(environment), "apply the plan")
    assert capsys.readouterr().err == ""


def test_a_guarded_environment_takes_the_consent_of_somebody(monkeypatch):
    caller(monkeypatch, VIOLET["account_id"])
    with pytest.raises(Refusal) as refused:
        guard(find_environment("violet"), "apply the plan")
    assert str(refused.value) == (
        "violet is guarded: got no consent; expected YES=violet, or violet typed at a terminal."
    )
    monkeypatch.setenv("YES", "violet")
    guard(find_environment("violet"), "apply the plan")


@pytest.mark.parametrize("yes", ["1", "amber", "VIOLET"])
def test_consent_to_something_else_is_none(monkeypatch, yes):
    caller(monkeypatch, VIOLET["account_id"])
    monkeypatch.setenv("YES", yes)
    with pytest.raises(Refusal, match=f'violet is guarded: got "{yes}"'):
        guard(find_environment("violet"), "apply the plan")


def test_a_person_at_a_terminal_types_its_name(monkeypatch):
    caller(monkeypatch, VIOLET["account_id"])
    at_a_terminal(monkeypatch, "violet")
    guard(find_environment("violet"), "apply the plan")
    at_a_terminal(monkeypatch, "y")
    with pytest.raises(Refusal, match='got "y"'):
        guard(find_environment("violet"), "apply the plan")


@pytest.mark.parametrize(("role", "is_asked"), [("apply", False), ("register", False), ("agent", True), ("x", True)])
def test_the_pipelines_own_roles_are_not_asked(monkeypatch, role, is_asked):
    clients = caller(monkeypatch, VIOLET["account_id"], f"HarborFlows-Violet-{role}")
    if not is_asked:
        del clients["ssm"]  # They may not read it.
        guard(find_environment("violet"), "apply the plan")
        return
    with pytest.raises(Refusal, match="violet is guarded"):
        guard(find_environment("violet"), "apply the plan")


def test_the_laptop_and_the_image_are_not_asked(monkeypatch, capsys):
    guard(find_environment("local"), "apply the plan")
    monkeypatch.setenv(STATE_VARIABLE, "s3://bucket/key")
    guard(find_environment("violet"), "register flows")
    assert capsys.readouterr().err == ""
