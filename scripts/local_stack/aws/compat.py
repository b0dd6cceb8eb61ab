"""Corrects where moto answers differently from AWS, as far as this system's Terraform and tasks notice it."""

import json
import logging
from functools import partial
from typing import Any

from moto.applicationautoscaling.responses import ApplicationAutoScalingResponse
from moto.ec2.models import EC2Backend
from moto.ec2.models.elastic_network_interfaces import NetworkInterface
from moto.ec2.models.nat_gateways import NatGateway
from moto.ec2.models.security_groups import SecurityGroupRule
from moto.ec2.models.vpcs import VPC
from moto.ec2.responses.network_acls import NetworkACLs
from moto.ecs.models import EC2ContainerServiceBackend, Service, Task
from moto.ecs.responses import EC2ContainerServiceResponse
from moto.events.models import EventPattern, Rule
from moto.iam.access_control import IAMPolicyStatement, PermissionResult
from moto.iam.models import iam_backends
from moto.moto_api import state_manager
from moto.sqs.models import Queue
from moto.sts.exceptions import STSClientError
from moto.sts.models import STSBackend

from scripts.local_stack.patches import Original, add, replace

logger = logging.getLogger(__name__)

SCALING_TAGS: dict[str, dict[str, str]] = {}  # ARN of a scalable target -> its tags, which moto drops.
# Parameters of CreateService and UpdateService that moto forgets: every plan would change them.
SERVICE_ATTRIBUTES = {
    "deploymentConfiguration": "deployment_configuration",
    "enableECSManagedTags": "enable_ecs_managed_tags",
    "availabilityZoneRebalancing": "availability_zone_rebalancing",
    "capacityProviderStrategy": "capacity_provider_strategy",
    "enableExecuteCommand": "enable_execute_command",
    "healthCheckGracePeriodSeconds": "health_check_grace_period_seconds",
}


def install() -> None:
    """Patch moto's classes, once per process."""
    # Only the embedded Fargate changes the state of a task; moto would with every DescribeTasks.
    state_manager.set_transition("ecs::task", {"progression": "manual", "times": 2**31})
    replace(EC2ContainerServiceResponse, "create_service", _keep_service_attributes)
    replace(EC2ContainerServiceResponse, "update_service", _keep_service_attributes)
    replace(EC2ContainerServiceResponse, "run_task", _propagate_tags)
    replace(EC2ContainerServiceBackend, "list_tasks", _list_tasks)
    replace(EC2ContainerServiceBackend, "list_services", _list_services)
    replace(EC2ContainerServiceBackend, "list_clusters", _list_clusters)
    replace(
        EC2ContainerServiceBackend,
        "_calculate_task_resource_requirements",
        _no_instance_resources,
        wrapper=staticmethod,
    )
    replace(STSBackend, "assume_role", _assume_role)
    replace(IAMPolicyStatement, "is_action_permitted", _ignore_tls_denials)
    replace(Rule, "send_to_targets", _send_to_targets)
    replace(EventPattern, "_flatten_dict", flatten_event, wrapper=staticmethod)
    NetworkInterface.private_dns_name = ""  # Of an interface in a VPC without DNS host names; RunTask reads it.
    replace(EC2Backend, "create_nat_gateway", _create_nat_gateway)
    replace(EC2Backend, "delete_nat_gateway", _delete_nat_gateway)
    replace(EC2Backend, "delete_vpc", _delete_vpc)
    replace(ApplicationAutoScalingResponse, "register_scalable_target", _register_scalable_target)
    add(ApplicationAutoScalingResponse, "list_tags_for_resource", _list_scaling_tags)
    add(ApplicationAutoScalingResponse, "tag_resource", _tag_scaling)
    add(ApplicationAutoScalingResponse, "untag_resource", _untag_scaling)
    replace(NetworkACLs, "_get_param", _icmp_type_code)
    # Of a rule that names a group, moto keeps the description with the group.
    add(SecurityGroupRule, "description", property(_rule_description))
    replace(Queue, "_set_attributes", _keep_queue_policy)
    add(Queue, "attributes", property(partial(_queue_attributes, vars(Queue)["attributes"].fget)))


