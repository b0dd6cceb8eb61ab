"""Single mistakes in our own infrastructure, each with the checks that must find it, and no other may."""

import json
from typing import Any

from fixture_repository import facts
from mutating import (
    Data,
    Mutation,
    act,
    add,
    add_block,
    another,
    both,
    call,
    container,
    expressions_of,
    hide,
    provide,
    put,
    remove,
    setting,
    statement,
)

from scripts.shared.names import Names

FACTS = facts("amber")
NAMES = Names(FACTS["name"], FACTS["environment"])
OTHERS = Names(FACTS["name"], "violet")
ACCOUNT, REGION = FACTS["account_id"], FACTS["region"]
ZONE, OTHER_ZONE = FACTS["network"]["availability_zones"]
AGENT = "module.ecs_agent.aws_ecs_service.agent"
AGENT_TASK = "module.ecs_agent.aws_ecs_task_definition.agent"
FLOW_TASK = 'module.flow_task.aws_ecs_task_definition.flow["flow"]'
# Of tests/fixtures/flows/fixture_rights.py, which declares a secret and a permission.
OWN = "flow-fixture_rights"
OWN_TASK = f'module.flow_task.aws_ecs_task_definition.flow["{OWN}"]'
OWN_ROLE = f'module.iam.aws_iam_role.flow["{OWN}"]'
OWN_POLICY = f'module.iam.aws_iam_role_policy.flow["{OWN}"]'
OWN_BOUNDARY = f'module.iam.aws_iam_policy.flow_boundary["{OWN}"]'
AGENT_LOGS = "module.ecs_agent.aws_cloudwatch_log_group.agent"
NETWORK = "module.network"
PRIVATE = f'{NETWORK}.aws_subnet.private["{ZONE}"]'
EGRESS = f'{NETWORK}.aws_vpc_security_group_egress_rule.tasks["443"]'
ENDPOINT = f"{NETWORK}.aws_vpc_endpoint.s3[0]"
ROLE = 'module.iam.aws_iam_role.task["agent"]'
AGENT_POLICY = 'module.iam.aws_iam_role_policy.task["agent"]'
EXECUTION_POLICY = 'module.iam.aws_iam_role_policy.task["execution"]'
FLOW_POLICY = 'module.iam.aws_iam_role_policy.task["flow"]'
BOUNDARY = "module.iam.aws_iam_policy.boundary"
LOAD_TASK = FLOW_TASK.replace('"flow"', '"flow-with-snowflake_private_key"')
QUEUE_POLICY = "module.ecs_agent.aws_sqs_queue_policy.task_events"
STORE = "module.results_store"
BUCKET = f"{STORE}.aws_s3_bucket.results"
KEY = "module.parameters.aws_kms_key.data"
SCALING = "module.agent_scaling.aws_appautoscaling_target.tasks"


def output(data: Data) -> None:
    """The work pool's template asks for a public IP."""
    change = data["output_changes"]["work_pool"]
    text = json.dumps(change["after"])
    change["after"] = json.loads(text.replace('"assignPublicIp": "DISABLED"', '"assignPublicIp": "ENABLED"'))


def without_default_tags(data: Data) -> None:
    """As if the provider had no default_tags."""
    for entry in data["resource_changes"]:
        if "tags_all" in entry["change"]["after"]:
            entry["change"]["after"]["tags_all"] = entry["change"]["after"].get("tags")


def rule(port: int, protocol: str = "tcp") -> Data:
    """A rule of a security group."""
    return {"cidr_ipv4": "0.0.0.0/0", "from_port": port, "to_port": port, "ip_protocol": protocol, "description": "x"}


def trust(**entry: Any) -> str:
    """A trust policy of one statement."""
    return json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow"} | entry]})


