import pytest
from plan_builder import TAGS, find, policy, resource

from scripts.gate.rules import expiring_data, kept_data, own_key, own_names, tls_only

BUCKET = resource("module.store.aws_s3_bucket.data", {"bucket": "harborflows-amber-data"}, unknown={"id": True})
KEY = resource("module.keys.aws_kms_key.data", unknown={"arn": True})
KEY_ARN = "arn:aws:kms:eu-west-1:123456789012:key/1"
APPLIED_KEY = resource("module.keys.aws_kms_key.data", {"arn": KEY_ARN})
OF_BUCKET = {"bucket": ["aws_s3_bucket.data.id"]}


def part(type_, after=None, *, unknown=None, **references):
    """Something of the bucket's, joined by reference as before the first apply."""
    return resource(
        f"module.store.{type_}.data",
        after,
        unknown={"bucket": True} | (unknown or {}),
        references=OF_BUCKET | references,
    )


def encryption(**default):
    rule = {"apply_server_side_encryption_by_default": [{"sse_algorithm": "aws:kms"} | default]}
    return part("aws_s3_bucket_server_side_encryption_configuration", {"rule": [rule]})


def test_a_bucket_with_our_key_is_encrypted_and_one_without_is_named():
    assert find(own_key.check, APPLIED_KEY, BUCKET, encryption(kms_master_key_id=KEY_ARN)) == []
    assert len(find(own_key.check, BUCKET, encryption(kms_master_key_id=None))) == 1
    assert [one.address for one in find(own_key.check, BUCKET)] == [BUCKET["address"]]


def test_a_key_that_the_plan_makes_is_followed_through_modules():
    log_group = resource(
        "module.store.aws_cloudwatch_log_group.a", unknown={"kms_key_id": True}, references={"kms_key_id": ["var.key"]}
    )
    outputs = {"module.keys.arn": ["aws_kms_key.data.arn"]}
    calls = {"module.store": {"key": ["module.keys.arn"]}}
    assert find(own_key.check, KEY, log_group, calls=calls, outputs=outputs) == []
    (found,) = find(own_key.check, KEY, log_group, calls={"module.store": {"key": ["local.key"]}})
    assert found.got == "kms_key_id unknown until apply because of local.key"


OF_ACCOUNT = "arn:aws:kms:eu-west-1:123456789012:"


@pytest.mark.parametrize(
    "key",
    [
        *(None, "", "alias/aws/logs", f"{OF_ACCOUNT}alias/aws/logs", f"{OF_ACCOUNT}key/of-nobody-here"),
        *("alias/HarborFlows-Violet", "alias/HarborFlowsOther-Amber", f"{OF_ACCOUNT}alias/AnotherStack-Amber"),
    ],
)
def test_logs_without_a_key_of_this_environment_are_named(key):
    (found,) = find(own_key.check, resource("aws_cloudwatch_log_group.a", {"kms_key_id": key}))
    assert found.address == "aws_cloudwatch_log_group.a"


@pytest.mark.parametrize("key", ["alias/HarborFlows-Amber", f"{OF_ACCOUNT}alias/HarborFlows-Amber"])
def test_the_key_with_the_alias_of_this_environment_is_ours(key):
    assert find(own_key.check, resource("aws_cloudwatch_log_group.a", {"kms_key_id": key})) == []


def test_in_a_plan_without_an_environment_any_key_but_awss_is_taken():
    logs = resource("aws_cloudwatch_log_group.a", {"kms_key_id": f"{OF_ACCOUNT}key/1"})
    assert find(own_key.check, logs, variables={}) == []
    of_aws = resource("aws_cloudwatch_log_group.a", {"kms_key_id": f"{OF_ACCOUNT}alias/aws/logs"})
    assert len(find(own_key.check, of_aws, variables={})) == 1


def test_the_bucket_of_access_logs_may_have_s3s_own_key():
    logging = resource(
        "module.store.aws_s3_bucket_logging.other",
        unknown={"target_bucket": True},
        references={"target_bucket": ["aws_s3_bucket.data.id"]},
    )
    own = encryption(sse_algorithm="AES256", kms_master_key_id=None)
    assert find(own_key.check, BUCKET, own, logging) == []


DENY = {
    "Effect": "Deny",
    "Action": "s3:*",
    "Principal": "*",
    "Resource": ["arn:aws:s3:::harborflows-amber-data", "arn:aws:s3:::harborflows-amber-data/*"],
    "Condition": {"Bool": {"aws:SecureTransport": "false"}},
}


def test_a_bucket_that_denies_plain_http_to_all_is_fine():
    assert find(tls_only.check, BUCKET, part("aws_s3_bucket_policy", {"policy": policy(DENY)})) == []


@pytest.mark.parametrize(
    "change",
    [
        {"Effect": "Allow"},
        {"Action": "s3:GetObject"},
        {"Principal": {"AWS": "arn:aws:iam::123456789012:root"}},
        {"Resource": ["arn:aws:s3:::harborflows-amber-data/*"]},
        {"Resource": ["arn:aws:s3:::harborflows-amber-data"]},
        {"Condition": {"Bool": {"aws:SecureTransport": "true"}}},
        {"Condition": {"BoolIfExists": {"aws:SecureTransport": "false"}}},
        {"Condition": {"Bool": {"aws:SecureTransport": "false", "aws:ViaAWSService": "false"}}},
        {"Condition": {}},
    ],
    ids=str,
)
def test_a_policy_that_lets_plain_http_through_is_named(change):
    found = find(tls_only.check, BUCKET, part("aws_s3_bucket_policy", {"policy": policy(DENY | change)}))
    assert [one.address for one in found] == [BUCKET["address"]]


