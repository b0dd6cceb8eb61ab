import pytest
from plan_builder import find, resource

from scripts.plan_checks import no_ingress, private_tasks

PRIVATE = {"network_configuration": [{"assign_public_ip": False, "subnets": ["subnet-1"]}]}
SERVICE = 'module.agent["x"].aws_ecs_service.agent[0]'


def test_a_service_without_public_ip_is_private():
    assert find(private_tasks.check, resource(SERVICE, PRIVATE)) == []


@pytest.mark.parametrize(
    ("after", "unknown", "said"),
    [
        ({"network_configuration": [{"assign_public_ip": True}]}, {}, "true"),
        ({"network_configuration": [{}]}, {"network_configuration": [{"assign_public_ip": True}]}, "unknown"),
        ({}, {"network_configuration": True}, "unknown"),
        ({"network_configuration": []}, {}, "unset"),
        ({"network_configuration": [{"assign_public_ip": None}]}, {}, "unset"),
    ],
)
def test_a_service_that_is_not_proven_private_is_named(after, unknown, said):
    (found,) = find(private_tasks.check, resource(SERVICE, after, unknown=unknown))
    assert (found.address, found.got) == (SERVICE, f"assign_public_ip = {said}")


@pytest.mark.parametrize(("map_public", "unknown"), [(True, {}), (None, {"map_public_ip_on_launch": True})])
def test_a_service_in_public_subnets_is_named_with_the_subnet(map_public, unknown):
    """Followed through the module's variable and the other module's output, each instance by itself."""
    subnet = {"map_public_ip_on_launch": map_public} if map_public else {}
    found = find(
        private_tasks.check,
        resource(SERVICE, PRIVATE, references={"network_configuration.subnets": ["var.subnets"]}),
        resource('module.network.aws_subnet.public["a"]', subnet, unknown=unknown),
        resource('module.network.aws_subnet.private["a"]', {"map_public_ip_on_launch": False}),
        calls={"module.agent": {"subnets": ["module.network.all"]}},
        outputs={"module.network.all": ["aws_subnet.public", "aws_subnet.private"]},
    )
    assert [one.address for one in found] == [SERVICE]
    assert 'tasks in module.network.aws_subnet.public["a"]' in found[0].got


def test_subnets_behind_a_local_may_be_any_so_a_public_one_is_named():
    found = find(
        private_tasks.check,
        resource("aws_ecs_service.agent", PRIVATE, references={"network_configuration.subnets": ["local.tasks"]}),
        resource("module.network.aws_subnet.public[0]", {"map_public_ip_on_launch": True}),
        resource("module.network.aws_subnet.private[0]", {"map_public_ip_on_launch": False}),
    )
    assert [one.got for one in found] == [
        "tasks possibly in module.network.aws_subnet.public[0]: map_public_ip_on_launch = true"
    ]


def test_tasks_started_by_a_rule_or_a_schedule_are_private_too():
    network = {"network_configuration": [{"assign_public_ip": True}]}
    found = find(
        private_tasks.check,
        resource("aws_cloudwatch_event_target.task", {"ecs_target": [network]}),
        resource("aws_cloudwatch_event_target.queue", {"ecs_target": []}),
        resource("aws_scheduler_schedule.task", {"target": [{"ecs_parameters": [network]}]}),
    )
    assert [one.address for one in found] == ["aws_cloudwatch_event_target.task", "aws_scheduler_schedule.task"]


@pytest.mark.parametrize(("public", "count"), [("DISABLED", 0), ("ENABLED", 1)])
def test_the_work_pools_template_starts_private_tasks(public, count):
    template = {"job": [{"awsvpcConfiguration": {"assignPublicIp": public}}]}
    change = {"work_pool": {"after": template, "after_unknown": {"job": [{"awsvpcConfiguration": {"subnets": True}}]}}}
    found = find(private_tasks.check, output_changes=change)
    assert [one.address for one in found] == ["output.work_pool"] * count


def test_a_group_without_ingress_is_fine_set_or_unset():
    assert (
        find(
            no_ingress.check,
            resource("aws_security_group.unset", unknown={"ingress": True}),
            resource("aws_security_group.empty", {"ingress": []}),
            resource("aws_default_security_group.vpc", {"ingress": []}),
            resource("aws_security_group_rule.out", {"type": "egress"}),
            resource("aws_vpc_security_group_egress_rule.out"),
        )
        == []
    )


RULE = {"from_port": 443, "to_port": 443, "protocol": "tcp", "cidr_blocks": ["0.0.0.0/0"]}


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        (resource("module.n.aws_security_group.tasks[0]", {"ingress": [RULE]}), "ingress tcp 443-443 from 0.0.0.0/0"),
        (resource("aws_default_security_group.vpc", {"ingress": [RULE]}), "tcp 443-443"),
        (resource("aws_security_group_rule.a", {"type": "ingress"} | RULE), "type = ingress, tcp 443-443"),
        (resource("aws_security_group_rule.a", {}, unknown={"type": True}), "type = unknown"),
        (
            resource('aws_vpc_security_group_ingress_rule.a["x"]', {"cidr_ipv6": "::/0", "ip_protocol": "-1"}),
            "ingress -1 None-None from ::/0",
        ),
        (
            resource("aws_security_group.a", {}, unknown={"ingress": True}, references={"ingress": ["var.rules"]}),
            "ingress unknown",
        ),
        (
            resource("aws_security_group.a", {"ingress": [{}]}, unknown={"ingress": [{"protocol": True}]}),
            "ingress unknown",
        ),
    ],
)
def test_ingress_in_any_form_is_named(bad, said):
    (found,) = find(no_ingress.check, bad)
    assert found.address == bad["address"]
    assert said in found.got


def endpoint_rule(service_group="task", **changes):
    """An interface endpoint that tasks may call, and a service in a group of its own or of the argument's name."""
    https = {"ip_protocol": "tcp", "from_port": 443, "to_port": 443, "cidr_ipv4": None}
    rule = resource(
        "aws_vpc_security_group_ingress_rule.https",
        https | changes,
        unknown={"referenced_security_group_id": True} if "referenced_security_group_id" not in changes else {},
        references={"security_group_id": ["aws_security_group.endpoint[0].id"]},
    )
    endpoint = resource(
        "aws_vpc_endpoint.ecr", references={"security_group_ids": ["aws_security_group.endpoint[0].id"]}
    )
    groups = {"network_configuration.security_groups": [f"aws_security_group.{service_group}.id"]}
    return rule, endpoint, resource("aws_ecs_service.agent", PRIVATE, references=groups)


def test_an_interface_endpoint_may_be_called_by_tasks():
    assert find(no_ingress.check, *endpoint_rule()) == []


@pytest.mark.parametrize(
    "changes",
    [
        {"cidr_ipv4": "10.0.0.0/16"},
        {"referenced_security_group_id": None},
        {"from_port": 0},
        {"ip_protocol": "-1"},
        {"service_group": "endpoint"},
    ],
    ids=str,
)
def test_an_endpoint_that_more_may_call_is_named(changes):
    (found,) = find(no_ingress.check, *endpoint_rule(**changes))
    assert found.address == "aws_vpc_security_group_ingress_rule.https"