def oidc(audience: Any, subject: Any) -> str:
    """Trust in CircleCI's tokens."""
    issuer = "oidc.circleci.com/org/1"
    conditions = {"StringEquals": {f"{issuer}:aud": audience}, "StringLike": {f"{issuer}:sub": subject}}
    return trust(
        Action="sts:AssumeRoleWithWebIdentity",
        Principal={"Federated": f"arn:aws:iam::{ACCOUNT}:oidc-provider/{issuer}"},
        Condition={operator: keys for operator, keys in conditions.items() if None not in keys.values()},
    )


def assumed_by(principal: Any) -> str:
    """Trust in somebody else."""
    return trust(Action="sts:AssumeRole", Principal=principal)


def default_endpoint(data: Data) -> None:
    """Terraform then knows nothing of the policy, and no expression sets it."""
    hide(ENDPOINT, "policy")(data)
    del expressions_of(data, ENDPOINT)["policy"]


def definition(name: str) -> str:
    """Address of a task definition of flows."""
    return FLOW_TASK.replace('"flow"', f'"{name}"')


def secrets(*names: str) -> list[Data]:
    """Secrets of a container, from this environment's parameters."""
    place = f"arn:aws:ssm:{REGION}:{ACCOUNT}:parameter{NAMES.path}"
    return [{"name": name, "valueFrom": f"{place}/{name}"} for name in names]


ROLES = f"arn:aws:iam::{ACCOUNT}:role"
FAMILIES = f"arn:aws:ecs:{REGION}:{ACCOUNT}:task-definition/{NAMES.title}"
IMAGE = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/{FACTS['image_repository']}"
NEW_RULE = f"{NETWORK}.aws_vpc_security_group_ingress_rule.open"
NEW_ROUTE = f"{NETWORK}.aws_route.private_to_internet"
GATEWAY = "aws_internet_gateway.egress[0].id"
GATEWAY_REFERENCES = [GATEWAY, "aws_internet_gateway.egress[0]", "aws_internet_gateway.egress"]
OWN_TABLE = ["aws_route_table.private", "each.key"]
APPLY = 'module.delivery[0].aws_codebuild_project.stage["apply"]'
BUILD_SECRET = [{"name": "PREFECT_API_KEY", "value": "hunter2", "type": "PLAINTEXT"}]
ALARM = 'module.alerts.aws_cloudwatch_metric_alarm.threshold["agent-errors"]'
GUARD = f"{STORE}.aws_s3_bucket_public_access_block.results"
LIFECYCLE = f"{STORE}.aws_s3_bucket_lifecycle_configuration.results"
ENCRYPTION = f"{STORE}.aws_s3_bucket_server_side_encryption_configuration.results"
TLS = f"{STORE}.aws_s3_bucket_policy.results"
RULES = [{"apply_server_side_encryption_by_default": [{"sse_algorithm": "AES256", "kms_master_key_id": None}]}]
PASSED = {"StringEquals": {"iam:PassedToService": "ecs-tasks.amazonaws.com"}}
OF_OTHERS = f"arn:aws:ssm:{REGION}:{ACCOUNT}:parameter{OTHERS.path}/PREFECT_API_KEY"

