"""Everything that an account holds, listed service by service through boto3."""

from collections.abc import Iterator
from typing import Any

from embedded_aws import EmbeddedAws

from scripts.shared.names import Names

ECS = {"ServiceNamespace": "ecs"}
# service, operation, where its answer has the items, what an item is called, parameters
LISTS = (
    ("application-autoscaling", "describe_scalable_targets", "ScalableTargets", "ResourceId", ECS),
    ("application-autoscaling", "describe_scaling_policies", "ScalingPolicies", "PolicyName", ECS),
    ("cloudwatch", "describe_alarms", "MetricAlarms", "AlarmName", {}),
    ("cloudwatch", "list_dashboards", "DashboardEntries", "DashboardName", {}),
    ("codebuild", "list_projects", "projects", "", {}),
    ("codepipeline", "list_pipelines", "pipelines", "name", {}),
    ("ec2", "describe_addresses", "Addresses", "AllocationId", {}),
    ("ec2", "describe_flow_logs", "FlowLogs", "FlowLogId", {}),
    ("ec2", "describe_internet_gateways", "InternetGateways", "InternetGatewayId", {}),
    ("ec2", "describe_nat_gateways", "NatGateways", "NatGatewayId", {}),
    ("ec2", "describe_network_acls", "NetworkAcls", "NetworkAclId", {}),
    ("ec2", "describe_network_interfaces", "NetworkInterfaces", "NetworkInterfaceId", {}),
    ("ec2", "describe_route_tables", "RouteTables", "RouteTableId", {}),
    ("ec2", "describe_security_groups", "SecurityGroups", "GroupId", {}),
    ("ec2", "describe_subnets", "Subnets", "SubnetId", {}),
    ("ec2", "describe_vpc_endpoints", "VpcEndpoints", "VpcEndpointId", {}),
    ("ec2", "describe_vpcs", "Vpcs", "VpcId", {}),
    ("ecs", "list_clusters", "clusterArns", "", {}),
    ("ecs", "list_task_definitions", "taskDefinitionArns", "", {}),
    ("events", "list_rules", "Rules", "Name", {}),
    ("iam", "list_policies", "Policies", "PolicyName", {"Scope": "Local"}),
    ("iam", "list_roles", "Roles", "RoleName", {}),
    ("kms", "list_aliases", "Aliases", "AliasName", {}),
    ("kms", "list_keys", "Keys", "KeyId", {}),
    ("logs", "describe_log_groups", "logGroups", "logGroupName", {}),
    ("logs", "describe_metric_filters", "metricFilters", "logGroupName", {}),
    ("logs", "describe_resource_policies", "resourcePolicies", "policyName", {}),
    ("s3", "list_buckets", "Buckets", "Name", {}),
    ("sns", "list_subscriptions", "Subscriptions", "TopicArn", {}),
    ("sns", "list_topics", "Topics", "TopicArn", {}),
    ("sqs", "list_queues", "QueueUrls", "", {}),
    ("ssm", "describe_parameters", "Parameters", "Name", {}),
)


def inventory(aws: EmbeddedAws) -> set[str]:
    """Everything there is, a line each, in which a key has its description and what belongs to a VPC the VPC's name.

    What AWS itself shows for a while after it was deleted is not there any more: gateways and endpoints that say so,
    and keys, which can be called back for 30 days.
    """
    vpcs = {vpc["VpcId"]: _name(vpc) for vpc in aws["ec2"].describe_vpcs()["Vpcs"]}
    lines = set()
    for service, operation, items, name, parameters in LISTS:
        for item in _pages(aws[service], operation, items, parameters):
            if not isinstance(item, dict):
                lines.add(f"{operation} {item}")
                continue
            known = item | (_key(aws, item["KeyId"]) if operation == "list_keys" else {})
            if (known.get("State") or known.get("KeyState")) not in ("deleted", "PendingDeletion"):
                labels = [known.get("Description", ""), _name(known), vpcs.get(known.get("VpcId"), "")]
                lines.add(" ".join([operation, known[name], *filter(None, labels)]))
    return lines


def of(name: str, lines: set[str]) -> set[str]:
    """The lines that belong to the environment of that name."""
    return {line for line in lines if name in line.lower()}


def _pages(client: Any, operation: str, items: str, parameters: dict[str, Any]) -> Iterator[Any]:
    if client.can_paginate(operation):
        for page in client.get_paginator(operation).paginate(**parameters):
            yield from page.get(items) or []
    else:
        yield from getattr(client, operation)(**parameters).get(items) or []


def _name(item: dict[str, Any]) -> str:
    return next((tag["Value"] for tag in item.get("Tags", item.get("TagSet", [])) if tag["Key"] == "Name"), "")


def _key(aws: EmbeddedAws, key: str) -> dict[str, Any]:
    return aws["kms"].describe_key(KeyId=key)["KeyMetadata"]


def tagged(aws: EmbeddedAws, names: Names) -> dict[str, dict[str, str]]:
    """ARN → tags of what the tagging API finds of an environment."""
    wanted = [{"Key": "service", "Values": [names.service]}, {"Key": "environment", "Values": [names.environment]}]
    found = _pages(aws["resourcegroupstaggingapi"], "get_resources", "ResourceTagMappingList", {"TagFilters": wanted})
    return {each["ResourceARN"]: {tag["Key"]: tag["Value"] for tag in each["Tags"]} for each in found}


def is_only_remembered(aws: EmbeddedAws, arn: str) -> bool:
    """Whether AWS still shows it and says that it is deleted: a key for 30 days, the others for an hour or so."""
    ecs = aws["ecs"]
    match arn.split(":", 5)[5].split("/"):
        case ["key", key]:
            return _key(aws, key)["KeyState"] == "PendingDeletion"
        case ["natgateway", gateway]:
            found = aws["ec2"].describe_nat_gateways(NatGatewayIds=[gateway])["NatGateways"]
            return [each["State"] for each in found] == ["deleted"]
        case ["cluster", cluster]:
            return ecs.describe_clusters(clusters=[cluster])["clusters"][0]["status"] == "INACTIVE"
        case ["service", cluster, service]:
            found = ecs.describe_services(cluster=cluster, services=[service])["services"]
            return [each["status"] for each in found] == ["INACTIVE"]
        case ["task", cluster, task]:
            found = ecs.describe_tasks(cluster=cluster, tasks=[task])["tasks"]
            return [each["lastStatus"] for each in found] == ["STOPPED"]
    return False
