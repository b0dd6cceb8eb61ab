"""A type, an argument or a value that no decision allows is a finding, whatever it is."""

import pytest
from plan_builder import plan_data, resource

from scripts.gate import catalog
from scripts.gate.decisions import tables as reading
from scripts.gate.decisions.tables import tables
from scripts.gate.reading.plan import Plan
from scripts.gate.rules import decided_values
from scripts.shared.refusal import Refusal

# Types that have no place here: each would open a way in or out, hold a credential, or run what nobody checked.
STRANGERS = (
    "aws_ami_launch_permission", "aws_apigatewayv2_api", "aws_cloudfront_distribution", "aws_cloudtrail",
    "aws_cloudwatch_event_connection", "aws_cloudwatch_log_subscription_filter", "aws_cloudwatch_metric_stream",
    "aws_customer_gateway", "aws_db_instance", "aws_efs_file_system", "aws_eip_association", "aws_iam_access_key",
    "aws_iam_role_policy_attachment", "aws_iam_user", "aws_instance", "aws_kms_grant", "aws_lambda_function",
    "aws_lambda_permission", "aws_lb", "aws_network_acl_rule", "aws_organizations_policy", "aws_ram_resource_share",
    "aws_route53_resolver_rule", "aws_s3_bucket_acl", "aws_s3_bucket_notification",
    "aws_s3_bucket_replication_configuration", "aws_security_group_rule", "aws_ssm_parameter",
    "aws_vpc_peering_connection", "aws_vpn_gateway", "null_resource",
)  # fmt: skip
TOPIC = "arn:aws:sns:eu-west-1:123456789012:HarborFlows-Amber-alerts"
QUEUE = {
    "name": "HarborFlows-Amber-more", "sqs_managed_sse_enabled": True, "message_retention_seconds": 86400,
    "delay_seconds": 0, "max_message_size": 262144, "visibility_timeout_seconds": 30, "fifo_queue": False,
    "content_based_deduplication": False,
}  # fmt: skip


def find(*resources, **more):
    """What the rule says of these resources; what must be in every plan of ours is left out."""
    found = decided_values.check(Plan(plan_data(*resources, **more)))
    addresses = {one["address"] for one in resources}
    return [one for one in found if one.address in addresses]


def queue_policy(origin):
    """A policy of the queue that the reference names, whose address is unknown."""
    unknown, references = {"queue_url": True}, {"queue_url": [origin]}
    return resource("aws_sqs_queue_policy.x", {"policy": "{}"}, unknown=unknown, references=references)


@pytest.mark.parametrize("type_", STRANGERS)
def test_a_type_that_no_decision_is_about_is_a_finding(type_):
    data = plan_data(resource("aws_sqs_queue.x"))
    data["resource_changes"][0] |= {"type": type_, "address": f"{type_}.x"}
    (finding,) = [one for one in decided_values.check(Plan(data)) if one.address == f"{type_}.x"]
    assert "a type that no decision is about" in finding.got
    assert "terraform/environments/decisions/" in finding.expected


def test_what_is_decided_passes():
    assert find(resource("aws_sqs_queue.x", QUEUE)) == []


@pytest.mark.parametrize(
    ("change", "got", "expected"),
    [
        ({"delay_seconds": 900}, "delay_seconds = 900", "0 to 60"),
        ({"delay_seconds": "soon"}, "delay_seconds = soon", "0 to 60"),
        ({"delay_seconds": True}, "delay_seconds = true", "0 to 60"),
        ({"fifo_queue": None}, "fifo_queue unset", "false"),
        ({"fifo_queue": "no"}, "fifo_queue = no", "false"),
        ({"name": "Payroll"}, "name = Payroll", "HarborFlows-Amber-*"),
        ({"name": ""}, "name = ", "HarborFlows-Amber-*"),
        ({"name": ["HarborFlows-Amber-x", "Payroll"]}, "name = Payroll", "HarborFlows-Amber-*"),
        ({"name": {"x": "y"}}, "name set to a block or a map", "HarborFlows-Amber-*"),
        ({"kms_master_key_id": "alias/other"}, "kms_master_key_id = alias/other", "nothing"),
        ({"policy": "{}"}, "policy = {}", "nothing set"),
    ],
)
def test_a_value_that_no_decision_allows_is_a_finding(change, got, expected):
    (finding,) = find(resource("aws_sqs_queue.x", QUEUE | change))
    assert (finding.got, finding.expected) == (got, expected)


def test_an_argument_that_no_decision_is_about_is_a_finding():
    queue = resource("aws_sqs_queue.x", QUEUE | {"shares_with": "everybody"}, references={"shares_with": []})
    (finding,) = find(queue)
    assert finding.got == "shares_with, an argument that no decision is about"


def test_what_the_provider_computes_needs_no_decision():
    assert find(resource("aws_sqs_queue.x", QUEUE | {"arn": "arn:x", "url": "https://x"})) == []


def test_an_unknown_value_is_a_finding():
    (finding,) = find(
        resource(
            "aws_sqs_queue.x", QUEUE, unknown={"delay_seconds": True}, references={"delay_seconds": ["data.http.x"]}
        )
    )
    assert finding.got.startswith("delay_seconds unknown until apply")


def test_an_unknown_value_may_come_from_where_the_table_says():
    own = queue_policy("aws_sqs_queue.x.id")
    assert find(own, resource("aws_sqs_queue.x", QUEUE)) == []


@pytest.mark.parametrize("origin", ["aws_sqs_queue.x.name", "aws_sns_topic.x.id", "data.aws_sqs_queue.x.id", "local.x"])
def test_an_unknown_value_from_elsewhere_is_a_finding(origin):
    other = queue_policy(origin)
    (finding,) = find(other, resource("aws_sqs_queue.x", QUEUE))[:1]
    assert finding.expected == "from aws_sqs_queue.id of this plan"


