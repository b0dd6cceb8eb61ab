"""What a change does to security, said in words."""

import copy
import json

import pytest
from plan_builder import IMAGE, VARIABLES, plan_data, policy, resource, task_definition

from scripts.gate.diff.security import compare_applied, security_lines
from scripts.gate.diff.words import SIGNS, table
from scripts.gate.reading.plan import Plan

ROLE = "aws_iam_role_policy.flow"


def said(before, after, **variables):
    """The lines between two plans, each as `kind subject: words`."""
    base, head = (Plan(plan_data(*side, variables=VARIABLES | variables)) for side in (before, after))
    return [f"{line.kind} {line}" for line in security_lines(base, head)]


def rights(*statements):
    return [resource(ROLE, {"role": "Flow", "policy": policy(*statements)})]


def changed(address, before, after):
    return said([resource(address, before)], [resource(address, after)])


READ = {"Action": "s3:GetObject", "Resource": "arn:aws:s3:::a/*"}


def test_the_same_plan_changes_nothing():
    both = [*rights(READ), task_definition()]
    assert said(both, copy.deepcopy(both)) == []


def test_a_role_gains_and_loses_actions_on_resources():
    queue = {"Action": ["sqs:SendMessage", "sqs:DeleteMessage"], "Resource": ["arn:aws:sqs:::p", "arn:aws:sqs:::q"]}
    words = "sqs:DeleteMessage, sqs:SendMessage on arn:aws:sqs:::p, arn:aws:sqs:::q"
    assert said(rights(READ), rights(READ, queue)) == [f"opens role Flow: may now {words}"]
    assert said(rights(READ, queue), rights(READ)) == [f"closes role Flow: may no longer {words}"]


def test_what_a_wider_right_covers_is_not_said_to_be_new_or_gone():
    every = READ | {"Action": "s3:*"}
    assert said(rights(READ), rights(every)) == [
        "opens role Flow: may now s3:* on arn:aws:s3:::a/* (before: s3:GetObject on arn:aws:s3:::a/*)"
    ]
    assert said(rights(every), rights(READ)) == [
        "closes role Flow: may no longer s3:* on arn:aws:s3:::a/* (still: s3:GetObject on arn:aws:s3:::a/*)"
    ]


def test_a_question_mark_covers_only_itself():
    """It is one character, and the star of another pattern is any number of them."""
    one, any_ = (READ | {"Resource": f"arn:aws:s3:::a/{end}"} for end in ("?", "*"))
    assert said(rights(one), rights(any_))[0].startswith("opens role Flow: may now s3:GetObject on arn:aws:s3:::a/*")


def test_a_condition_that_is_dropped_opens():
    bound = READ | {"Condition": {"StringEquals": {"aws:SourceVpc": "vpc-1"}}}
    (line,) = said(rights(bound), rights(READ))
    assert line == (
        "opens role Flow: may now s3:GetObject on arn:aws:s3:::a/* "
        "(before: s3:GetObject on arn:aws:s3:::a/* if aws:sourcevpc = vpc-1)"
    )
    (line,) = said(rights(READ), rights(bound))
    assert line.startswith("closes role Flow: may no longer s3:GetObject")


def test_one_more_value_of_a_condition_opens_and_its_order_is_no_change():
    def of(*values):
        return rights(READ | {"Condition": {"StringEquals": {"aws:SourceVpc": list(values)}}})

    (line,) = said(of("vpc-1"), of("vpc-1", "vpc-2"))
    assert line.startswith(
        "opens role Flow: may now s3:GetObject on arn:aws:s3:::a/* if aws:sourcevpc = vpc-1 or vpc-2"
    )
    assert said(of("vpc-1", "vpc-2"), of("vpc-2", "vpc-1")) == []
    (line,) = said(*(rights(READ | {"Condition": {"StringNotEquals": {"a": list(some)}}}) for some in ("xy", "y")))[:1]
    assert line.startswith("opens role Flow: may now s3:GetObject on arn:aws:s3:::a/* if a stringnotequals y")


def test_a_right_that_becomes_a_denial_is_lost():
    assert said(rights(READ), rights(READ | {"Effect": "Deny"})) == [
        "closes role Flow: is now denied s3:GetObject on arn:aws:s3:::a/*",
        "closes role Flow: may no longer s3:GetObject on arn:aws:s3:::a/*",
    ]


