"""Logs are kept for a year under the environment's own key, which changes every year."""

import json

from deployment import REGION


def groups(environment):
    found = environment["logs"].describe_log_groups(logGroupNamePrefix=f"{environment.path}/")["logGroups"]
    return {group["logGroupName"].rpartition("/")[2]: group for group in found}


def test_agent_flow_runs_and_network_have_a_log_each(environment):
    assert set(groups(environment)) >= {"agent", "flow", "vpc"}


def test_every_log_is_kept_for_a_year(environment):
    assert {group["retentionInDays"] for group in groups(environment).values()} == {365}


def test_every_log_is_encrypted_with_the_environments_own_key(environment):
    assert {group["kmsKeyId"] for group in groups(environment).values()} == {environment.key_arn}


def test_the_key_is_rotated(environment):
    status = environment["kms"].get_key_rotation_status(KeyId=environment.key_arn)
    assert status["KeyRotationEnabled"] is True


def test_besides_the_account_only_these_logs_and_the_alerts_use_the_key(environment):
    policy = environment["kms"].get_key_policy(KeyId=environment.key_arn, PolicyName="default")["Policy"]
    account, *services = json.loads(policy)["Statement"]
    assert account["Principal"] == {"AWS": environment.arn("iam", "root", region="")}
    logs, alerts = services
    assert logs["Principal"] == {"Service": f"logs.{REGION}.amazonaws.com"}
    of_these_logs = environment.arn("logs", f"log-group:{environment.path}/*")
    assert logs["Condition"] == {"ArnLike": {"kms:EncryptionContext:aws:logs:arn": of_these_logs}}
    assert set(alerts["Principal"]["Service"]) == {"cloudwatch.amazonaws.com", "events.amazonaws.com"}
    topic = environment.arn("sns", f"{environment.title}-alerts")
    assert alerts["Condition"] == {"StringEquals": {"kms:EncryptionContext:aws:sns:topicArn": topic}}


def test_no_parameter_was_written(environment):
    """Values of secrets are a person's to write: in Terraform they would stand in its state."""
    found = environment["ssm"].describe_parameters()["Parameters"]
    assert not [each["Name"] for each in found if each["Name"].startswith(environment.path)]