def test_what_the_code_leaves_out_may_be_unknown():
    assert find(resource("aws_sqs_queue.x", QUEUE, unknown={"policy": True})) == []


def test_what_stood_there_before_and_the_code_leaves_out_is_no_finding():
    before = QUEUE | {"policy": "{}", "kms_master_key_id": "x"}
    assert find(resource("aws_sqs_queue.x", before, actions=("no-op",), before=before)) == []


def test_a_document_is_never_shown():
    container = '[{"name": "prefect", "command": ["hunter2"]}]'
    after = {"family": "HarborFlows-Amber-flow", "container_definitions": container}
    found = find(resource("aws_ecs_task_definition.x", after))
    assert any(one.got == "container_definitions[0].essential, which should be true" for one in found)
    assert not any("hunter2" in str(one) for one in found)


def test_a_document_that_says_something_twice_is_a_finding():
    pattern = '{"source": ["aws.ecs"], "source": ["aws.ecs"]}'
    found = find(
        resource("aws_cloudwatch_event_rule.x", {"name": "HarborFlows-Amber-task-events", "event_pattern": pattern})
    )
    assert any(one.got == "event_pattern, which should be an object" for one in found)


def test_a_value_that_looks_like_a_secret_is_not_shown():
    alarm = {"alarm_name": "HarborFlows-Amber-x", "alarm_actions": ["https://hooks.slack.com/services/T0123456789"]}
    found = find(resource("aws_cloudwatch_metric_alarm.x", alarm))
    assert any(one.got == "alarm_actions that holds a Slack token or webhook" for one in found)


def test_what_must_be_there_and_is_not_is_a_finding():
    found = decided_values.check(Plan(plan_data()))
    assert "none with name = HarborFlows-Amber-stopped-tasks" in {one.got for one in found}


def test_what_each_resource_of_a_type_must_have_and_has_not_is_a_finding():
    bucket = resource("aws_s3_bucket.x", {"bucket": "harborflows-amber-x-123456789012", "force_destroy": False})
    origin = {"unknown": {"bucket": True}, "references": {"bucket": ["aws_s3_bucket.x.id", "aws_s3_bucket.x"]}}
    block = dict.fromkeys(
        ("block_public_acls", "block_public_policy", "ignore_public_acls", "restrict_public_buckets"), True
    )
    assert find(bucket, resource("aws_s3_bucket_public_access_block.x", block, **origin)) == []
    elsewhere = resource("aws_s3_bucket_public_access_block.x", block | {"bucket": "other"})
    assert "no aws_s3_bucket_public_access_block" in [one.got for one in find(bucket, elsewhere)]


def test_the_plan_of_another_stack_is_not_judged_but_its_types_are_listed():
    theirs = Plan(plan_data(resource("aws_lb.x"), resource("aws_sqs_queue.q"), variables={}))
    result = catalog.run_rule("decided_values", theirs)
    assert result.skipped == "the plan is not of this repository; no decision is about aws_lb"


@pytest.fixture
def team(tmp_path, monkeypatch):
    """Writes a table of the team's own."""
    monkeypatch.setattr(reading, "TEAM", tmp_path)

    def write(text: str):
        (tmp_path / "ours.yaml").write_text(text)

    yield write
    reading._tables.cache_clear()


def test_a_team_decides_about_types_of_its_own(team):
    team("aws_glue_catalog_database:\n  values: {name: '{lower}_*'}\n  harmless: {parameters: words}\n")
    data = plan_data(resource("aws_glue_catalog_database.x", {"name": "harborflows_ships", "parameters": {"a": "b"}}))
    assert not [one for one in decided_values.check(Plan(data)) if one.address == "aws_glue_catalog_database.x"]
    data["resource_changes"][0]["change"]["after"]["name"] = "payroll"
    (finding,) = [one for one in decided_values.check(Plan(data)) if one.address == "aws_glue_catalog_database.x"]
    assert finding.got == "name = payroll"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (
            "aws_sqs_queue: {harmless: {name: x}}",
            "aws_sqs_queue, which scripts/gate/decisions/events.yaml decides about",
        ),
        ("aws_x: {harmless: {name: ''}}", "expected a reason"),
        ("aws_x: {rules: {name: ''}}", "expected the rule's name"),
        ("aws_x: {values: {name: x}, absent: [name]}", "two decisions about name"),
        ("aws_x: {values: {a.b: x}, absent: [a]}", "two decisions about a.b"),
        ("aws_x: {known: [{with: alerts}]}", "an entry of known that names nothing"),
        ("aws_x: {value: {name: x}}", "expected only values"),
        ("aws_x: {absent: name}", "expected list"),
        ("aws_x: {every: [name]}", "expected dict"),
        ("aws_x: [name]", "expected only values"),
        ("- aws_x", "expected resource types"),
        ("{", "got no YAML"),
    ],
)
def test_a_table_that_says_something_else_is_refused(team, text, says):
    team(text)
    with pytest.raises(Refusal, match=says):
        tables()


@pytest.mark.parametrize("form", ["'{nobody}'", "{like: x}", "{min: 1}"])
def test_a_form_that_there_is_not_is_refused(team, form):
    team(f"aws_x: {{values: {{name: {form}}}}}")
    data = plan_data(resource("aws_x.x", {"name": "x"}))
    with pytest.raises(Refusal, match=r"ours.yaml: aws_x.name: got"):
        list(decided_values.check(Plan(data)))