def test_a_denial_that_is_dropped_opens():
    deny = READ | {"Effect": "Deny"}
    assert said(rights(deny), rights(READ | {"Effect": "Deny", "Resource": "arn:aws:s3:::b/*"})) == [
        "opens role Flow: is no longer denied s3:GetObject on arn:aws:s3:::a/*",
        "closes role Flow: is now denied s3:GetObject on arn:aws:s3:::b/*",
    ]


def test_everything_but_is_said_as_it_is():
    (line,) = said(rights(READ), rights(READ, {"NotAction": "iam:*", "NotResource": "arn:aws:s3:::b"}))
    assert line == "opens role Flow: may now everything but iam:* on everything but arn:aws:s3:::b"


def test_the_policies_of_a_role_are_one_whatever_they_are_called():
    moved = resource("module.iam.aws_iam_role_policy.other", {"role": "Flow", "policy": policy(READ)})
    assert said(rights(READ), [moved]) == ["neutral aws_iam_role_policy: 1 new and 1 gone"]


def test_a_boundary_trust_and_a_resources_policy_are_told_apart():
    def side(*statements):
        return [
            resource("aws_iam_policy.b", {"name": "Boundary", "policy": policy(*statements)}),
            resource("aws_iam_role.r", {"name": "R", "permissions_boundary": "arn:aws:iam::1:policy/Boundary"}),
        ]

    write = {"Action": "s3:PutObject", "Resource": "*"}
    assert said(side(READ), side(READ, write)) == ["opens boundary Boundary: now allows s3:PutObject on *"]
    trusts = [
        [
            resource(
                "aws_iam_role.r",
                {"name": "R", "assume_role_policy": policy({"Action": "sts:AssumeRole", "Principal": who})},
            )
        ]
        for who in ({"Service": "ecs-tasks.amazonaws.com"}, {"AWS": "arn:aws:iam::999999999999:root"})
    ]
    assert said(*trusts) == [
        "opens trust of role R: AWS arn:aws:iam::999999999999:root may now sts:AssumeRole",
        "closes trust of role R: Service ecs-tasks.amazonaws.com may no longer sts:AssumeRole",
    ]
    queues = [
        [resource("aws_sqs_queue_policy.q", {"policy": policy({"Action": "sqs:SendMessage", "Principal": who})})]
        for who in ({"Service": "events.amazonaws.com"}, "*")
    ]
    assert said(*queues)[0].startswith("opens aws_sqs_queue_policy.q: everybody may now sqs:SendMessage")


def test_a_policy_that_is_not_known_is_no_silence():
    unknown = resource(ROLE, {"role": "Flow"}, unknown={"policy": True}, references={"policy": ["aws_sqs_queue.q.arn"]})
    queue = resource("aws_sqs_queue.q", {"name": "q"}, unknown={"arn": True})
    lines = said([*rights(READ), queue], [unknown, queue])
    assert any(line.startswith("opens role Flow: its policy is unknown until apply") for line in lines)


def test_an_endpoint_that_loses_its_policy_lets_everything_through():
    address = "module.network.aws_vpc_endpoint.s3"
    limited = {"service_name": "s3", "policy": policy(READ | {"Principal": "*"})}
    assert changed(address, limited, {"service_name": "s3"}) == [
        f"opens {address}: has no policy, so AWS lets everything through"
    ]


