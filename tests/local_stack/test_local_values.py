"""Values of the local stack are kept in `.secrets.env`, reach its SSM, and outlive it."""

import io
import sys
from types import SimpleNamespace

import pytest
from embedded_aws import EmbeddedAws

from scripts import set_secret
from scripts.local_stack.aws import seed
from scripts.parameters import values
from scripts.shared import local_secrets
from scripts.shared.environments import find_environment
from scripts.shared.local_settings import LocalSettings

TOKEN = "dbtc_s3cr3t_s3cr3t_s3cr3t"  # noqa: S105 - nobody's.
pytestmark = pytest.mark.usefixtures("made_up_environments")


@pytest.fixture(scope="module")
def started(tmp_path_factory):
    aws = EmbeddedAws(tmp_path_factory.mktemp("aws"), "737373737373", "eu-central-1")
    aws.start()
    yield aws
    aws.stop()


@pytest.fixture
def aws(started, tmp_path, monkeypatch):
    """The embedded AWS of a stack without parameters, and a file of its own for values."""
    monkeypatch.setenv("DATA_FLOWS_AWS_PORT", str(started.settings.aws_port))
    monkeypatch.setenv("DATA_FLOWS_SECRETS_FILE", str(tmp_path / ".secrets.env"))
    monkeypatch.setattr(values, "runs", lambda *_: True)
    names = [each["Name"] for each in started["ssm"].describe_parameters()["Parameters"]]
    if names:
        started["ssm"].delete_parameters(Names=names)
    return started


@pytest.fixture
def run(monkeypatch, capsys):
    def run(*arguments, given=b""):
        stdin = SimpleNamespace(isatty=lambda: False, buffer=io.BytesIO(given))
        monkeypatch.setattr(sys, "stdin", stdin)
        monkeypatch.setattr(sys, "argv", ["set_secret", *arguments])
        code = set_secret.main()
        said, warned = capsys.readouterr()
        assert "s3cr3t" not in said + warned
        return code, said

    return run


def seeded(aws):
    """Value and version by name, after what `make up` does first."""
    settings = LocalSettings.load()
    seed._put_parameters(
        aws["ssm"],
        SimpleNamespace(prefect_auth_string=lambda: "a:b", secrets_file=settings.secrets_file),
        find_environment("local"),
    )
    found = aws["ssm"].get_parameters_by_path(Path="/HarborFlows/Local", WithDecryption=True)["Parameters"]
    return {each["Name"].rpartition("/")[2]: (each["Value"], each["Version"]) for each in found}


def test_a_value_goes_into_the_file_and_the_running_stack_and_outlives_it(aws, run):
    before = seeded(aws)
    code, said = run("DBT_CLOUD_TOKEN", given=f"{TOKEN}\n".encode())
    assert code == 0
    assert said.startswith("DBT_CLOUD_TOKEN is in .secrets.env and in the running stack. Tasks read it when they start")
    assert seeded(aws) == before | {"DBT_CLOUD_TOKEN": (TOKEN, 2)}  # Seeding again changes nothing.
    aws["ssm"].delete_parameters(Names=[f"/HarborFlows/Local/{name}" for name in before])  # As `make down` does.
    after = seeded(aws)
    assert after["DBT_CLOUD_TOKEN"] == (TOKEN, 1)
    assert after["SNOWFLAKE_PRIVATE_KEY"] != before["SNOWFLAKE_PRIVATE_KEY"]
    files = [path for path in aws.settings.directory.rglob("*") if path.is_file()]
    assert files
    assert not [path for path in files if TOKEN.encode() in path.read_bytes()]


def test_a_file_that_is_edited_by_hand_counts_at_the_next_make_up(aws):
    assert seeded(aws)["SNOWFLAKE_USER"] == (seed.USER, 1)
    local_secrets.write(LocalSettings.load().secrets_file, "SNOWFLAKE_USER", "ANNA")
    assert seeded(aws)["SNOWFLAKE_USER"] == ("ANNA", 2)


def test_what_is_whose_is_told(aws, run):
    seeded(aws)
    run("DBT_CLOUD_TOKEN", given=TOKEN.encode())
    code, said = run()
    assert code == 0
    lines = {line.split()[0]: line for line in said.splitlines()}
    assert lines["DBT_CLOUD_TOKEN"].endswith("from .secrets.env")
    assert lines["SNOWFLAKE_USER"].endswith("made up by `make up`")
    assert lines["PREFECT_API_AUTH_STRING"].endswith("made up by `make up`")


def test_while_the_stack_is_down_the_file_alone_is_written(run, tmp_path, monkeypatch):
    monkeypatch.setenv("DATA_FLOWS_DIRECTORY", str(tmp_path / "stack"))
    monkeypatch.setenv("DATA_FLOWS_SECRETS_FILE", str(tmp_path / ".secrets.env"))
    _, said = run("DBT_CLOUD_TOKEN", given=TOKEN.encode())
    assert said.startswith("DBT_CLOUD_TOKEN is in .secrets.env; the next `make up` takes it from there.\n")
    assert local_secrets.read(tmp_path / ".secrets.env", find_environment("local")) == {"DBT_CLOUD_TOKEN": TOKEN}
    assert not (tmp_path / "stack").exists()
    assert run()[0] == 0


def test_a_generated_key_is_kept_for_the_local_stack_too(run, aws):
    run("SNOWFLAKE_PRIVATE_KEY", "--generate")
    kept = local_secrets.read(LocalSettings.load().secrets_file, find_environment("local"))
    assert seeded(aws)["SNOWFLAKE_PRIVATE_KEY"][0] == kept["SNOWFLAKE_PRIVATE_KEY"]
