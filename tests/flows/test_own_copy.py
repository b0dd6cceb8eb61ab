"""A try as somebody writes to what is theirs; without it, names are as they are written."""

import boto3
import pytest
from moto import mock_aws

from flows.shared import own_copy, s3

KEYS = {
    "export/orders/day.csv": "export/as_me/orders/day.csv",
    "quarantine/rows/orders/": "quarantine/as_me/rows/orders/",
    "landing/orders/day.csv": "landing/orders/day.csv",
    "results/x": "results/x",
    "exports/x": "exports/x",
}


@pytest.fixture
def me(monkeypatch):
    monkeypatch.setenv(own_copy.VARIABLE, "me")


@pytest.fixture
def bucket(monkeypatch):
    """A bucket with a landed file."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    with mock_aws():
        boto3.client("s3").create_bucket(Bucket="harbour")
        boto3.client("s3").put_object(Bucket="harbour", Key="landing/orders/day.csv", Body=b"1")
        yield "harbour"


@pytest.mark.usefixtures("me")
@pytest.mark.parametrize(("key", "theirs"), KEYS.items())
def test_keys_below_quarantine_and_export_are_theirs(key, theirs):
    assert own_copy.key(key) == theirs


@pytest.mark.usefixtures("me")
def test_a_schema_is_theirs_also_where_a_data_set_names_it():
    assert (own_copy.schema("LOADED"), own_copy.schema("")) == ("LOADED_ME", "")


@pytest.mark.parametrize("key", KEYS)
def test_without_a_name_everything_stays_as_it_is_written(monkeypatch, key):
    monkeypatch.delenv(own_copy.VARIABLE, raising=False)
    assert (own_copy.key(key), own_copy.schema("LOADED")) == (key, "LOADED")


@pytest.mark.usefixtures("me")
@pytest.mark.parametrize(
    "key", ["export/orders/day.csv", "quarantine/rows/x", "landing/orders/new.csv", "export/as_mel/x"]
)
def test_a_write_to_what_is_not_theirs_is_refused_and_nothing_is_written(bucket, key):
    client = s3.client()
    source = {"Bucket": bucket, "Key": "landing/orders/day.csv"}
    for write in (
        lambda: client.put_object(Bucket=bucket, Key=key, Body=b"2"),
        lambda: client.copy_object(Bucket=bucket, Key=key, CopySource=source),
        lambda: client.create_multipart_upload(Bucket=bucket, Key=key),
        lambda: client.delete_object(Bucket=bucket, Key=key),
        lambda: client.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": key}]}),
    ):
        with pytest.raises(own_copy.OthersDataError, match="expected"):
            write()
    assert [each["Key"] for each in client.list_objects_v2(Bucket=bucket)["Contents"]] == ["landing/orders/day.csv"]


@pytest.mark.usefixtures("me")
def test_what_is_theirs_is_written_and_what_landed_is_read(bucket):
    client = s3.client()
    body = client.get_object(Bucket=bucket, Key="landing/orders/day.csv")["Body"].read()
    for key in ("export/as_me/orders/day.csv", "quarantine/as_me/rows/x", "results/x"):
        client.put_object(Bucket=bucket, Key=key, Body=body)
        assert client.get_object(Bucket=bucket, Key=key)["Body"].read() == b"1"


def test_without_a_name_a_flow_may_write_where_its_role_may(monkeypatch, bucket):
    monkeypatch.delenv(own_copy.VARIABLE, raising=False)
    s3.client().put_object(Bucket=bucket, Key="export/orders/day.csv", Body=b"2")