@pytest.mark.parametrize(
    ("address", "before", "after", "line"),
    [
        ("aws_cloudwatch_log_group.g", {"name": "g", "retention_in_days": 365}, {"name": "g", "retention_in_days": 30},
         "opens log group g: retention in days now 30, before 365"),
        ("aws_cloudwatch_log_group.g", {"name": "g", "retention_in_days": 365}, {"name": "g", "retention_in_days": 0},
         "closes log group g: retention in days now for ever, before 365"),
        ("aws_s3_bucket_lifecycle_configuration.l", {"rule": [{"id": "x", "expiration": [{"days": 30}]}]},
         {"rule": [{"id": "x", "expiration": [{"days": 3}]}]},
         "opens expiry of objects aws_s3_bucket_lifecycle_configuration.l: rule x expiration days now 3, before 30"),
        ("aws_s3_bucket_versioning.v", {"versioning_configuration": [{"status": "Enabled"}]},
         {"versioning_configuration": [{"status": "Suspended"}]},
         "opens versions of objects aws_s3_bucket_versioning.v: versioning configuration status now Suspended, before "
         "Enabled"),
        ("aws_kms_key.k", {"deletion_window_in_days": 30}, {"deletion_window_in_days": 7},
         "opens key aws_kms_key.k: deletion window in days now 7, before 30"),
        ("aws_s3_bucket_public_access_block.b", {"block_public_acls": True}, {"block_public_acls": False},
         "opens block of public access aws_s3_bucket_public_access_block.b: block public acls now off, before on"),
        ("aws_cloudwatch_metric_alarm.a", {"alarm_name": "a", "actions_enabled": True},
         {"alarm_name": "a", "actions_enabled": False}, "opens alarm a: actions enabled now off, before on"),
        ("aws_cloudwatch_metric_alarm.a", {"alarm_name": "a", "alarm_actions": ["arn:t"]},
         {"alarm_name": "a", "alarm_actions": []}, "opens alarm a: alarm actions “arn:t” is gone"),
        ("aws_sns_topic_subscription.s", {"endpoint": "a@example.com"}, {"endpoint": "https://b.example/token"},
         "opens subscription aws_sns_topic_subscription.s: endpoint now https://b.example/…, before a@example.com"),
        ("aws_cloudwatch_event_target.t", {"rule": "r", "arn": "arn:a"}, {"rule": "r", "arn": "arn:b"},
         "opens target of events r: arn now arn:b, before arn:a"),
        ("aws_cloudwatch_event_rule.r", {"name": "r", "event_pattern": '{"source": ["aws.ecs"]}'},
         {"name": "r", "event_pattern": '{"source": []}'},
         "opens event rule r: event pattern source “aws.ecs” is gone"),
        ("aws_codepipeline.p", {"name": "p", "stage": [{"name": "Source", "action": [
            {"name": "Get", "configuration": {"BranchName": "main"}}]}]},
         {"name": "p", "stage": [{"name": "Source", "action": [
             {"name": "Get", "configuration": {"BranchName": "mine"}}]}]},
         "opens pipeline p: stage Source action Get configuration BranchName now mine, before main"),
        ("aws_codepipeline.p", {"name": "p", "stage": [{"name": "Ask", "action": [{"name": "A", "provider": "Manual"}]},
                                                       {"name": "Go", "action": [{"name": "B", "provider": "X"}]}]},
         {"name": "p", "stage": [{"name": "Go", "action": [{"name": "B", "provider": "X"}]}]},
         "opens pipeline p: stage Ask is gone"),
        ("aws_iam_role.r", {"name": "r", "permissions_boundary": "arn:b"}, {"name": "r", "permissions_boundary": None},
         "opens role r: permissions boundary now none, before arn:b"),
        ("aws_network_acl.n", {"ingress": [{"action": "allow", "to_port": 443}]},
         {"ingress": [{"action": "allow", "to_port": 443}, {"action": "allow", "to_port": 22}]},
         "opens network ACL aws_network_acl.n: ingress “action allow to_port 22” is new"),
        ("aws_network_acl.n", {"ingress": [{"action": "deny", "to_port": 22}]}, {"ingress": []},
         "opens network ACL aws_network_acl.n: ingress “action deny to_port 22” is gone"),
        ("aws_network_acl.n", {"ingress": []}, {"ingress": [{"action": "deny", "to_port": 22}]},
         "closes network ACL aws_network_acl.n: ingress “action deny to_port 22” is new"),
        ("aws_x.y", {"size": 1}, {"size": 2}, "neutral aws_x.y: other changes: size"),
    ],
)  # fmt: skip
def test_a_changed_attribute_is_said_with_what_it_does(address, before, after, line):
    assert changed(address, before, after) == [line]


def test_tags_and_what_aws_answers_for_nothing_are_no_change():
    tagged = {"name": "q", "tags": {"a": "b"}, "sqs_managed_sse_enabled": True, "fifo_queue": None}
    assert changed("aws_sqs_queue.q", {"name": "q", "sqs_managed_sse_enabled": True, "fifo_queue": False}, tagged) == []


def test_what_the_provider_works_out_is_no_change():
    before = {"name": "q", "arn_of_it": "arn:1"}
    (replaced,) = [resource("aws_sqs_queue.q", {"name": "q"}, before=before, unknown={"arn_of_it": True})]
    assert compare_applied(Plan(plan_data(replaced))).security == ()


def test_what_is_new_or_gone_is_said_with_what_it_is():
    way = resource("aws_vpc_security_group_ingress_rule.i", {"cidr_ipv4": "0.0.0.0/0", "from_port": 22, "to_port": 22})
    words = "from port 22, to port 22, cidr ipv4 0.0.0.0/0"
    assert said([], [way]) == [f"opens way in aws_vpc_security_group_ingress_rule.i: new: {words}"]
    assert said([way], []) == [f"closes way in aws_vpc_security_group_ingress_rule.i: gone: {words}"]
    alarm = resource("aws_cloudwatch_metric_alarm.a", {"alarm_name": "a"})
    assert said([alarm], []) == ["opens alarm a: gone"]
    assert said([], [resource("aws_lambda_function.f")]) == [
        "neutral aws_lambda_function: 1 new, the first of this type"
    ]


