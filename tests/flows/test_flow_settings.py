"""Missing or wrong variables are named in one sentence that holds no value."""

import os

import pytest

from flows.shared import snowflake
from flows.shared.settings import SettingsError, SnowflakeSettings
from flows.shared.snowflake_account import AccountError

GIVEN = {
    "SNOWFLAKE_ACCOUNT": "https://MYORG-MY_ACCOUNT.snowflakecomputing.com/",
    "SNOWFLAKE_USER": "u",
    "SNOWFLAKE_PRIVATE_KEY": "the-secret-itself",
    "SNOWFLAKE_DATABASE": "D",
    "SNOWFLAKE_SCHEMA": "S",
    "SNOWFLAKE_WAREHOUSE": "W",
    "SNOWFLAKE_ROLE": "R",
}


@pytest.fixture
def environment(monkeypatch):
    for name in [name for name in os.environ if name.startswith("SNOWFLAKE_")]:
        monkeypatch.delenv(name)
    for name, value in GIVEN.items():
        monkeypatch.setenv(name, value)
    return monkeypatch


@pytest.mark.usefixtures("environment")
def test_the_key_is_read_and_not_shown():
    settings = SnowflakeSettings.load()
    assert settings.private_key.get_secret_value() == "the-secret-itself"
    assert settings.private_key_passphrase is None
    assert "the-secret-itself" not in repr(settings)


def test_a_passphrase_is_read_and_not_shown(environment):
    environment.setenv("SNOWFLAKE_PRIVATE_KEY_PASSPHRASE", "the-passphrase")
    settings = SnowflakeSettings.load()
    assert settings.private_key_passphrase.get_secret_value() == "the-passphrase"
    assert "the-passphrase" not in repr(settings)


@pytest.mark.usefixtures("environment")
def test_the_account_is_read_from_its_address():
    settings = SnowflakeSettings.load()
    assert (settings.account, settings.host) == ("myorg-my_account", "myorg-my-account.snowflakecomputing.com")
    assert (settings.port, settings.protocol) == (None, "https")


def test_an_account_beside_a_host_is_taken_as_it_is(environment):
    environment.setenv("SNOWFLAKE_HOST", "127.0.0.1")
    environment.setenv("SNOWFLAKE_ACCOUNT", "Fake.Snow")
    settings = SnowflakeSettings.load()
    assert (settings.account, settings.host) == ("Fake.Snow", "127.0.0.1")


def test_a_wrong_account_is_refused_before_anything_is_sent(environment):
    environment.setenv("SNOWFLAKE_ACCOUNT", "https://app.snowflake.com")
    environment.setattr("snowflake.connector.connect", lambda **_: pytest.fail("it was asked"))
    with pytest.raises(AccountError), snowflake.connect(SnowflakeSettings.load(), "test", "test"):
        pass


def test_all_missing_variables_are_named(environment):
    environment.delenv("SNOWFLAKE_ROLE")
    environment.setenv("SNOWFLAKE_USER", "")
    with pytest.raises(SettingsError, match=r"got SNOWFLAKE_USER, SNOWFLAKE_ROLE not set; expected") as caught:
        SnowflakeSettings.load()
    assert "the-secret-itself" not in repr(caught.value)
    assert caught.value.__context__ is None


def test_a_wrong_port_is_named_without_its_value(environment):
    environment.setenv("SNOWFLAKE_PORT", "eighty")
    with pytest.raises(SettingsError, match=r"SNOWFLAKE_PORT .*integer") as caught:
        SnowflakeSettings.load()
    assert "eighty" not in str(caught.value)


@pytest.mark.parametrize("missing", ["SNOWFLAKE_PRIVATE_KEY", "SNOWFLAKE_USER"])
def test_a_secret_that_the_file_did_not_ask_for_is_told_with_what_to_write(environment, missing):
    environment.delenv(missing)
    with pytest.raises(SettingsError) as refused:
        SnowflakeSettings.load()
    assert str(refused.value).endswith('The flow\'s file asks for it by `secrets = ["SNOWFLAKE_PRIVATE_KEY"]`.')


def test_what_is_no_secret_is_told_without_that(environment):
    environment.delenv("SNOWFLAKE_ROLE")
    with pytest.raises(SettingsError, match=r"SNOWFLAKE_ROLE not set.*\(see \.env\.example\)\.$"):
        SnowflakeSettings.load()
