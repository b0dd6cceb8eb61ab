"""Missing or wrong variables are named in one sentence that holds no value."""

import pytest

from flows.shared.settings import SettingsError, SnowflakeSettings

GIVEN = {
    "SNOWFLAKE_ACCOUNT": "a",
    "SNOWFLAKE_USER": "u",
    "SNOWFLAKE_PRIVATE_KEY": "the-secret-itself",
    "SNOWFLAKE_DATABASE": "D",
    "SNOWFLAKE_SCHEMA": "S",
    "SNOWFLAKE_WAREHOUSE": "W",
    "SNOWFLAKE_ROLE": "R",
}


@pytest.fixture
def environment(monkeypatch):
    for name in (*GIVEN, "SNOWFLAKE_HOST", "SNOWFLAKE_PORT", "SNOWFLAKE_PROTOCOL"):
        monkeypatch.delenv(name, raising=False)
    for name, value in GIVEN.items():
        monkeypatch.setenv(name, value)
    return monkeypatch


@pytest.mark.usefixtures("environment")
def test_the_key_is_read_and_not_shown():
    settings = SnowflakeSettings.load()
    assert settings.private_key.get_secret_value() == "the-secret-itself"
    assert "the-secret-itself" not in repr(settings)
    assert (settings.host, settings.port, settings.protocol) == (None, None, "https")


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
