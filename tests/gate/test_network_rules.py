import pytest
from plan_builder import find, policy, resource

from scripts.gate.rules import listed_egress, narrow_endpoints, no_ingress, private_routes, private_tasks

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


NETWORK = "module.network"
SUBNETS = [resource(f'{NETWORK}.aws_subnet.private["{key}"]', {"map_public_ip_on_launch": False}) for key in "ab"]
GATEWAY = resource(f"{NETWORK}.aws_internet_gateway.egress", unknown={"id": True})
STARTED = resource(
    "module.agent.aws_ecs_service.agent",
    {"network_configuration": [{"assign_public_ip": False}]},
    unknown={"network_configuration": [{"subnets": True}]},
    references={"network_configuration.subnets": ["var.subnets"]},
)
WIRING = {
    "calls": {"module.agent": {"subnets": ["module.network.private"]}},
    "outputs": {"module.network.private": ["aws_subnet.private"]},
}


def table(name, **after):
    return [
        resource(f'{NETWORK}.aws_route_table.{name}["{key}"]', after, unknown={} if after else {"route": True})
        for key in "ab"
    ]


def association(key, table="aws_route_table.private", index="each.key"):
    return resource(
        f'{NETWORK}.aws_route_table_association.private["{key}"]',
        unknown={"subnet_id": True, "route_table_id": True},
        references={"subnet_id": ["aws_subnet.private", "each.key"], "route_table_id": [table, index]},
    )


def route(table, *gateway, key="a", known=None):
    return resource(
        f'{NETWORK}.aws_route.out["{key}"]',
        {"gateway_id": known, "destination_cidr_block": "0.0.0.0/0"} if known else {},
        unknown={"route_table_id": True} | ({} if known else {"gateway_id": True}),
        references={"route_table_id": [table, "each.key"], "gateway_id": list(gateway)},
    )


ASSOCIATED = [association(key) for key in "ab"]
TO_INTERNET = ("aws_internet_gateway.egress.id",)


def routes(*resources):
    return find(private_routes.check, STARTED, GATEWAY, *SUBNETS, *resources, **WIRING)


def test_private_subnets_with_their_own_tables_are_private_whatever_other_tables_do():
    public = route("aws_route_table.public", *TO_INTERNET)
    assert routes(*table("private"), *table("public"), *ASSOCIATED, public) == []


@pytest.mark.parametrize(
    "bad",
    [
        [*table("private"), *ASSOCIATED, route("aws_route_table.private", *TO_INTERNET)],
        [*table("private"), *ASSOCIATED, route("aws_route_table.private", "local.gateway")],
        [*table("private"), *ASSOCIATED, route("aws_route_table.private", known="igw-1")],
        [*table("private", route=[{"gateway_id": "igw-1"}]), *ASSOCIATED],
        [
            *table("private"),
            *table("public"),
            *(association(key, "aws_route_table.public") for key in "ab"),
            route("aws_route_table.public", *TO_INTERNET),
        ],
    ],
    ids=["route", "unknown route", "known route", "inline", "other table"],
)
def test_a_private_route_to_the_internet_gateway_is_named_with_its_subnet(bad):
    found = routes(*bad)
    assert found
    assert all('a route of module.network.aws_subnet.private["' in one.got for one in found)


def test_only_the_subnet_whose_table_has_the_route_is_named():
    """`each.key` joins the instances of the same key, not each with all."""
    found = routes(*table("private"), *ASSOCIATED, route("aws_route_table.private", *TO_INTERNET, key="b"))
    assert [one.address for one in found] == [f'{NETWORK}.aws_route.out["b"]']
    assert 'aws_subnet.private["b"]' in found[0].got


def test_a_table_that_cannot_be_read_is_named():
    found = routes(*[association(key, "var.table", "each.key") for key in "ab"])
    assert [one.address for one in found] == [one["address"] for one in ASSOCIATED]
    assert "unknown until apply" in found[0].got


def test_a_subnet_without_a_table_of_its_own_goes_by_the_main_one():
    main = resource(f"{NETWORK}.aws_default_route_table.main", {"route": [{"gateway_id": "igw-1"}]})
    assert [one.address for one in routes(main)] == [main["address"]] * 2
    assert routes(resource(f"{NETWORK}.aws_default_route_table.main", {"route": []})) == []


