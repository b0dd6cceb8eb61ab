"""`make secret`: a value goes into SSM with type, key and tags; what is there and missing is told, never a value."""

import base64
import io
import re
import sys
from types import SimpleNamespace

import boto3
import pytest
from botocore.exceptions import ClientError, UnauthorizedSSOTokenError
from moto import mock_aws

from flows.shared.private_key import private_key_der
from scripts import set_secret
from scripts.shared.command import run_command
from scripts.shared.environments import Environment
from scripts.shared.refusal import Refusal

pytestmark = pytest.mark.usefixtures("made_up_environments")
REGIONS = {"amber": "eu-central-1", "violet": "us-east-2"}
SECRET = "pnu_s3cr3t"  # noqa: S105 - nobody's.


class Cloud:
    """An environment's account where its key is applied, and a command that knows no other."""

    def __init__(self, environment, monkeypatch, capsys):
        self.environment, self.monkeypatch, self.capsys = environment, monkeypatch, capsys
        self.path = f"/HarborFlows/{environment.capitalize()}"
        self.alias = f"alias/HarborFlows-{environment.capitalize()}"
        self.ssm, self.kms = (boto3.client(name, region_name=REGIONS[environment]) for name in ("ssm", "kms"))
        self.key = self.kms.create_key()["KeyMetadata"]["KeyId"]
        self.kms.create_alias(AliasName=self.alias, TargetKeyId=self.key)

    def run(self, *arguments, given=b""):
        """Run the command with this on standard input; returns exit code and what it said."""
        stdin = SimpleNamespace(isatty=lambda: False, buffer=io.BytesIO(given))
        self.monkeypatch.setattr(sys, "stdin", stdin)
        self.monkeypatch.setattr(sys, "argv", ["set_secret", *arguments, "--env", self.environment])
        code = set_secret.main()
        said, self.warned = self.capsys.readouterr()
        assert "s3cr3t" not in said + self.warned
        return code, said

    def refusal(self, *arguments, given=b""):
        with pytest.raises(Refusal) as refused:
            self.run(*arguments, given=given)
        assert "s3cr3t" not in str(refused.value)
        return str(refused.value)

    def put(self, name, kind, value="s3cr3t", **key):
        self.ssm.put_parameter(Name=f"{self.path}/{name}", Type=kind, Value=value, **key)

    def value(self, name):
        return self.ssm.get_parameter(Name=f"{self.path}/{name}", WithDecryption=True)["Parameter"]["Value"]

    def described(self, name):
        filters = [{"Key": "Name", "Values": [f"{self.path}/{name}"]}]
        return self.ssm.describe_parameters(ParameterFilters=filters)["Parameters"]