MUTATIONS = [
    # Network
    Mutation("public IP on", "private_tasks checkov", put(AGENT, "network_configuration.0.assign_public_ip", True)),
    Mutation("public IP unknown", "private_tasks", hide(AGENT, "network_configuration", "var.tasks")),
    Mutation("public IP of flow runs", "private_tasks", output),
    Mutation("public IP on launch", "private_tasks checkov", put(PRIVATE, "map_public_ip_on_launch", True)),
    Mutation("ingress from anywhere", "no_ingress checkov", add(NEW_RULE, rule(22))),
    Mutation("ingress from the VPC", "no_ingress", add(NEW_RULE, rule(8080) | {"cidr_ipv4": FACTS["network"]["cidr"]})),
    Mutation(
        "route of private subnets to the internet gateway",
        "private_routes",
        add(
            NEW_ROUTE, {"destination_cidr_block": "8.8.8.8/32"}, route_table_id=OWN_TABLE, gateway_id=GATEWAY_REFERENCES
        ),
    ),
    Mutation(
        "private default route by the internet gateway",
        "private_routes",
        hide(f'{NETWORK}.aws_route.private_to_nat["{OTHER_ZONE}"]', "gateway_id", GATEWAY),
    ),
    Mutation(
        "private subnet with the public route table",
        "private_routes",
        hide(
            f'{NETWORK}.aws_route_table_association.private["{ZONE}"]',
            "route_table_id",
            "aws_route_table.public[0].id",
        ),
    ),
    Mutation(
        "inline route of a private table",
        "private_routes",
        both(
            hide(f'{NETWORK}.aws_route_table.private["{ZONE}"]', "route", GATEWAY),
            put(
                f'{NETWORK}.aws_route_table.private["{ZONE}"]',
                "route",
                [{"cidr_block": "0.0.0.0/0", "gateway_id": "igw-1"}],
            ),
        ),
    ),
    Mutation("egress of every protocol", "listed_egress", put(EGRESS, "ip_protocol", "-1")),
    Mutation("egress to SSH", "listed_egress", both(put(EGRESS, "from_port", 22), put(EGRESS, "to_port", 22))),
    Mutation("egress port unknown", "listed_egress", hide(EGRESS, "to_port", "var.egress_ports")),
    Mutation("endpoint without a policy", "narrow_endpoints", default_endpoint),
    Mutation(
        "endpoint to every bucket",
        "narrow_endpoints",
        statement(ENDPOINT, "ImageLayers", Resource="arn:aws:s3:::*"),
    ),
    Mutation("no flow logs", "checkov", remove(f"{NETWORK}.aws_flow_log.vpc[0]")),
    # IAM
    Mutation(
        "PassRole of every role",
        "narrow_pass_role no_wildcard_writes",
        statement(AGENT_POLICY, "HandRolesToFlows", Resource="*"),
    ),
    Mutation(
        "PassedToService missing", "narrow_pass_role", statement(AGENT_POLICY, "HandRolesToFlows", Condition=None)
    ),
    Mutation(
        "PassRole to any service",
        "narrow_pass_role",
        statement(AGENT_POLICY, "HandRolesToFlows", Condition={"StringLike": {"iam:PassedToService": "*"}}),
    ),
    Mutation(
        "an action with a wildcard",
        "named_actions",
        statement(EXECUTION_POLICY, "PullTheImage", Action=["ecr:BatchGetImage", "ecr:GetDownloadUrl*"]),
    ),
    Mutation("ecs:*", "named_actions sound_policies", statement(AGENT_POLICY, "RunFlows", Action="ecs:*")),
    Mutation(
        "all but one action",
        "named_actions narrow_pass_role sound_policies",
        statement(AGENT_POLICY, "RunFlows", Action=None, NotAction="ecs:X"),
    ),
    Mutation(
        "stops tasks of any cluster",
        "no_wildcard_writes",
        statement(AGENT_POLICY, "WatchAndStopFlows", Resource=f"arn:aws:ecs:{REGION}:{ACCOUNT}:task/*"),
    ),
    Mutation("RunTask of anything", "no_wildcard_writes", statement(AGENT_POLICY, "RunFlows", Resource="*")),
    Mutation(
        "wildcard bucket", "no_wildcard_writes", statement(FLOW_POLICY, "ReadAndWriteData", Resource="arn:aws:s3:::*/*")
    ),
    Mutation(
        "policy unknown", "known_policies permission_tables", hide(FLOW_POLICY, "policy", "aws_s3_bucket.results.arn")
    ),
    Mutation("trust in everybody", "expected_principals", put(ROLE, "assume_role_policy", assumed_by("*"))),
    Mutation(
        "trust in another service",
        "expected_principals",
        put(ROLE, "assume_role_policy", assumed_by({"Service": "lambda.amazonaws.com"})),
    ),
    Mutation(
        "trust in another account",
        "expected_principals checkov",
        put(ROLE, "assume_role_policy", assumed_by({"AWS": "arn:aws:iam::999999999999:root"})),
    ),
    Mutation(
        "OIDC without audience", "narrow_federation", put(ROLE, "assume_role_policy", oidc(None, "org/1/project/2"))
    ),
    Mutation("OIDC of every project", "narrow_federation", put(ROLE, "assume_role_policy", oidc("1", "*"))),
    Mutation("OIDC without subject", "narrow_federation", put(ROLE, "assume_role_policy", oidc("1", None))),
    Mutation("no boundary", "bounded_roles", put(ROLE, "permissions_boundary", None)),
    Mutation(
        "boundary of somebody else",
        "bounded_roles",
        put(ROLE, "permissions_boundary", "arn:aws:iam::aws:policy/PowerUserAccess"),
    ),
    Mutation("a user", "roles_only checkov", add("aws_iam_user.robot", {"name": f"{NAMES.title}-robot"})),
    Mutation("an access key", "roles_only", add("aws_iam_access_key.robot", {"user": f"{NAMES.title}-robot"})),
    Mutation(
        "AdministratorAccess",
        "own_policies checkov",
        add(
            "aws_iam_role_policy_attachment.admin",
            {"role": f"{NAMES.title}-agent", "policy_arn": "arn:aws:iam::aws:policy/AdministratorAccess"},
        ),
    ),
    Mutation(
        "another managed policy",
        "own_policies",
        add(
            "aws_iam_role_policy_attachment.power",
            {"role": f"{NAMES.title}-agent", "policy_arn": "arn:aws:iam::aws:policy/PowerUserAccess"},
        ),
    ),
    Mutation(
        "an action that does not exist",
        "sound_policies",
        statement(AGENT_POLICY, "TagFlowsAsTheyStart", Action=["ecs:TagResource", "ecs:TagResources"]),
    ),
    Mutation("a right too little", "permission_tables", statement(EXECUTION_POLICY, "DecryptSecrets", Effect="Deny")),
    Mutation(
        "a right too much",
        "permission_tables",
        both(
            *(
                statement(one, "ReadAndWriteData", Action=["s3:GetObject", "s3:PutObject", "s3:DeleteObject"])
                for one in (FLOW_POLICY, BOUNDARY)
            )
        ),
    ),
    # Rights and secrets of flows
    Mutation(
        "RunTask of a family with a like name",
        "permission_tables",
        both(
            *(
                statement(one, "RunFlows", Resource=[f"{FAMILIES}-flow:*", f"{FAMILIES}-flow*:*"])
                for one in (AGENT_POLICY, BOUNDARY)
            )
        ),
    ),
    Mutation(
        "PassRole of roles with a like name",
        "narrow_pass_role",
        statement(AGENT_POLICY, "HandRolesToFlows", Resource=f"{ROLES}/{NAMES.title}-flow*"),
    ),
    Mutation(
        "PassRole beside the path of flows",
        "narrow_pass_role",
        statement(AGENT_POLICY, "HandRolesToFlows", Resource=f"{ROLES}{NAMES.path}/flows*"),
    ),
    Mutation(
        "PassRole of another environment's flows",
        "narrow_pass_role",
        statement(AGENT_POLICY, "HandRolesToFlows", Resource=f"{ROLES}{OTHERS.path}/flows/*"),
    ),
    Mutation(
        "a flow with the secrets of another",
        "declared_rights",
        container(OWN_TASK, secrets=secrets("PREFECT_API_KEY", "SNOWFLAKE_PRIVATE_KEY")),
    ),
    Mutation(
        "a secret that no flow declares",
        "declared_rights",
        container(FLOW_TASK, secrets=secrets("PREFECT_API_KEY", "PARTNER_KEY")),
    ),
    Mutation(
        "a secret under the name of another",
        "declared_rights",
        container(FLOW_TASK, secrets=[{**secrets("DBT_CLOUD_TOKEN")[0], "name": "PREFECT_API_KEY"}]),
    ),
    Mutation("a flow without its secret", "declared_rights", container(LOAD_TASK, secrets=secrets("PREFECT_API_KEY"))),
    Mutation(
        "a definition that no flow asks for",
        "declared_rights",
        another(FLOW_TASK, definition("flow-spare"), family=f"{NAMES.title}-flow-spare"),
    ),
    Mutation("a family with a like name", "declared_rights", put(OWN_TASK, "family", f"{NAMES.title}-flowX")),
    Mutation("a flow without its definition", "declared_rights", remove(OWN_TASK)),
    Mutation(
        "a flow with the role of another",
        "declared_rights",
        put(LOAD_TASK, "task_role_arn", f"{ROLES}{NAMES.path}/flows/{NAMES.title}-{OWN}"),
    ),
    Mutation("a flow's role outside the path", "declared_rights", put(OWN_ROLE, "path", "/")),
    Mutation("another role below the path of flows", "declared_rights", put(ROLE, "path", f"{NAMES.path}/flows/")),
    Mutation(
        "a flow's right that it does not declare",
        "permission_tables",
        both(
            *(
                statement(one, "DeclaredByFixtureRights1", Action=["s3:PutObject", "s3:DeleteObject"])
                for one in (OWN_POLICY, OWN_BOUNDARY)
            )
        ),
    ),
    Mutation(
        "what a flow declares for all of them",
        "permission_tables",
        both(
            *(
                statement(
                    one, "ReadAndWriteData", Resource=f"arn:aws:s3:::{NAMES.bucket_prefix}-results-{ACCOUNT}/partner/*"
                )
                for one in (FLOW_POLICY, BOUNDARY)
            )
        ),
    ),
    Mutation(
        "queue for everybody", "expected_principals", statement(QUEUE_POLICY, "TaskEventsOfThisCluster", Principal="*")
    ),
    # Containers
    Mutation("tag instead of digest", "image_by_digest", container(FLOW_TASK, image=f"{IMAGE}:latest")),
    Mutation("image from elsewhere", "image_by_digest", container(FLOW_TASK, image="docker.io/prefecthq/prefect:3")),
    Mutation("another repository", "image_by_digest", container(FLOW_TASK, image=f"{IMAGE}-other@sha256:{'a' * 64}")),
    Mutation("secret by name in environment", "no_plain_secrets", setting(FLOW_TASK, "DBT_CLOUD_TOKEN", "hunter2")),
    Mutation(
        "secret by its looks in environment",
        "no_plain_secrets",
        setting(AGENT_TASK, "EXTRA", "Zq3Lk9wV2xT7bN4mR8sY1cD6"),
    ),
    Mutation(
        "secret of another environment",
        "secrets_by_arn",
        container(AGENT_TASK, secrets=[{"name": "PREFECT_API_KEY", "valueFrom": OF_OTHERS}]),
    ),
    Mutation(
        "secret that is no ARN",
        "secrets_by_arn",
        container(AGENT_TASK, secrets=[{"name": "PREFECT_API_KEY", "valueFrom": "hunter2"}]),
    ),
    Mutation("privileged", "confined_containers", container(FLOW_TASK, privileged=True)),
    Mutation("writable root", "confined_containers checkov", container(FLOW_TASK, readonlyRootFilesystem=False)),
    Mutation(
        "added capability",
        "confined_containers",
        container(FLOW_TASK, linuxParameters={"capabilities": {"add": ["SYS_ADMIN"]}}),
    ),
    Mutation("root user", "confined_containers", container(FLOW_TASK, user="0:0")),
    Mutation("no log driver", "logged_containers", container(FLOW_TASK, logConfiguration=None)),
    Mutation(
        "logs to a group of nobody",
        "logged_containers",
        container(FLOW_TASK, logConfiguration={"logDriver": "awslogs", "options": {"awslogs-group": "/other"}}),
    ),
    Mutation("memory that Fargate has not", "fargate_sizes", put(FLOW_TASK, "memory", "1024")),
    Mutation("containers unknown", "known_policies", hide(FLOW_TASK, "container_definitions", "var.image")),
    # Data
    Mutation("bucket with S3's key", "own_key checkov", put(ENCRYPTION, "rule", RULES)),
    Mutation("bucket encryption gone", "own_key checkov", remove(ENCRYPTION)),
    Mutation("logs without our key", "own_key", put(AGENT_LOGS, "kms_key_id", None)),
    Mutation("logs with AWS's key", "own_key", put(AGENT_LOGS, "kms_key_id", "alias/aws/logs")),
    Mutation(
        "logs with the key of another stack", "own_key", put(AGENT_LOGS, "kms_key_id", "alias/AnotherStack-Amber")
    ),
    Mutation("versioning gone", "checkov", remove(f"{STORE}.aws_s3_bucket_versioning.results")),
    Mutation(
        "versioning off",
        "checkov",
        put(f"{STORE}.aws_s3_bucket_versioning.results", "versioning_configuration.0.status", "Suspended"),
    ),
    Mutation("public access by policy", "checkov", put(GUARD, "block_public_policy", False)),
    Mutation("public access by ACL", "checkov", put(GUARD, "ignore_public_acls", False)),
    Mutation("public access block gone", "checkov", remove(GUARD)),
    Mutation("plain HTTP", "tls_only", remove(TLS)),
    Mutation(
        "plain HTTP on a condition",
        "tls_only",
        statement(
            TLS,
            "TlsOnly",
            Condition={"Bool": {"aws:SecureTransport": "false"}, "StringEquals": {"aws:PrincipalAccount": ACCOUNT}},
        ),
    ),
    Mutation("lifecycle gone", "expiring_data checkov", remove(LIFECYCLE)),
    Mutation(
        "lifecycle off",
        "expiring_data checkov",
        both(*(put(LIFECYCLE, f"rule.{number}.status", "Disabled") for number in range(3))),
    ),
    Mutation("logs for ever", "expiring_data", put(AGENT_LOGS, "retention_in_days", 0)),
    Mutation("log retention unknown", "expiring_data checkov", hide(AGENT_LOGS, "retention_in_days", "var.logs")),
    Mutation("bucket replaced", "kept_data", act(BUCKET, "delete", "create")),
    Mutation(
        "plain secret of a build", "no_plain_secrets", put(APPLY, "environment.0.environment_variable", BUILD_SECRET)
    ),
    Mutation("artifacts by plain HTTP", "tls_only", remove("module.delivery[0].aws_s3_bucket_policy.artifacts")),
    Mutation("key destroyed", "kept_data own_key", act(KEY, "delete")),
    Mutation("key rotation off", "checkov", put(KEY, "enable_key_rotation", False)),
    Mutation(
        "queue in the clear",
        "checkov",
        put("module.ecs_agent.aws_sqs_queue.task_events", "sqs_managed_sse_enabled", False),
    ),
    Mutation(
        "rights given to a role of others",
        "own_names",
        add(
            "aws_iam_role_policy.more",
            {
                "name": "x",
                "role": "Payroll",
                "policy": trust(Action="s3:GetObject", Resource=f"arn:aws:s3:::{NAMES.bucket_prefix}-x/*"),
            },
        ),
    ),
    Mutation(
        "a name of another environment",
        "own_names",
        put("module.ecs_agent.aws_sqs_queue.task_events_dlq", "name", f"{OTHERS.title}-dlq"),
    ),
    Mutation(
        "a name of another stack",
        "own_names",
        put("module.ecs_agent.aws_sqs_queue.task_events_dlq", "name", "AnotherStack-Amber-dlq"),
    ),
    Mutation(
        "a route in a table of others",
        "own_names",
        add("aws_route.elsewhere", {"route_table_id": "rtb-1", "destination_cidr_block": "10.0.0.0/8"}),
    ),
    # Operations
    Mutation("alarm without action", "alarms_act", put(ALARM, "alarm_actions", [])),
    Mutation("alarm switched off", "alarms_act checkov", put(ALARM, "actions_enabled", False)),
    Mutation("max below min", "scaling_in_bounds", put(SCALING, "max_capacity", 0)),
    Mutation("desired above max", "scaling_in_bounds", put(AGENT, "desired_count", 11)),
    Mutation(
        "scaling without a policy", "scaling_in_bounds", remove("module.agent_scaling.aws_appautoscaling_policy.cpu")
    ),
    Mutation("no circuit breaker", "safe_rollouts", put(AGENT, "deployment_circuit_breaker", [])),
    Mutation("no rollback", "safe_rollouts", put(AGENT, "deployment_circuit_breaker.0.rollback", False)),
    Mutation("default tags dropped", "required_tags", without_default_tags),
    Mutation("tag of another stack", "required_tags", put(BUCKET, "tags_all.service", "data-flows-of-others")),
    Mutation("tag of another environment", "required_tags", put(BUCKET, "tags_all.environment", "violet")),
    Mutation(
        "container insights off",
        "checkov",
        put("module.ecs_agent.aws_ecs_cluster.flows", "setting.0.value", "disabled"),
    ),
    # Configuration: what runs or reads while Terraform does
    Mutation(
        "a module asks AWS",
        "own_configuration",
        add_block("module.iam", {"type": "aws_caller_identity", "mode": "data"}),
    ),
    Mutation("a data source runs a program", "own_configuration", add_block("", {"type": "external", "mode": "data"})),
    Mutation(
        "a provisioner",
        "own_configuration",
        add_block("module.iam", {"type": "terraform_data", "provisioners": [{"type": "local-exec"}]}),
    ),
    Mutation("a module from elsewhere", "own_configuration", call("payroll", "git::https://example.com/payroll.git")),
    Mutation(
        "a module out of the repository",
        "own_configuration pinned_versions plain_modules",
        call("payroll", "../modules/../../payroll"),
    ),
    Mutation("a provider with a role", "own_configuration", provide("aws", assume_role=[{}])),
    Mutation("a provider for another address", "own_configuration", provide("aws", endpoints=[{}])),
    Mutation("a second provider", "own_configuration", provide("aws.payroll")),
    Mutation("another kind of provider", "own_configuration", provide("null", "registry.terraform.io/hashicorp/null")),
    # HCL: what a plan no longer shows
    Mutation(
        "desired_count not ignored", "free_desired_count", hcl=("modules/ecs_agent/main.tf", "[desired_count]", "[]")
    ),
    Mutation(
        "no description",
        "described_interfaces",
        # What stood there becomes a comment.
        hcl=("modules/iam/variables.tf", 'description = "', 'description = "Parameters." # "'),
    ),
    Mutation(
        "a variable that may be null",
        "described_interfaces",
        hcl=("modules/network/variables.tf", "nullable    = false", "nullable    = true"),
    ),
    Mutation(
        "a refusal without what was got",
        "described_interfaces",
        hcl=("modules/agent_scaling/variables.tf", "cpu_target_percent is ${var.cpu_target_percent}; ", ""),
    ),
    Mutation("provider not pinned", "pinned_versions", hcl=("modules/iam/versions.tf", "~> 5.100", ">= 5.0")),
    Mutation("Terraform not pinned", "pinned_versions", hcl=("terraform/versions.tf", "~> 1.11", ">= 1.0")),
    Mutation(
        "provider in a module",
        "plain_modules",
        hcl=("modules/iam/main.tf", "locals {", 'provider "aws" {}\n\nlocals {'),
    ),
    Mutation("state elsewhere", "own_state", hcl=("terraform/backend.tf", "{}", '{\n    bucket = "payroll"\n  }')),
    Mutation(
        "a skip without its reason",
        "checkov",
        hcl=(
            "modules/flow_task/main.tf",
            "CKV_AWS_158:Encrypted with the key of this environment; its ARN is unknown until the first apply",
            "CKV_AWS_158",
        ),
    ),
]
