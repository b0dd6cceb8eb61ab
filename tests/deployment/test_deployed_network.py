"""Tasks reach out through NAT and nothing reaches in, as EC2 describes the network."""

import pytest
from deployment import REGION


@pytest.fixture
def private(environment):
    """The subnets that the agent's tasks run in."""
    return set(environment.service["networkConfiguration"]["awsvpcConfiguration"]["subnets"])


@pytest.fixture
def of_vpc(environment):
    """`of_vpc("describe_subnets", "Subnets")`: what the environment's VPC has."""
    name = {"Name": "tag:Name", "Values": [environment.title]}
    (vpc,) = environment["ec2"].describe_vpcs(Filters=[name])["Vpcs"]
    own = {"Name": "vpc-id", "Values": [vpc["VpcId"]]}
    return lambda operation, items: getattr(environment["ec2"], operation)(Filters=[own])[items]


def routes(of_vpc, subnet):
    (table,) = [
        table
        for table in of_vpc("describe_route_tables", "RouteTables")
        if subnet in [association.get("SubnetId") for association in table["Associations"]]
    ]
    return table["Routes"]


def test_tasks_run_in_two_zones(of_vpc, private):
    subnets = of_vpc("describe_subnets", "Subnets")
    zones = {subnet["AvailabilityZone"] for subnet in subnets if subnet["SubnetId"] in private}
    assert len(zones) == len(private) == 2


def test_no_private_subnet_has_a_route_to_an_internet_gateway(of_vpc, private):
    for subnet in private:
        assert not [route for route in routes(of_vpc, subnet) if route.get("GatewayId", "").startswith("igw-")]


def test_everything_else_leaves_a_private_subnet_through_nat(of_vpc, private):
    living = [nat for nat in of_vpc("describe_nat_gateways", "NatGateways") if nat["State"] == "available"]
    public = {nat["NatGatewayId"]: nat["SubnetId"] for nat in living}
    for subnet in private:
        (default,) = [route for route in routes(of_vpc, subnet) if route.get("DestinationCidrBlock") == "0.0.0.0/0"]
        # NAT itself stands where there is a way out.
        outward = [route.get("GatewayId", "") for route in routes(of_vpc, public[default["NatGatewayId"]])]
        assert any(gateway.startswith("igw-") for gateway in outward)


def test_public_subnets_hold_nat_gateways_and_nothing_else(of_vpc, private):
    interfaces = of_vpc("describe_network_interfaces", "NetworkInterfaces")
    assert {each["InterfaceType"] for each in interfaces if each["SubnetId"] not in private} == {"nat_gateway"}


def test_no_subnet_gives_public_addresses(of_vpc):
    assert not [subnet for subnet in of_vpc("describe_subnets", "Subnets") if subnet["MapPublicIpOnLaunch"]]


def test_the_tasks_group_lets_nothing_in_and_https_out(environment):
    groups = environment.service["networkConfiguration"]["awsvpcConfiguration"]["securityGroups"]
    own = [{"Name": "group-id", "Values": groups}]
    found = environment["ec2"].describe_security_group_rules(Filters=own)["SecurityGroupRules"]
    fields = ("IsEgress", "IpProtocol", "FromPort", "ToPort", "CidrIpv4")
    assert [tuple(rule.get(field) for field in fields) for rule in found] == [(True, "tcp", 443, 443, "0.0.0.0/0")]


def test_the_default_group_is_empty(of_vpc):
    (group,) = [each for each in of_vpc("describe_security_groups", "SecurityGroups") if each["GroupName"] == "default"]
    assert (group["IpPermissions"], group["IpPermissionsEgress"]) == ([], [])


def test_s3_is_reached_inside_aws_from_every_private_subnet(environment, of_vpc, private):
    living = [each for each in of_vpc("describe_vpc_endpoints", "VpcEndpoints") if each["State"] == "available"]
    (endpoint,) = [each for each in living if each["VpcEndpointType"] == "Gateway"]
    assert endpoint["ServiceName"] == f"com.amazonaws.{REGION}.s3"
    tables = of_vpc("describe_route_tables", "RouteTables")
    assert set(endpoint["RouteTableIds"]) == {
        table["RouteTableId"]
        for table in tables
        if private & {association.get("SubnetId") for association in table["Associations"]}
    }


def test_flow_logs_keep_all_traffic(environment):
    logs = environment["ec2"].describe_flow_logs(Filters=[{"Name": "tag:Name", "Values": [environment.title]}])
    (log,) = logs["FlowLogs"]
    assert (log["FlowLogStatus"], log["TrafficType"]) == ("ACTIVE", "ALL")
    assert log["LogDestination"] == environment.arn("logs", f"log-group:{environment.path}/vpc")
    assert log["DeliverLogsPermissionArn"] == environment.arn("iam", f"role/{environment.title}-flow-logs", region="")


def test_each_subnet_has_an_access_list_of_its_kind_and_the_default_one_allows_nothing(of_vpc, private):
    acls = of_vpc("describe_network_acls", "NetworkAcls")
    (default,) = [acl for acl in acls if acl["IsDefault"]]
    assert not [entry for entry in default["Entries"] if entry["RuleAction"] == "allow"]
    subnets = [{each["SubnetId"] for each in acl["Associations"]} for acl in acls if not acl["IsDefault"]]
    assert private in subnets
    assert set.union(*subnets) == {subnet["SubnetId"] for subnet in of_vpc("describe_subnets", "Subnets")}


def test_nothing_new_comes_into_a_private_subnet(of_vpc, private):
    """Replies to what tasks asked for, and no port below those that Linux calls from."""
    (acl,) = [
        acl
        for acl in of_vpc("describe_network_acls", "NetworkAcls")
        if private == {each["SubnetId"] for each in acl["Associations"]}
    ]
    entering = [each for each in acl["Entries"] if not each["Egress"] and each["RuleAction"] == "allow"]
    assert [each["PortRange"]["From"] for each in entering if each["Protocol"] == "6"] == [32768]
    assert {each["Protocol"] for each in entering} == {"1", "6"}  # ICMP: what a too large packet is answered with.
