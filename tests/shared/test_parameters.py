"""Which parameters an environment has, with their types, and which of them a person writes."""

from pathlib import Path

import pytest

from scripts.shared import parameters
from scripts.shared.environments import Environment, find_environment
from scripts.shared.parameters import environment_parameters, require_known, writable_parameters
from scripts.shared.refusal import Refusal

pytestmark = pytest.mark.usefixtures("made_up_environments")


DECLARED = {"orders/load": ["SNOWFLAKE_PRIVATE_KEY", "SHOP_API_TOKEN"]}


@pytest.fixture(autouse=True)
def _declared(monkeypatch):
    """One flow file declares secrets."""
    monkeypatch.setattr(parameters.flow_secrets, "declared", lambda: DECLARED)


def with_facts(**facts):
    """An environment of these facts."""
    environment = Environment("teal", Path("none"))
    vars(environment)["facts"] = {"name": "HarborFlows", "alerts": {}, **facts}
    return environment


def test_the_known_parameters_and_what_facts_and_flow_files_name_are_the_environments():
    open_facts = with_facts(prefect_credential="PREFECT_API_AUTH_STRING")
    assert environment_parameters(open_facts) == {
        "PREFECT_API_AUTH_STRING": "SecureString",
        "SNOWFLAKE_PRIVATE_KEY": "SecureString",
        "DBT_CLOUD_TOKEN": "SecureString",
        "SNOWFLAKE_ACCOUNT": "String",
        "SNOWFLAKE_USER": "String",
        "DBT_CLOUD_ACCOUNT_ID": "String",
        "SHOP_API_TOKEN": "SecureString",
    }
    more = with_facts(prefect_credential="PREFECT_API_AUTH_STRING", parameters={"strings": ["TOPIC"]})
    assert environment_parameters(more) == environment_parameters(open_facts) | {"TOPIC": "String"}


def test_a_channel_that_alerts_go_to_has_its_parameters():
    violet, amber = find_environment("violet"), find_environment("amber")
    of_channels = {"PAGERDUTY_ROUTING_KEY", "PAGERDUTY_ENDPOINT", "SLACK_WEBHOOK_URL", "TEAMS_WEBHOOK_URL"}
    assert set(writable_parameters(violet)) == {*environment_parameters(violet), *of_channels}
    assert {writable_parameters(violet)[name] for name in of_channels} == {"SecureString"}
    assert writable_parameters(amber) == environment_parameters(amber)


def test_an_unknown_name_is_told_with_the_nearest():
    amber = find_environment("amber")
    assert require_known(amber, "SNOWFLAKE_USER") == "String"
    with pytest.raises(Refusal) as refused:
        require_known(amber, "snowflake_usr")
    assert str(refused.value) == (
        'NAME is "snowflake_usr", which is no parameter of amber; expected a name such as SNOWFLAKE_USER, '
        "SNOWFLAKE_ACCOUNT, SNOWFLAKE_PRIVATE_KEY. To add one, write it into the flow file that needs it, "
        'such as `secrets = ["SHOP_API_TOKEN"]`.'
    )
    with pytest.raises(Refusal, match="such as DBT_CLOUD_ACCOUNT_ID, DBT_CLOUD_TOKEN, PREFECT_API_KEY, SHOP_API"):
        require_known(amber, "X")


def test_the_local_prefects_credential_is_nobodys_to_write():
    local = find_environment("local")
    assert "PREFECT_API_AUTH_STRING" not in writable_parameters(local)
    with pytest.raises(Refusal, match="expected none: `make up` makes it anew at each start"):
        require_known(local, "PREFECT_API_AUTH_STRING")