def test_a_resource_that_only_has_another_address_is_not_new():
    names = ("aws_sqs_queue.a", "module.m.aws_sqs_queue.b")
    assert said(*([resource(name, {"name": "q"})] for name in names)) == []


def test_an_unknown_value_is_what_its_expression_refers_to():
    def route(gateway):
        address = "aws_route.out"
        return [resource(address, unknown={"gateway_id": True}, references={"gateway_id": [f"{gateway}.id"]})]

    assert said(route("aws_x.nat"), route("aws_x.nat")) == []
    assert said(route("aws_x.nat"), route("aws_x.internet")) == [
        "opens route aws_route.out: gateway now known after the apply, from aws_x.internet.id, before known after the "
        "apply, from aws_x.nat.id"
    ]


def test_containers_are_compared_one_by_one():
    before = [task_definition(secrets=[{"name": "A", "valueFrom": "arn:a"}], command=["run"])]
    after = [
        task_definition(
            secrets=[{"name": "A", "valueFrom": "arn:a"}, {"name": "B", "valueFrom": "arn:b"}],
            command=["curl"],
            environment=[{"name": "C", "value": "hush"}],
            readonlyRootFilesystem=False,
        )
    ]
    name = "container prefect of task HarborFlows-Amber-flow"
    assert said(before, after) == [
        f"opens {name}: command now curl, before run",
        f"opens {name}: readonlyrootfilesystem now off, before on",
        f"opens {name}: secrets B now arn:b, before none",
        f"neutral {name}: variable C is new",
    ]
    more = copy.deepcopy(before)
    both = json.loads(more[0]["change"]["after"]["container_definitions"])
    both.append({"name": "side", "image": "elsewhere/x:1", "secrets": [{"name": "A", "valueFrom": "arn:a"}]})
    more[0]["change"]["after"]["container_definitions"] = json.dumps(both)
    assert said(before, more) == [
        "opens container side of task HarborFlows-Amber-flow: new: image elsewhere/x:1, reads secrets arn:a"
    ]


def test_another_digest_of_our_image_is_no_change_and_another_image_is():
    other = IMAGE.partition("@")[0] + f"@sha256:{'b' * 64}"
    assert said([task_definition()], [task_definition(image=other)]) == []
    (line,) = said([task_definition()], [task_definition(image=f"elsewhere/x@sha256:{'b' * 64}")])
    assert "image now elsewhere/x@sha256:bbb" in line


def test_a_sensitive_value_is_compared_but_never_shown():
    def side(endpoint):
        data = plan_data(resource("aws_sns_topic_subscription.s", {"endpoint": endpoint}))
        data["resource_changes"][0]["change"]["after_sensitive"] = {"endpoint": True}
        return Plan(data)

    (line,) = security_lines(side("hush"), side("secret"))
    assert str(line).endswith("endpoint now a secret value, before another one there")


def test_a_plan_is_compared_with_what_it_found_applied():
    both = {"name": "g", "retention_in_days": 365}
    data = plan_data(
        resource("aws_cloudwatch_log_group.g", both | {"retention_in_days": 30}, before=both, actions=("update",)),
        resource("aws_cloudwatch_metric_alarm.a", before={"alarm_name": "a"}, actions=("delete",)),
    )
    compared = compare_applied(Plan(data))
    assert compared.base == "what is applied"
    assert [str(line) for line in compared.security] == [
        "log group g: retention in days now 30, before 365",
        "alarm a: gone",
    ]


def test_before_the_first_apply_everything_is_new_and_nothing_is_listed():
    compared = compare_applied(Plan(plan_data(resource("aws_sqs_queue.q", {"name": "q"}))))
    assert compared.problem == "Nothing is applied yet: everything is new."
    assert compared.security == ()


def test_the_table_of_words_is_whole():
    for name, entry in table()["types"].items():
        assert set(entry) <= {"noun", "new", "gone", *SIGNS}, name
        assert {entry.get("new", "neutral"), entry.get("gone", "neutral")} <= {"opens", "closes", "neutral"}, name
        listed = [attribute for sign in SIGNS for attribute in entry.get(sign, ())]
        assert len(listed) == len(set(listed)), name