def _keep_service_attributes(original: Original, response: EC2ContainerServiceResponse) -> Any:
    parameters = response._get_params()
    result = original(response)
    service: Service = result.result["service"]
    for parameter, attribute in SERVICE_ATTRIBUTES.items():
        if parameters.get(parameter) is not None:
            setattr(service, attribute, parameters[parameter])
    if parameters.get("capacityProviderStrategy"):
        service.launch_type = None  # On AWS a service has one of the two.
    return result


def _propagate_tags(original: Original, response: EC2ContainerServiceResponse) -> Any:
    result = original(response)
    for task in result.result["tasks"]:
        found: list[dict[str, str]] = []
        if response._get_param("propagateTags") == "TASK_DEFINITION":
            found += response.ecs_backend.describe_task_definition(task.task_definition_arn).tags
        if response._get_param("enableECSManagedTags"):
            found.append({"key": "aws:ecs:clusterName", "value": task.cluster_name})
        own = {tag["key"] for tag in task.tags}
        task.tags = [*task.tags, *(tag for tag in found if tag["key"] not in own)]
    return result


def _list_tasks(original: Original, backend: EC2ContainerServiceBackend, *args: Any, **kwargs: Any) -> list[Task]:
    names = ("cluster_str", "container_instance", "family", "started_by", "service_name", "desiredStatus")
    filters = dict(zip(names, args, strict=False)) | kwargs
    filters["desiredStatus"] = filters.get("desiredStatus") or "RUNNING"
    tasks: list[Task] = original(backend, **filters)
    if service := filters.get("service_name"):
        tasks = [task for task in tasks if task.group == f"service:{service.split('/')[-1]}"]
    return tasks


def _list_services(original: Original, backend: EC2ContainerServiceBackend, *args: Any, **kwargs: Any) -> list[str]:
    gone = {service.arn for service in list(backend.services.values()) if service.status == "INACTIVE"}
    return [arn for arn in original(backend, *args, **kwargs) if arn not in gone]


def _list_clusters(original: Original, backend: EC2ContainerServiceBackend) -> list[str]:
    gone = {cluster.arn for cluster in list(backend.clusters.values()) if cluster.status == "INACTIVE"}
    return [arn for arn in original(backend) if arn not in gone]


def _no_instance_resources(_original: Original, _definition: Any) -> dict[str, Any]:
    # A Fargate task is placed on no instance; moto's sum fails on containers without a memory of their own.
    return {"CPU": 0, "MEMORY": 0, "PORTS": [], "PORTS_UDP": []}


def _assume_role(original: Original, backend: STSBackend, **kwargs: Any) -> Any:
    arn = kwargs["role_arn"]
    account_id = arn.split(":")[4]
    if not any(role.arn == arn for role in iam_backends[account_id][backend.partition].get_roles()):
        raise STSClientError("AccessDenied", f"User is not authorized to perform: sts:AssumeRole on resource: {arn}")
    return original(backend, **kwargs)


def _ignore_tls_denials(original: Original, statement: IAMPolicyStatement, *args: Any, **kwargs: Any) -> Any:
    # moto takes every condition that it does not know as met. So a bucket policy that denies calls without TLS, or
    # without an encryption header, would deny every call to the embedded AWS, which speaks plain HTTP.
    conditions = statement._statement.get("Condition") or {}
    without_tls = conditions.get("Bool", {}).get("aws:SecureTransport")
    by_header = "s3:x-amz-server-side-encryption" in conditions.get("StringNotEquals", {})
    if statement._statement["Effect"] == "Deny" and (str(without_tls).lower() == "false" or by_header):
        return PermissionResult.NEUTRAL
    return original(statement, *args, **kwargs)


