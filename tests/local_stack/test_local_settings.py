"""The settings of the local stack are checked before anything starts, and lead no call elsewhere."""

import socket
from pathlib import Path

import boto3
import pytest

from scripts.local_stack.supervisor import ports
from scripts.shared.local_settings import LocalSettings, SettingsError


@pytest.fixture(autouse=True)
def no_variables(monkeypatch: pytest.MonkeyPatch):
    """Neither the shell's nor a `.env`'s settings count."""
    monkeypatch.setitem(LocalSettings.model_config, "env_file", None)
    for name in ("DIRECTORY", "AWS_PORT", "SNOWFLAKE_PORT", "PREFECT_PORT", "AGENT_HEALTH_PORT", "PREFECT_DATABASE"):
        monkeypatch.delenv(f"DATA_FLOWS_{name}", raising=False)


@pytest.mark.parametrize("value", ["abc", "0", "65536", ""])
def test_a_port_that_is_none_is_named_with_its_variable(monkeypatch: pytest.MonkeyPatch, value: str):
    monkeypatch.setenv("DATA_FLOWS_AWS_PORT", value)
    with pytest.raises(SettingsError) as refusal:
        LocalSettings.load()
    assert str(refusal.value) == f"DATA_FLOWS_AWS_PORT: got '{value}'; expected a port from 1 to 65535"


def test_an_address_that_is_no_postgresql_is_refused_without_its_password(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("DATA_FLOWS_PREFECT_DATABASE", "mysql://prefect:hunter2@127.0.0.1/prefect")
    with pytest.raises(SettingsError) as refusal:
        LocalSettings.load()
    wanted = "postgresql+asyncpg://<user>@127.0.0.1:5432/<database>"
    assert str(refusal.value) == f"DATA_FLOWS_PREFECT_DATABASE: got no such address; expected {wanted}"


def test_every_wrong_variable_is_told_at_once(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("DATA_FLOWS_AWS_PORT", "x")
    monkeypatch.setenv("DATA_FLOWS_PREFECT_PORT", "y")
    with pytest.raises(SettingsError, match=r"(?s)DATA_FLOWS_AWS_PORT.*DATA_FLOWS_PREFECT_PORT"):
        LocalSettings.load()


def test_two_parts_cannot_have_one_port():
    with pytest.raises(SettingsError) as refusal:
        LocalSettings.load(aws_port=5000, prefect_port=5000)
    message = "DATA_FLOWS_AWS_PORT and DATA_FLOWS_PREFECT_PORT: got 5000 for all of them; expected different ports"
    assert str(refusal.value) == message


def test_a_relative_directory_starts_at_the_repository(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.chdir(tmp_path)
    assert LocalSettings.load().directory == Path(__file__).parents[2] / "build" / "local"


def test_the_aws_environment_has_nothing_of_the_shells_own_aws(monkeypatch: pytest.MonkeyPatch):
    for name in ("AWS_PROFILE", "AWS_CA_BUNDLE", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL_S3"):
        monkeypatch.setenv(name, "of the shell")
    monkeypatch.setenv("NO_PROXY", "example.com")
    variables = LocalSettings.load(aws_port=4999).aws_environment("eu-north-1")
    assert "of the shell" not in variables.values()
    assert variables["AWS_ENDPOINT_URL"] == "http://127.0.0.1:4999"
    assert variables["NO_PROXY"] == "example.com,127.0.0.1,localhost"
    monkeypatch.setattr("os.environ", variables)
    assert boto3.Session().client("s3").meta.endpoint_url == "http://127.0.0.1:4999"


def test_a_taken_port_is_told_with_its_holder_and_the_variable_that_chooses_another():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ports.PortTakenError) as refusal:
            ports.require_free(LocalSettings.load(prefect_port=port), ["prefect_port"])
    message = str(refusal.value)
    assert message.startswith(f"Port {port} is used by pid ")
    assert message.endswith("choose another port with DATA_FLOWS_PREFECT_PORT=<port>.")
