"""Buckets keep what they hold encrypted, versioned and private, as S3 describes them."""

import json

import pytest

DATA = ("results", "artifacts")
BUCKETS = (*DATA, "access-logs")


@pytest.fixture(params=BUCKETS)
def bucket(request, environment):
    """Name of each bucket of the environment."""
    return environment.bucket(request.param)


@pytest.fixture(params=DATA)
def data(request, environment):
    """Name of each bucket that holds more than logs."""
    return environment.bucket(request.param)


def rules(environment, bucket):
    return {
        rule["ID"]: rule
        for rule in environment["s3"].get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"]
        if rule["Status"] == "Enabled"
    }


def test_there_are_these_buckets_and_no_other(environment):
    buckets = environment["s3"].list_buckets()["Buckets"]
    # An administrator makes that of the state (terraform/bootstrap).
    expected = {environment.bucket(purpose) for purpose in (*BUCKETS, "state")}
    assert {each["Name"] for each in buckets if f"-{environment.name}-" in each["Name"]} == expected


def test_data_are_encrypted_with_the_environments_own_key(environment, data):
    answer = environment["s3"].get_bucket_encryption(Bucket=data)
    (rule,) = answer["ServerSideEncryptionConfiguration"]["Rules"]
    assert rule["ApplyServerSideEncryptionByDefault"] == {
        "SSEAlgorithm": "aws:kms", "KMSMasterKeyID": environment.key_arn,
    }  # fmt: skip
    assert rule["BucketKeyEnabled"] is True


def test_access_logs_are_encrypted_with_s3s_key_the_only_one_it_delivers_them_with(environment):
    answer = environment["s3"].get_bucket_encryption(Bucket=environment.bucket("access-logs"))
    (rule,) = answer["ServerSideEncryptionConfiguration"]["Rules"]
    assert rule["ApplyServerSideEncryptionByDefault"] == {"SSEAlgorithm": "AES256"}


def test_what_is_overwritten_or_deleted_can_be_had_again(environment, data):
    assert environment["s3"].get_bucket_versioning(Bucket=data)["Status"] == "Enabled"


def test_nothing_of_a_bucket_can_be_made_public(environment, bucket):
    block = environment["s3"].get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"]
    assert block == dict.fromkeys(
        ["BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"], True
    )


def test_whoever_comes_without_tls_is_denied_everything(environment, bucket):
    statements = json.loads(environment["s3"].get_bucket_policy(Bucket=bucket)["Policy"])["Statement"]
    (denied,) = [statement for statement in statements if statement.get("Sid") == "TlsOnly"]
    assert denied["Principal"] in ("*", {"AWS": "*"})
    assert denied["Action"] == "s3:*"
    assert set(denied["Resource"]) == {f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"}
    assert denied["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


def test_only_the_log_service_may_write_access_logs_and_only_those_of_these_buckets(environment):
    found = environment["s3"].get_bucket_policy(Bucket=environment.bucket("access-logs"))["Policy"]
    (allowed,) = [statement for statement in json.loads(found)["Statement"] if statement["Effect"] == "Allow"]
    assert (allowed["Principal"], allowed["Action"]) == ({"Service": "logging.s3.amazonaws.com"}, "s3:PutObject")
    assert allowed["Condition"] == {
        "StringEquals": {"aws:SourceAccount": environment.account},
        "ArnLike": {"aws:SourceArn": [f"arn:aws:s3:::{environment.bucket(purpose)}" for purpose in DATA]},
    }


def test_every_access_to_data_is_logged(environment, data):
    assert environment["s3"].get_bucket_logging(Bucket=data)["LoggingEnabled"]["TargetBucket"] == environment.bucket(
        "access-logs"
    )


def test_results_and_quarantine_expire_and_landing_and_export_stay(environment):
    found = rules(environment, environment.bucket("results")).values()
    expiring = {rule["Filter"]["Prefix"]: rule["Expiration"]["Days"] for rule in found if "Days" in rule["Expiration"]}
    assert expiring == {"results/": 90, "quarantine/": 180}
    (replaced,) = [rule for rule in found if "NoncurrentVersionExpiration" in rule]
    assert replaced["NoncurrentVersionExpiration"]["NoncurrentDays"] == 30
    assert replaced["AbortIncompleteMultipartUpload"] == {"DaysAfterInitiation": 7}
    assert replaced["Expiration"] == {"ExpiredObjectDeleteMarker": True}


def test_artifacts_expire_after_a_month(environment):
    (rule,) = rules(environment, environment.bucket("artifacts")).values()
    assert (rule["Expiration"]["Days"], rule["NoncurrentVersionExpiration"]["NoncurrentDays"]) == (30, 30)


def test_access_logs_expire_after_a_year(environment):
    (rule,) = rules(environment, environment.bucket("access-logs")).values()
    assert rule["Expiration"]["Days"] == 365