def _send_to_targets(original: Original, rule: Rule, *args: Any, **kwargs: Any) -> None:
    # EventBridge tries every rule. In moto one unknown target would end the delivery to all others.
    try:
        original(rule, *args, **kwargs)
    except Exception:
        logger.exception("Rule %s: an event was not delivered", rule.name)


def flatten_event(
    _original: Original, node: dict[str, Any], prefix: str = "", result: dict[str, Any] | None = None
) -> dict[str, Any]:
    """Return the event's values by path. Paths lead into the objects of lists, which moto does not look into."""
    result = {} if result is None else result
    for key, value in node.items():
        path = f"{prefix}.{key}" if prefix else key
        if isinstance(value, dict) and value:
            flatten_event(_original, value, path, result)
        elif isinstance(value, list) and value and all(isinstance(item, dict) for item in value):
            for item in value:
                for inner, found in flatten_event(_original, item, path).items():
                    result.setdefault(inner, []).extend(found if isinstance(found, list) else [found])
        else:
            result[path] = value
    return result


def _create_nat_gateway(original: Original, backend: EC2Backend, *args: Any, **kwargs: Any) -> NatGateway:
    gateway: NatGateway = original(backend, *args, **kwargs)
    gateway._eni.interface_type = "nat_gateway"
    return gateway


def _delete_nat_gateway(original: Original, backend: EC2Backend, nat_gateway_id: str) -> NatGateway:
    gateway: NatGateway = original(backend, nat_gateway_id)
    backend.enis.pop(gateway._eni.id, None)  # Its own interface goes with it.
    return gateway


def _delete_vpc(original: Original, backend: EC2Backend, vpc_id: str) -> VPC:
    vpc: VPC = original(backend, vpc_id)
    for acl in [acl for acl in backend.network_acls.values() if acl.vpc_id == vpc_id]:
        del backend.network_acls[acl.id]
    return vpc


def _register_scalable_target(original: Original, response: ApplicationAutoScalingResponse) -> str:
    answer: str = original(response)
    tags = response._get_param("Tags") or {}
    SCALING_TAGS.setdefault(json.loads(answer)["ScalableTargetARN"], {}).update(tags)
    return answer


def _list_scaling_tags(response: ApplicationAutoScalingResponse) -> str:
    return json.dumps({"Tags": SCALING_TAGS.get(response._get_param("ResourceARN"), {})})


def _tag_scaling(response: ApplicationAutoScalingResponse) -> str:
    SCALING_TAGS.setdefault(response._get_param("ResourceARN"), {}).update(response._get_param("Tags"))
    return "{}"


def _untag_scaling(response: ApplicationAutoScalingResponse) -> str:
    for key in response._get_param("TagKeys"):
        SCALING_TAGS.get(response._get_param("ResourceARN"), {}).pop(key, None)
    return "{}"


def _rule_description(rule: SecurityGroupRule) -> str | None:
    return {**rule.source_group, **rule.ip_range}.get("Description")


def _icmp_type_code(original: Original, response: NetworkACLs, name: str, *args: Any, **kwargs: Any) -> Any:
    # moto looks for the parameter's wire name, but its parser stores it under another: the ICMP type would be lost.
    return original(response, name.replace("Icmp.", "IcmpTypeCode."), *args, **kwargs)


def _keep_queue_policy(original: Original, queue: Queue, attributes: dict[str, Any], *rest: Any) -> None:
    # SetQueueAttributes changes only what it names. moto would delete the policy if it is not named.
    original(queue, {"Policy": getattr(queue, "policy", None)} | attributes, *rest)


def _queue_attributes(original: Original, queue: Queue) -> dict[str, Any]:
    attributes: dict[str, Any] = original(queue)
    if policy := attributes.get("RedrivePolicy"):
        # Without the spaces that moto adds: Terraform compares the text.
        attributes["RedrivePolicy"] = json.dumps(json.loads(policy), separators=(",", ":"))
    return attributes
