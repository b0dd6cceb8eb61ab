"""Environments are those with a file of facts; what is asked about them is read from there."""

import io
from types import SimpleNamespace

import pytest
from botocore.exceptions import (
    ClientError,
    EndpointConnectionError,
    NoCredentialsError,
    ProfileNotFound,
    UnauthorizedSSOTokenError,
)
from fixture_repository import ENVIRONMENTS, facts
from gate_records import gate_record

from scripts.gate import applied_state
from scripts.shared.environments import ROOT, Environment, find_environment
from scripts.shared.refusal import Refusal

pytestmark = pytest.mark.usefixtures("made_up_environments")


@pytest.mark.parametrize("name", ["staging", "", "Amber", "../amber"])
def test_an_unknown_environment_is_answered_with_those_there_are(name):
    with pytest.raises(Refusal) as refused:
        find_environment(name)
    assert str(refused.value) == (
        f'ENV is "{name}"; expected one of amber, local, violet (a file in terraform/environments/).'
    )
    assert refused.value.exit_code == 2


@pytest.mark.parametrize("name", ["amber", "local", "violet"])
def test_an_environments_state_backend_is_read_from_its_file(name):
    backend = find_environment(name).backend
    assert backend["bucket"].startswith(f"harborflows-{name}-state-")
    assert (backend["key"], backend["region"]) == ("harbor-flows/terraform.tfstate", facts(name)["region"])
    assert (backend["use_lockfile"], backend["encrypt"]) == (True, True)
    assert not [key for key in backend if key.startswith("__")]


def test_an_environment_is_named_with_a_capital_in_aws_and_prefect():
    assert [find_environment(name).title for name in ENVIRONMENTS] == ["HarborFlows-Amber", "HarborFlows-Violet"]


def test_plans_and_records_go_below_build_by_default(monkeypatch):
    monkeypatch.delenv("DATA_FLOWS_BUILD_DIRECTORY", raising=False)
    assert find_environment("amber").directory == ROOT / "build" / "amber"


def test_the_build_directory_can_be_chosen(monkeypatch, tmp_path):
    monkeypatch.setenv("DATA_FLOWS_BUILD_DIRECTORY", str(tmp_path))
    assert find_environment("amber").directory == tmp_path / "amber"
    monkeypatch.setenv("DATA_FLOWS_BUILD_DIRECTORY", "elsewhere")
    assert find_environment("violet").directory == ROOT / "elsewhere" / "violet"


def test_local_lies_where_its_stack_does(monkeypatch, tmp_path):
    monkeypatch.setenv("DATA_FLOWS_DIRECTORY", str(tmp_path))
    assert find_environment("local").directory == tmp_path


def test_local_commands_speak_to_the_embedded_aws_and_others_to_the_callers(monkeypatch):
    monkeypatch.setenv("AWS_PROFILE", "of-the-caller")
    local, amber = (find_environment(name).environment_variables() for name in ("local", "amber"))
    assert local["AWS_ENDPOINT_URL"].startswith("http://127.0.0.1:")
    assert "AWS_PROFILE" not in local
    assert amber["AWS_PROFILE"] == "of-the-caller"


def credentials_of(monkeypatch, answer):
    """As if AWS gave this answer to whoever asks which account the credentials are of."""

    def get_caller_identity():
        if isinstance(answer, Exception):
            raise answer
        return {"Account": answer, "Arn": f"arn:aws:sts::{answer}:assumed-role/Person/me"}

    sts = SimpleNamespace(get_caller_identity=get_caller_identity)
    monkeypatch.setattr(Environment, "client", lambda _, service: {"sts": sts}[service])


def test_credentials_of_the_named_account_are_accepted(monkeypatch):
    credentials_of(monkeypatch, "515151515151")
    find_environment("amber").require_account()


def test_credentials_of_another_account_are_refused_with_both_named(monkeypatch):
    credentials_of(monkeypatch, "626262626262")
    with pytest.raises(Refusal) as refused:
        find_environment("amber").require_account()
    assert str(refused.value) == (
        "Got AWS credentials of account 626262626262; expected account 515151515151 (amber.tfvars): "
        "use credentials of that account."
    )