def test_in_an_applied_plan_tables_are_joined_by_their_ids():
    subnet = resource("aws_subnet.a", {"id": "subnet-1"})
    starter = resource("aws_ecs_service.s", {"network_configuration": [{"subnets": ["subnet-1"]}]})
    tables = [resource(f"aws_route_table.{name}", {"id": f"rtb-{name}"}) for name in ("x", "y")]
    joined = resource("aws_route_table_association.a", {"subnet_id": "subnet-1", "route_table_id": "rtb-x"})

    def to_internet(table):
        return resource("aws_route.r", {"route_table_id": table, "gateway_id": "igw-1"})

    assert find(private_routes.check, subnet, starter, *tables, joined, to_internet("rtb-y")) == []
    assert len(find(private_routes.check, subnet, starter, *tables, joined, to_internet("rtb-x"))) == 1


HTTPS = {"ip_protocol": "tcp", "from_port": 443, "to_port": 443, "cidr_ipv4": "0.0.0.0/0"}
OUT = "aws_vpc_security_group_egress_rule.out"


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        (resource(OUT, HTTPS), None),
        (resource(OUT, HTTPS | {"to_port": 444}), "egress tcp 443-444"),
        (resource(OUT, HTTPS | {"from_port": 22, "to_port": 22}), "egress tcp 22-22"),
        (resource(OUT, HTTPS | {"ip_protocol": "-1"}), "egress -1"),
        (resource(OUT, {"ip_protocol": "tcp", "from_port": 443}, unknown={"to_port": True}), "unknown until apply"),
        (
            resource("aws_security_group.g", {"egress": [{"protocol": "udp", "from_port": 53, "to_port": 53}]}),
            "udp 53-53",
        ),
        (resource("aws_security_group.g", unknown={"egress": True}), None),
        (
            resource("aws_security_group.g", unknown={"egress": True}, references={"egress": ["var.x"]}),
            "egress unknown",
        ),
        (
            resource("aws_security_group_rule.r", {"type": "egress", "protocol": "tcp", "from_port": 0, "to_port": 0}),
            "0-0",
        ),
        (resource("aws_security_group_rule.r", {"type": "ingress", "protocol": "tcp", "from_port": 0}), None),
    ],
)
def test_egress_is_tcp_on_listed_ports(rule, said):
    found = find(listed_egress.check, rule)
    assert [one.address for one in found] == ([rule["address"]] if said else [])
    assert all(said in one.got for one in found)


def test_the_environment_lists_its_ports():
    ports = {"network": {"egress_ports": [443, 5432]}}
    assert find(listed_egress.check, resource(OUT, HTTPS | {"from_port": 5432, "to_port": 5432}), variables=ports) == []


NAMED = {"Action": "s3:GetObject", "Resource": "arn:aws:s3:::harborflows-amber-*", "Principal": "*"}
OWN_ACCOUNT = {"StringEquals": {"aws:PrincipalAccount": "123456789012"}}


@pytest.mark.parametrize(
    ("endpoint", "said"),
    [
        (resource("aws_vpc_endpoint.s3", {"policy": policy(NAMED)}), None),
        (
            resource("aws_vpc_endpoint.s3", {"policy": policy(NAMED | {"Resource": "*", "Condition": OWN_ACCOUNT})}),
            None,
        ),
        (resource("aws_vpc_endpoint.s3", {"policy": policy(NAMED | {"Resource": "*"})}), "policy statement 1: *"),
        (resource("aws_vpc_endpoint.s3", {"policy": policy(NAMED | {"Resource": "arn:aws:s3:::*"})}), "arn:aws:s3:::*"),
        (resource("aws_vpc_endpoint.s3", {"service_name": "s3"}, unknown={"policy": True}), "s3 without a policy"),
    ],
)
def test_an_endpoint_names_what_may_pass(endpoint, said):
    found = find(narrow_endpoints.check, endpoint)
    assert [one.address for one in found] == (["aws_vpc_endpoint.s3"] if said else [])
    assert all(said in one.got for one in found)
