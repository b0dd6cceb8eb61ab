"""`eval "$(make -s env)"` leads aws, snowsql and prefect to one environment, and prints no secret of a shared one."""

import os
import shutil
import subprocess
from types import SimpleNamespace

import pytest
from botocore.exceptions import ClientError
from fixture_repository import facts

from scripts.shared import exports
from scripts.shared.environments import Environment, find_environment
from scripts.shared.refusal import Refusal

pytestmark = pytest.mark.usefixtures("made_up_environments")
AMBER = facts("amber")


@pytest.fixture(autouse=True)
def stack(monkeypatch, tmp_path):
    """The folder of a local stack that runs."""
    monkeypatch.setenv("DATA_FLOWS_DIRECTORY", str(tmp_path))
    monkeypatch.setenv("DATA_FLOWS_AWS_PORT", "14566")
    (tmp_path / "prefect_auth").write_text("data-flows:it's a $word")
    return tmp_path


@pytest.fixture
def parameters(monkeypatch):
    """Amber's parameters, which are read as they are: nothing is decrypted."""
    held = {"ACCOUNT": ("String", "https://myorg-harbour.snowflakecomputing.com"), "USER": ("String", "LOADER; rm x")}

    def get_parameters(Names):  # noqa: N803 - boto3's word.
        if isinstance(held.get("error"), Exception):
            raise held["error"]
        found = [(name, held[name.rpartition("_")[2]]) for name in Names if name.rpartition("_")[2] in held]
        return {"Parameters": [{"Name": name, "Type": kind, "Value": value} for name, (kind, value) in found]}

    monkeypatch.setattr(Environment, "require_account", lambda _: "arn")
    monkeypatch.setattr(Environment, "client", lambda *_: SimpleNamespace(get_parameters=get_parameters))
    return held


def shell_after(lines, **before):
    """The variables of a shell that has evaluated the lines."""
    script = 'eval "$LINES_GIVEN"; env -0'
    env = {"PATH": os.environ["PATH"], "LINES_GIVEN": "\n".join(lines), **before}
    out = subprocess.run(
        [shutil.which("bash"), "-c", script], env=env, capture_output=True, text=True, check=True
    ).stdout
    after = dict(line.split("=", 1) for line in out.split("\0") if line)
    return {name: value for name, value in after.items() if name != "LINES_GIVEN"}


def test_a_shell_of_the_local_stack_knows_nothing_else():
    before = {
        "AWS_PROFILE": "mine",
        "PREFECT_API_KEY": "mine",
        "SNOWSQL_PRIVATE_KEY_PASSPHRASE": "mine",
        "EDITOR": "vi",
    }
    after = shell_after(exports.lines(find_environment("local"), before), **before)
    assert not {"AWS_PROFILE", "PREFECT_API_KEY", "SNOWSQL_PRIVATE_KEY_PASSPHRASE"} & set(after)
    assert after["AWS_ENDPOINT_URL"] == "http://127.0.0.1:14566"
    assert after["PREFECT_API_AUTH_STRING"] == "data-flows:it's a $word"
    assert (after["SNOWSQL_HOST"], after["SNOWSQL_DATABASE"], after["EDITOR"]) == ("127.0.0.1", "HARBOUR", "vi")
    assert "127.0.0.1" in after["NO_PROXY"]


def test_a_shell_of_a_shared_environment_keeps_the_callers_credentials(parameters):
    before = {"AWS_PROFILE": "mine", "AWS_ACCESS_KEY_ID": "mine", "PREFECT_API_KEY": "mine"}
    after = shell_after(exports.lines(find_environment("amber"), before), **before)
    assert before.items() <= after.items()
    assert after["PREFECT_API_URL"] == AMBER["prefect_api_url"]
    assert after["AWS_REGION"] == AMBER["region"]
    assert (after["SNOWSQL_ACCOUNT"], after["SNOWSQL_USER"]) == ("myorg-harbour", "LOADER; rm x")
    assert after["SNOWSQL_ROLE"] == AMBER["snowflake"]["role"]


def test_what_local_has_exported_is_unset_for_a_shared_environment(parameters, monkeypatch):
    local = shell_after(exports.lines(find_environment("local"), {}))
    for name, value in local.items():
        monkeypatch.setenv(name, value)
    after = shell_after(exports.lines(find_environment("amber"), local), **local)
    assert not {"AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "PREFECT_API_AUTH_STRING", "SNOWSQL_HOST"} & set(after)
    assert "AWS_ENDPOINT_URL" not in os.environ, "expected this process to ask AWS itself"


def test_a_secret_is_not_printed_but_how_to_get_it_is(parameters):
    parameters["ACCOUNT"] = ("SecureString", "encrypted")
    said = "\n".join(exports.lines(find_environment("amber"), {}))
    assert "encrypted" not in said
    comments = [line for line in said.splitlines() if line.startswith("#")]
    assert any("PREFECT_API_KEY=" in line and "/HarborFlows/Amber/PREFECT_API_KEY" in line for line in comments)
    assert all(
        line.startswith(("#", "export AWS_", "export PREFECT_API_URL", "export SNOWSQL_")) for line in said.splitlines()
    )


def test_a_stack_that_does_not_run_is_told(stack):
    (stack / "prefect_auth").unlink()
    with pytest.raises(Refusal, match="The local stack is not running: run `make up` first"):
        list(exports.lines(find_environment("local")))


@pytest.mark.parametrize(
    ("held", "said"),
    [
        (
            {"error": ClientError({"Error": {"Code": "AccessDeniedException"}}, "GetParameters")},
            "may not be read: .*Denied",
        ),
        ({"ACCOUNT": ("String", "https://example.com")}, "SNOWFLAKE_ACCOUNT: got an address that is not Snowflake's"),
    ],
)
def test_what_ssm_refuses_or_holds_wrongly_is_told(parameters, held, said):
    parameters |= held
    with pytest.raises(Refusal, match=said):
        list(exports.lines(find_environment("amber"), {}))