def test_a_bucket_without_a_policy_is_named():
    assert [one.address for one in find(tls_only.check, BUCKET)] == [BUCKET["address"]]


@pytest.mark.parametrize(
    ("rules", "count"), [([{"status": "Enabled"}], 0), ([{"status": "Disabled"}], 1), ([], 1), ([{}], 1)], ids=str
)
def test_a_bucket_has_a_lifecycle_that_is_on(rules, count):
    lifecycle = part("aws_s3_bucket_lifecycle_configuration", {"rule": rules})
    assert len(find(expiring_data.check, BUCKET, lifecycle)) == count


@pytest.mark.parametrize(("days", "said"), [(30, None), (0, "= 0"), (None, "unset")])
def test_logs_end_some_day(days, said):
    found = find(expiring_data.check, resource("aws_cloudwatch_log_group.a", {"retention_in_days": days}))
    assert [one.got for one in found] == ([f"retention_in_days {said}"] if said else [])


def test_retention_that_is_unknown_is_named_with_the_reason():
    unknown = {"unknown": {"retention_in_days": True}, "references": {"retention_in_days": ["local.days"]}}
    (found,) = find(expiring_data.check, resource("aws_cloudwatch_log_group.a", **unknown))
    assert found.got == "retention_in_days unknown until apply because of local.days"


@pytest.mark.parametrize("actions", [("delete",), ("delete", "create"), ("create", "delete")])
def test_data_that_a_change_would_lose_is_named_unless_the_environment_names_it(actions):
    gone = resource('module.store.aws_s3_bucket.data["a"]', before={"bucket": "x"}, actions=actions)
    (found,) = find(kept_data.check, gone)
    assert found.address == gone["address"]
    assert find(kept_data.check, gone, variables={"allowed_destruction": [gone["address"]]}) == []
    assert find(kept_data.check, gone, variables={"allowed_destruction": ["module.store.aws_s3_bucket.data"]})


def test_what_is_changed_in_place_or_made_again_without_loss_is_fine():
    changed = resource("aws_s3_bucket.a", {"bucket": "x"}, before={}, actions=("update",))
    definition = resource("aws_ecs_task_definition.a", before={}, actions=("delete", "create"))
    assert find(kept_data.check, changed, definition) == []


@pytest.mark.parametrize(
    "after",
    [
        {"name": "HarborFlows-Amber"},
        {"name": "HarborFlows-Amber-agent"},
        {"bucket": "harborflows-amber-results-123456789012"},
        {"name": "/HarborFlows/Amber/agent"},
        {"name": "alias/HarborFlows-Amber"},
        {"resource_id": "service/HarborFlows-Amber/HarborFlows-Amber-agent"},
        {"queue_url": "https://sqs.eu-west-1.amazonaws.com/123456789012/HarborFlows-Amber-task-events"},
        {"cluster": "arn:aws:ecs:eu-west-1:123456789012:cluster/HarborFlows-Amber"},
        {"vpc_id": "vpc-given"},
    ],
    ids=str,
)
def test_names_of_this_environment_are_ours(after):
    given = {"name": "HarborFlows", "environment": "amber", "network": {"vpc": {"id": "vpc-given"}}}
    assert find(own_names.check, resource("aws_x.a", after), variables=given) == []


@pytest.mark.parametrize(
    "after",
    [
        {"name": "payroll"},
        {"name": "HarborFlows-Amberish"},
        {"name": "HarborFlows-Violet-agent"},
        {"bucket": "harborflows-violet-results"},
        {"name": "/HarborFlows/Violet/agent"},
        {"name": "HarborFlowsOther-Amber-agent"},
        {"bucket": "harborflowsother-amber-results"},
        {"name": "/HarborFlowsOther/Amber/agent"},
        {"name": "alias/payroll"},
        {"resource_id": "service/payroll/api"},
        {"role": "Administrator"},
        {"route_table_id": "rtb-of-others"},
        {"security_group_id": "sg-of-others"},
    ],
    ids=str,
)
def test_a_name_or_id_of_something_else_is_named(after):
    (found,) = find(own_names.check, resource("aws_x.a", after))
    ((attribute, value),) = after.items()
    assert found.got.startswith(f"{attribute} = {value}")


def test_what_is_destroyed_must_be_ours_too_and_what_is_left_alone_need_not():
    gone = resource("aws_sqs_queue.a", before={"name": "payroll"}, actions=("delete",))
    assert len(find(own_names.check, gone)) == 1
    same = resource("aws_sqs_queue.a", {"name": "payroll"}, before={"name": "payroll"}, actions=("no-op",))
    assert find(own_names.check, same) == []


def test_an_id_of_something_in_the_plan_is_ours():
    table = resource("aws_route_table.a", {"id": "rtb-1", "tags_all": TAGS})
    assert find(own_names.check, table, resource("aws_route.b", {"route_table_id": "rtb-1"})) == []