EXPIRED = {"Error": {"Code": "ExpiredToken", "Message": "The security token included in the request is expired"}}


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ClientError(EXPIRED, "GetCallerIdentity"), "ExpiredToken.* is expired"),
        (UnauthorizedSSOTokenError(), "The SSO session .* has expired or is otherwise invalid.*"),
        (ProfileNotFound(profile="amber"), "The config profile .amber. could not be found"),
        (NoCredentialsError(), "Unable to locate credentials"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_credentials_that_aws_does_not_accept_are_told_in_one_sentence(monkeypatch, error, said):
    credentials_of(monkeypatch, error)
    rest = "expected valid ones of account 515151515151: sign in again, or set AWS_PROFILE."
    with pytest.raises(Refusal, match=rf"^AWS does not accept the credentials: .*{said}; {rest}$"):
        find_environment("amber").require_account()


def test_no_way_to_aws_is_not_taken_for_wrong_credentials(monkeypatch):
    credentials_of(monkeypatch, EndpointConnectionError(endpoint_url="https://sts.example.com"))
    with pytest.raises(EndpointConnectionError):
        find_environment("amber").require_account()


class Bucket:
    """An S3 client that holds objects in memory, or fails with `code`."""

    def __init__(self, code="NoSuchKey"):
        self.code = code
        self.objects = {}

    def put_object(self, *, Bucket, Key, Body, ContentType):  # noqa: N803 - boto3's names.
        assert ContentType == "application/json"
        self.objects[Bucket, Key] = Body

    def get_object(self, *, Bucket, Key):  # noqa: N803
        if (Bucket, Key) not in self.objects:
            raise ClientError({"Error": {"Code": self.code}}, "GetObject")
        return {"Body": io.BytesIO(self.objects[Bucket, Key])}


@pytest.fixture
def amber(monkeypatch):
    """`amber(bucket)` is the environment with its S3 replaced."""

    def make(bucket):
        monkeypatch.setattr(Environment, "client", lambda _, service: SimpleNamespace(s3=bucket).__dict__[service])
        return find_environment("amber")

    return make


def test_record_and_outputs_lie_beside_the_state_and_are_read_as_they_were(amber):
    bucket = Bucket()
    record = gate_record()
    applied_state.save(amber(bucket), record, {"work_pool": {"name": "HarborFlows-Amber"}})
    # The record last: it is what says that the outputs may be used.
    assert list(bucket.objects) == [
        ("harborflows-amber-state-515151515151", "harbor-flows/outputs.json"),
        ("harborflows-amber-state-515151515151", "harbor-flows/gate.json"),
    ]
    assert applied_state.read_record(amber(bucket)) == record
    assert applied_state.read_outputs(amber(bucket), "work_pool") == [{"name": "HarborFlows-Amber"}]


def test_an_output_that_the_last_apply_did_not_have_is_told(amber):
    bucket = Bucket()
    applied_state.save(amber(bucket), gate_record(), {"image": "…"})
    with pytest.raises(Refusal, match=r"outputs\.json: got image; expected work_pool too: plan and apply again\."):
        applied_state.read_outputs(amber(bucket), "image", "work_pool")


@pytest.mark.parametrize("code", ["NoSuchKey", "NoSuchBucket"])
@pytest.mark.parametrize(
    ("read", "name"),
    [
        (applied_state.read_record, "gate.json"),
        (lambda amber: applied_state.read_outputs(amber, "work_pool"), "outputs.json"),
    ],
)
def test_where_nothing_is_applied_the_commands_that_apply_are_named(amber, code, read, name):
    with pytest.raises(Refusal) as refused:
        read(amber(Bucket(code)))
    assert str(refused.value) == (
        f"Nothing at s3://harborflows-amber-state-515151515151/harbor-flows/{name}; expected the files that "
        "`make apply` stores there: run `make plan ENV=amber` and `make apply ENV=amber` first."
    )


def test_a_denied_read_is_not_taken_for_a_missing_record(amber):
    with pytest.raises(ClientError, match="AccessDenied"):
        applied_state.read_record(amber(Bucket("AccessDenied")))


def test_where_there_are_no_files_of_facts_a_variable_names_the_state(monkeypatch):
    """Inside the image: neither the files nor what reads them."""
    monkeypatch.setenv("DATA_FLOWS_STATE", "s3://of-blue/harbor-flows/terraform.tfstate")
    blue = find_environment("blue")
    assert (blue.backend["bucket"], blue.backend["key"]) == ("of-blue", "harbor-flows/terraform.tfstate")
    monkeypatch.setenv("DATA_FLOWS_STATE", "of-blue")
    with pytest.raises(Refusal, match='DATA_FLOWS_STATE is "of-blue"; expected s3://<bucket>/<key of the'):
        _ = find_environment("blue").backend