@pytest.fixture
def clouds(monkeypatch, capsys):
    """A cloud by the environment's name."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL", "AWS_CA_BUNDLE", "YES"):
        monkeypatch.delenv(name, raising=False)
    with mock_aws():
        yield lambda environment: Cloud(environment, monkeypatch, capsys)


@pytest.fixture
def amber(clouds):
    return clouds("amber")


def row(said, name):
    """Cells of the line about one parameter."""
    (line,) = [line for line in said.splitlines() if line.startswith(f"{name}  ")]
    return re.split(r"\s{2,}", line)


def test_a_new_value_is_written_with_type_key_and_tags(amber):
    code, said = amber.run("PREFECT_API_KEY", given=f"{SECRET}\n".encode())
    assert code == 0
    assert said.startswith("PREFECT_API_KEY is written to /HarborFlows/Amber. Tasks read it when they start.\n\n")
    assert amber.warned.startswith("About to write PREFECT_API_KEY in amber:\n")
    assert amber.value("PREFECT_API_KEY") == SECRET
    (described,) = amber.described("PREFECT_API_KEY")
    assert (described["Type"], described["KeyId"]) == ("SecureString", amber.alias)
    tags = amber.ssm.list_tags_for_resource(ResourceType="Parameter", ResourceId="/HarborFlows/Amber/PREFECT_API_KEY")
    assert {each["Key"]: each["Value"] for each in tags["TagList"]} == {
        "service": "harbor-flows", "environment": "amber", "owner": "harbour-team", "repository": "data-flows",
    }  # fmt: skip


def test_a_value_that_is_there_is_overwritten_with_its_version_and_tags(amber):
    amber.put("SNOWFLAKE_USER", "String", "OLD")
    _, said = amber.run("SNOWFLAKE_USER", given=b"NEW\n")
    assert amber.value("SNOWFLAKE_USER") == "NEW"
    assert row(said, "SNOWFLAKE_USER")[1:3] == ["String", "2"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d", row(said, "SNOWFLAKE_USER")[3])
    tags = amber.ssm.list_tags_for_resource(ResourceType="Parameter", ResourceId="/HarborFlows/Amber/SNOWFLAKE_USER")
    assert len(tags["TagList"]) == 4
    assert "KeyId" not in amber.described("SNOWFLAKE_USER")[0]


def test_without_a_name_what_is_missing_is_told_and_nothing_is_written(amber):
    amber.put("SNOWFLAKE_USER", "String")
    code, said = amber.run()
    assert code == 1
    assert row(said, "DBT_CLOUD_TOKEN") == ["DBT_CLOUD_TOKEN", "SecureString", "missing"]
    assert "DBT_CLOUD_TOKEN: write it with `make secret NAME=DBT_CLOUD_TOKEN ENV=amber`.\n" in said
    assert "NAME=SNOWFLAKE_USER" not in said
    assert len(amber.ssm.describe_parameters()["Parameters"]) == 1
    assert amber.warned == ""


def test_all_there_as_it_should_be_is_told_by_the_exit_code(amber):
    for name in ("PREFECT_API_KEY", "SNOWFLAKE_PRIVATE_KEY", "DBT_CLOUD_TOKEN"):
        amber.put(name, "SecureString", KeyId=amber.alias)
    for name in ("SNOWFLAKE_ACCOUNT", "SNOWFLAKE_USER", "DBT_CLOUD_ACCOUNT_ID"):
        amber.put(name, "String")
    assert amber.run()[0] == 0


def test_more_parameters_than_fit_on_a_page_are_all_told(amber):
    for number in range(60):
        amber.put(f"OLD_{number}", "String")
    _, said = amber.run()
    assert row(said, "OLD_59")[-1] == "not read by anything"


def test_a_wrong_type_is_told_with_the_remedy_and_kept(amber):
    amber.put("DBT_CLOUD_TOKEN", "String")
    told = (
        "DBT_CLOUD_TOKEN: got a String, expected a SecureString; SSM changes no type, so delete it "
        "(`aws ssm delete-parameter --name /HarborFlows/Amber/DBT_CLOUD_TOKEN`) and write it again."
    )
    assert amber.refusal("DBT_CLOUD_TOKEN", given=b"dbtc_" + b"s3cr3t" * 4) == told
    code, said = amber.run()
    assert code == 1
    assert told in said
    assert row(said, "DBT_CLOUD_TOKEN")[-1] == "wrong type"
    assert amber.value("DBT_CLOUD_TOKEN") == "s3cr3t"


def test_another_key_is_told_and_writing_again_mends_it(amber):
    amber.put("PREFECT_API_KEY", "SecureString")
    _, said = amber.run()
    assert row(said, "PREFECT_API_KEY")[-1] == "other key"
    assert (
        "got the key alias/aws/ssm, expected alias/HarborFlows-Amber; write it again with `make secret NAME=P" in said
    )
    _, said = amber.run("PREFECT_API_KEY", given=SECRET.encode())
    assert "other key" not in said


def test_the_environments_key_under_another_of_its_names_is_its_key(amber):
    account = amber.kms.describe_key(KeyId=amber.key)["KeyMetadata"]["Arn"].split(":")[4]
    arn = f"arn:aws:kms:eu-central-1:{account}"
    names = (amber.key, f"{arn}:key/{amber.key}", f"{arn}:{amber.alias}")
    for name, key in zip(("PREFECT_API_KEY", "SNOWFLAKE_PRIVATE_KEY", "DBT_CLOUD_TOKEN"), names, strict=True):
        amber.put(name, "SecureString", KeyId=key)
    assert "other key" not in amber.run()[1]


def test_a_guarded_environment_takes_consent_before_anything_is_written(clouds, monkeypatch):
    violet = clouds("violet")
    told = "violet is guarded: got no consent; expected YES=violet, or violet typed at a terminal."
    assert violet.refusal("PREFECT_API_KEY", given=SECRET.encode()) == told
    assert violet.described("PREFECT_API_KEY") == []
    assert violet.run()[0] == 1  # To look takes none.
    monkeypatch.setenv("YES", "violet")
    assert violet.run("PREFECT_API_KEY", given=SECRET.encode())[0] == 0
    assert violet.value("PREFECT_API_KEY") == SECRET


def test_a_value_of_the_wrong_form_is_not_written(amber):
    assert "expected a key of Prefect Cloud" in amber.refusal("PREFECT_API_KEY", given=b"s3cr3t")
    assert amber.refusal("PREFECT_API_KEY").startswith(
        "PREFECT_API_KEY: got no value; expected one typed at a terminal"
    )
    assert amber.described("PREFECT_API_KEY") == []


def test_an_unknown_name_is_told_before_anything_else(amber):
    assert amber.refusal("PREFECT_KEY").startswith('NAME is "PREFECT_KEY", which is no parameter of amber; expected')


@pytest.mark.parametrize("arguments", [[], ["SNOWFLAKE_USER"]])
def test_credentials_of_another_account_are_refused(amber, monkeypatch, arguments):
    def refuse(self):
        raise Refusal("Got AWS credentials of account 1; expected account 2.")

    monkeypatch.setattr(Environment, "require_account", refuse)
    assert amber.refusal(*arguments, given=b"ANNA") == "Got AWS credentials of account 1; expected account 2."


def test_an_expired_session_is_one_sentence(amber, monkeypatch, capsys):
    def expired(*_):
        raise UnauthorizedSSOTokenError

    monkeypatch.setattr("botocore.client.BaseClient._make_api_call", expired)
    with pytest.raises(SystemExit) as ended:
        run_command(lambda: amber.run("SNOWFLAKE_USER", given=b"ANNA")[0])
    told = capsys.readouterr().err.splitlines()[-1]
    assert ended.value.code == 2
    assert told.startswith("Cannot continue: The SSO session associated with this profile has expired")


@pytest.mark.parametrize(
    ("code", "told"),
    [
        (
            "AccessDeniedException",
            "AWS refused DescribeParameters with AccessDeniedException: You may not. Expected this right for "
            "/HarborFlows/Amber/* and the key alias/HarborFlows-Amber.",
        ),
        (
            "InvalidKeyId",
            "AWS refused DescribeParameters with InvalidKeyId: the key alias/HarborFlows-Amber is not there; it comes "
            "with the first `make apply ENV=amber`.",
        ),
        ("ValidationException", "AWS refused DescribeParameters with ValidationException."),
    ],
)
def test_what_aws_refuses_is_one_sentence(amber, monkeypatch, code, told):
    message = "You may not." if code == "AccessDeniedException" else "The value s3cr3t is …"

    def refuse(*_):
        raise ClientError({"Error": {"Code": code, "Message": message.removesuffix(".")}}, "DescribeParameters")

    monkeypatch.setattr("botocore.client.BaseClient._make_api_call", refuse)
    assert amber.refusal("SNOWFLAKE_USER", given=b"ANNA") == told


def test_a_generated_pair_is_written_by_half_and_its_other_half_is_shown(amber):
    _, said = amber.run("SNOWFLAKE_PRIVATE_KEY", "--generate")
    (public,) = re.findall(r"^ALTER USER <user> SET RSA_PUBLIC_KEY='(\S+)';$", said, re.MULTILINE)
    from cryptography.hazmat.primitives import serialization

    private = serialization.load_der_private_key(private_key_der(amber.value("SNOWFLAKE_PRIVATE_KEY")), None)
    half = serialization.load_der_public_key(base64.b64decode(public))
    assert private.public_key().public_numbers() == half.public_numbers()
    assert amber.value("SNOWFLAKE_PRIVATE_KEY") not in said


def test_at_a_terminal_the_private_half_waits_until_snowflake_has_the_public_one(amber, monkeypatch):
    terminal = io.StringIO("")
    terminal.isatty = lambda: True
    monkeypatch.setattr(sys, "stdin", terminal)
    with pytest.raises(Refusal, match="got no Enter; nothing is written"):
        set_secret.generated()


@pytest.mark.parametrize("arguments", [[], ["SNOWFLAKE_USER"]])
def test_nothing_else_can_be_generated(amber, arguments):
    assert amber.refusal(*arguments, "--generate").endswith("expected NAME=SNOWFLAKE_PRIVATE_KEY.")
