"""Single mistakes in values that no rule names as bad, each with the rules of ours that must find it."""

import json
from typing import Any

from mutating import (
    Change,
    Data,
    Mutation,
    add,
    both,
    change_of,
    container,
    expressions_of,
    hide,
    put,
    remove,
    value_of,
)
from mutations import (
    ACCOUNT,
    AGENT,
    AGENT_LOGS,
    AGENT_TASK,
    ALARM,
    APPLY,
    BUCKET,
    ENDPOINT,
    FLOW_TASK,
    KEY,
    LIFECYCLE,
    NAMES,
    NETWORK,
    REGION,
    ROLE,
    SCALING,
    STORE,
    ZONE,
)

DECIDED = "decided_values"
OTHER = "999999999999"
PIPELINE = "module.delivery[0].aws_codepipeline.delivery"
PRIVATE_ACL = f'{NETWORK}.aws_network_acl.subnets["private"]'
PUBLIC_ACL = f'{NETWORK}.aws_network_acl.subnets["public"]'
FLOW_LOGS = f"{NETWORK}.aws_flow_log.vpc[0]"
ALERTS = "module.alerts"
TOPIC = f"{ALERTS}.aws_sns_topic.alerts"
EMAIL = f"{ALERTS}.aws_sns_topic_subscription.email[0]"
STOPPED = f"{ALERTS}.aws_cloudwatch_event_rule.stopped_tasks"
TO_LOGS = f"{ALERTS}.aws_cloudwatch_event_target.stopped_tasks"
ERRORS = f'{ALERTS}.aws_cloudwatch_log_metric_filter.lines["agent-errors"]'
CEILING = f"{ALERTS}.aws_cloudwatch_metric_alarm.agent_at_ceiling"
QUEUE = "module.ecs_agent.aws_sqs_queue.task_events"
DEAD_LETTERS = "module.ecs_agent.aws_sqs_queue_redrive_policy.task_events"
EVENTS = "module.ecs_agent.aws_cloudwatch_event_rule.task_events"
ADMINISTRATOR = json.dumps(
    {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]},
)


def acl_rule(address: str, way: str, **changes: Any) -> Change:
    """One more rule of a network ACL."""

    def change(data: Data) -> None:
        rules = value_of(data, address)[way]
        put(address, way, [*rules, rules[0] | {"rule_no": 50, "icmp_type": None, "icmp_code": None} | changes])(data)

    return change


def second_container(data: Data) -> None:
    """Beside the agent, one that shares its network and role."""
    containers = json.loads(value_of(data, AGENT_TASK)["container_definitions"])
    both_of_them = [*containers, containers[0] | {"name": "helper", "command": ["sh"]}]
    put(AGENT_TASK, "container_definitions", json.dumps(both_of_them))(data)


def without_stage(name: str) -> Change:
    """The pipeline without one of its stages."""

    def change(data: Data) -> None:
        stages = [stage for stage in value_of(data, PIPELINE)["stage"] if stage["name"] != name]
        put(PIPELINE, "stage", stages)(data)

    return change


def approved(data: Data) -> None:
    """The environment asks for approval; the pipeline has none."""
    data["variables"]["delivery"]["value"].pop("approval")


def source(**changes: str) -> Change:
    """The pipeline's source otherwise."""

    def change(data: Data) -> None:
        known = value_of(data, PIPELINE)["stage"][0]["action"][0]["configuration"]
        put(PIPELINE, "stage.0.action.0.configuration", known | changes)(data)

    return change


def setting(address: str, name: str, value: str) -> Change:
    """A variable of a container with another value."""

    def change(data: Data) -> None:
        settings = json.loads(value_of(data, address)["container_definitions"])[0]["environment"]
        changed = [one | {"value": value} if one["name"] == name else one for one in settings]
        container(address, environment=changed)(data)

    return change


def ceiling(expression: str) -> Change:
    """The alarm on agents that are all busy, with another expression."""

    def change(data: Data) -> None:
        number = [query["id"] for query in value_of(data, CEILING)["metric_query"]].index("at_ceiling")
        put(CEILING, f"metric_query.{number}.expression", expression)(data)

    return change


def pattern(address: str, **detail: Any) -> Change:
    """What a rule hears, otherwise."""

    def change(data: Data) -> None:
        known = json.loads(value_of(data, address)["event_pattern"])
        put(address, "event_pattern", json.dumps(known | {"detail": known["detail"] | detail}))(data)

    return change


def default_endpoint(data: Data) -> None:
    """Without a policy an endpoint lets everything through."""
    put(ENDPOINT, "policy", None)(data)
    del expressions_of(data, ENDPOINT)["policy"]
    change_of(data, ENDPOINT)["change"]["after_unknown"]["policy"] = True


def topic(name: str, account: str = OTHER) -> str:
    """A topic of somebody else."""
    return f"arn:aws:sns:{REGION}:{account}:{name}"


VALUES = [
    # Identity
    Mutation(
        "administrator in the role's own block",
        "decided_values named_actions no_wildcard_writes narrow_pass_role permission_tables",
        put(ROLE, "inline_policy", [{"name": "x", "policy": ADMINISTRATOR}]),
    ),
    Mutation(
        "administrator by a managed policy of the role",
        "decided_values own_policies",
        put(ROLE, "managed_policy_arns", ["arn:aws:iam::aws:policy/AdministratorAccess"]),
    ),
    Mutation("sessions of twelve hours", DECIDED, put(ROLE, "max_session_duration", 43200)),
    Mutation("a role by another path", DECIDED, put(ROLE, "path", "/elsewhere/")),
    # Network
    Mutation("endpoint that has no policy", "narrow_endpoints", default_endpoint),
    Mutation(
        "endpoint of another service", DECIDED, put(ENDPOINT, "service_name", "com.amazonaws.vpce.eu-1.vpce-svc-1")
    ),
    Mutation(
        "private ACL open to SSH",
        "closed_acls",
        acl_rule(PRIVATE_ACL, "ingress", protocol="tcp", from_port=22, to_port=22),
    ),
    Mutation("private ACL open to all", "closed_acls", acl_rule(PRIVATE_ACL, "ingress", protocol="-1")),
    Mutation(
        "private ACL out to SSH",
        "closed_acls",
        acl_rule(PRIVATE_ACL, "egress", protocol="tcp", from_port=22, to_port=22),
    ),
    Mutation(
        "public ACL open to SSH",
        "closed_acls",
        acl_rule(PUBLIC_ACL, "ingress", protocol="tcp", from_port=22, to_port=22),
    ),
    Mutation(
        "ACL open by IPv6", "closed_acls", acl_rule(PRIVATE_ACL, "ingress", cidr_block="", ipv6_cidr_block="::/0")
    ),
    Mutation("ACL rules unknown", "closed_acls", hide(PRIVATE_ACL, "ingress", "var.network")),
    Mutation(
        "default ACL open",
        "closed_acls decided_values",
        put(
            f"{NETWORK}.aws_default_network_acl.closed[0]",
            "ingress",
            [{"action": "allow", "protocol": "tcp", "from_port": 22, "to_port": 22, "cidr_block": "0.0.0.0/0"}],
        ),
    ),
    Mutation(
        "a subnet of IPv6",
        DECIDED,
        put(f'{NETWORK}.aws_subnet.private["{ZONE}"]', "assign_ipv6_address_on_creation", True),
    ),
    Mutation(
        "a route by a peering",
        DECIDED,
        put(f'{NETWORK}.aws_route.private_to_nat["{ZONE}"]', "vpc_peering_connection_id", "pcx-1"),
    ),
    Mutation("flow logs of rejected calls only", DECIDED, put(FLOW_LOGS, "traffic_type", "REJECT")),
    Mutation(
        "flow logs to another account",
        DECIDED,
        put(FLOW_LOGS, "log_destination", f"arn:aws:logs:{REGION}:{OTHER}:log-group:x"),
    ),
    Mutation("flow logs to a bucket", DECIDED, put(FLOW_LOGS, "log_destination_type", "s3")),
    Mutation(
        "flow logs across accounts",
        DECIDED,
        put(FLOW_LOGS, "deliver_cross_account_role", f"arn:aws:iam::{OTHER}:role/x"),
    ),
    # Containers
    Mutation("a second container", DECIDED, second_container),
    Mutation(
        "another command of the agent", DECIDED, container(AGENT_TASK, command=["sh", "-c", "curl https://x.example"])
    ),
    Mutation("another command of flow runs", DECIDED, container(FLOW_TASK, command=["sh"])),
    Mutation("another entry point", DECIDED, container(FLOW_TASK, entryPoint=["sh", "-c"])),
    Mutation(
        "another health check", DECIDED, container(AGENT_TASK, healthCheck={"command": ["CMD", "sh"], "interval": 15})
    ),
    Mutation("no health check", DECIDED, container(AGENT_TASK, healthCheck=None)),
    Mutation("a container that need not live", DECIDED, container(AGENT_TASK, essential=False)),
    Mutation("a container's port", DECIDED, container(FLOW_TASK, portMappings=[{"containerPort": 22}])),
    *(
        Mutation(f"no init in {task}", DECIDED, container(task, linuxParameters={"capabilities": {"drop": ["ALL"]}}))
        for task in (FLOW_TASK, AGENT_TASK)
    ),
    Mutation("kept capabilities", DECIDED, container(FLOW_TASK, linuxParameters={"initProcessEnabled": True})),
    Mutation("files of the host", DECIDED, put(FLOW_TASK, "volume.0.host_path", "/")),
    Mutation(
        "Prefect of somebody else", DECIDED, setting(FLOW_TASK, "PREFECT_API_URL", "https://prefect.example.org/api")
    ),
    Mutation("bucket of somebody else", DECIDED, setting(FLOW_TASK, "RESULTS_BUCKET", "payroll")),
    Mutation(
        "a parameter that a debugger asks for",
        DECIDED,
        container(FLOW_TASK, pseudoTerminal=True, interactive=True),
    ),
    Mutation(
        "role of the agent for flow runs",
        "decided_values declared_rights",
        put(FLOW_TASK, "task_role_arn", f"arn:aws:iam::{ACCOUNT}:role/{NAMES.title}-agent"),
    ),
    Mutation(
        "execution role of another account",
        DECIDED,
        put(FLOW_TASK, "execution_role_arn", f"arn:aws:iam::{OTHER}:role/x"),
    ),
    Mutation("network of the host", "confined_containers decided_values", put(FLOW_TASK, "network_mode", "host")),
    Mutation("processes of the host", "confined_containers decided_values", put(FLOW_TASK, "pid_mode", "host")),
    Mutation("a shell in the agent", DECIDED, put(AGENT, "enable_execute_command", True)),
    Mutation("agents on EC2", DECIDED, put(AGENT, "launch_type", "EC2")),
    Mutation(
        "a load balancer", DECIDED, put(AGENT, "load_balancer", [{"target_group_arn": "arn:x", "container_port": 80}])
    ),
    Mutation("all agents stopped at once", DECIDED, put(AGENT, "deployment_minimum_healthy_percent", 0)),
    Mutation(
        "scaling of another service",
        "decided_values own_names scaling_in_bounds",
        put(SCALING, "resource_id", "service/Payroll/api"),
    ),
    # Delivery
    Mutation("no approval", "known_pipeline", approved),
    Mutation("no gate", "known_pipeline", without_stage("Plan")),
    Mutation("another branch", "known_pipeline", source(BranchName="feature")),
    Mutation("another source", "known_pipeline", source(FullRepositoryId="example/other")),
    Mutation(
        "another connection",
        "known_pipeline",
        source(ConnectionArn=f"arn:aws:codeconnections:{REGION}:{OTHER}:connection/x"),
    ),
    Mutation("a push starts a delivery", "known_pipeline", source(DetectChanges="true")),
    Mutation("a stage in another region", "known_pipeline", put(PIPELINE, "stage.2.action.0.region", "us-east-1")),
    Mutation(
        "a stage by another role",
        "known_pipeline",
        put(PIPELINE, "stage.2.action.0.role_arn", f"arn:aws:iam::{OTHER}:role/x"),
    ),
    Mutation("a stage that may fail", "known_pipeline", put(PIPELINE, "stage.1.on_failure", [{"result": "SKIP"}])),
    Mutation("stages unknown", "known_pipeline no_plain_secrets", hide(PIPELINE, "stage", "var.approval")),
    Mutation("a trigger", DECIDED, put(PIPELINE, "trigger", [{"provider_type": "CodeStarSourceConnection"}])),
    Mutation("artifacts elsewhere", DECIDED, put(PIPELINE, "artifact_store.0.location", "payroll")),
    Mutation("artifacts in the clear", DECIDED, put(APPLY, "artifacts.0.encryption_disabled", True)),
    Mutation(
        "another buildspec",
        DECIDED,
        put(APPLY, "source.0.buildspec", "version: 0.2\nphases: {build: {commands: [sh]}}"),
    ),
    Mutation("build image of others", DECIDED, put(APPLY, "environment.0.image", "docker.io/library/alpine")),
    Mutation("a privileged build", DECIDED, put(APPLY, "environment.0.privileged_mode", True)),
    Mutation("builds for everybody to see", DECIDED, put(APPLY, "project_visibility", "PUBLIC_READ")),
    Mutation("build logs off", DECIDED, put(APPLY, "logs_config.0.cloudwatch_logs.0.status", "DISABLED")),
    Mutation(
        "build logs to a bucket",
        DECIDED,
        put(APPLY, "logs_config.0.s3_logs", [{"status": "ENABLED", "location": "payroll/x"}]),
    ),
    # Alarms, events, logs
    Mutation("an alarm that never rings", DECIDED, put(ALARM, "threshold", 1_000_000)),
    Mutation("an alarm of another metric", DECIDED, put(ALARM, "metric_name", "Other")),
    Mutation("an alarm of another namespace", DECIDED, put(ALARM, "namespace", "Other")),
    Mutation("an alarm of a hundred periods", DECIDED, put(ALARM, "evaluation_periods", 100)),
    Mutation("an alarm of a day", DECIDED, put(ALARM, "period", 86400)),
    Mutation("an alarm of silence", DECIDED, put(ALARM, "treat_missing_data", "ignore")),
    Mutation("an alarm the other way", DECIDED, put(ALARM, "comparison_operator", "LessThanThreshold")),
    Mutation("an alarm of another sum", DECIDED, put(ALARM, "statistic", "Minimum")),
    Mutation("an alarm that tells others", DECIDED, put(ALARM, "alarm_actions", [topic("x")])),
    Mutation("an alarm of another expression", DECIDED, ceiling("0")),
    Mutation("an alarm gone", DECIDED, remove(ALARM)),
    Mutation("an alarm of another name", DECIDED, put(ALARM, "alarm_name", f"{NAMES.title}-other")),
    Mutation("lines that nobody counts", DECIDED, put(ERRORS, "pattern", '"nothing"')),
    Mutation("lines that count nothing", DECIDED, put(ERRORS, "metric_transformation.0.value", "0")),
    Mutation("lines counted elsewhere", DECIDED, put(ERRORS, "metric_transformation.0.namespace", "Other")),
    Mutation("lines of another group", "decided_values own_names", put(ERRORS, "log_group_name", "/payroll")),
    Mutation("mail to somebody else", DECIDED, put(EMAIL, "endpoint", "mallory@example.com")),
    Mutation(
        "messages to a queue of another account",
        DECIDED,
        both(put(EMAIL, "protocol", "sqs"), put(EMAIL, "endpoint", f"arn:aws:sqs:{REGION}:{OTHER}:x")),
    ),
    Mutation(
        "one more subscription",
        DECIDED,
        add(
            f"{ALERTS}.aws_sns_topic_subscription.more",
            {"protocol": "https", "endpoint": "https://x.example.com/"},
            topic_arn=["aws_sns_topic.alerts.arn"],
        ),
    ),
    Mutation("a filter that lets nothing through", DECIDED, put(EMAIL, "filter_policy", '{"x": ["y"]}')),
    Mutation("topic with AWS's key", "decided_values own_key", put(TOPIC, "kms_master_key_id", "alias/aws/sns")),
    Mutation("stopped tasks unheard", DECIDED, put(STOPPED, "state", "DISABLED")),
    Mutation("stopped tasks unheard, in the old way", DECIDED, put(STOPPED, "is_enabled", False)),
    Mutation("stopped tasks of another cluster", DECIDED, pattern(STOPPED, clusterArn=["arn:x"])),
    Mutation("fewer stopped tasks", DECIDED, pattern(STOPPED, stopCode=["TaskFailedToStart"])),
    Mutation("tasks that run", DECIDED, pattern(EVENTS, lastStatus=["RUNNING"])),
    Mutation("no rule for stopped tasks", DECIDED, remove(STOPPED)),
    Mutation("stopped tasks told to nobody", DECIDED, remove(TO_LOGS)),
    Mutation(
        "stopped tasks told to others", DECIDED, put(TO_LOGS, "arn", f"arn:aws:logs:{REGION}:{OTHER}:log-group:x")
    ),
    Mutation("events through a role", DECIDED, put(TO_LOGS, "role_arn", f"arn:aws:iam::{OTHER}:role/x")),
    Mutation("no dead letters", DECIDED, remove(DEAD_LETTERS)),
    Mutation(
        "dead letters to others",
        DECIDED,
        put(
            DEAD_LETTERS,
            "redrive_policy",
            json.dumps({"deadLetterTargetArn": f"arn:aws:sqs:{REGION}:{OTHER}:x", "maxReceiveCount": 5}),
        ),
    ),
    Mutation("events forgotten after a minute", DECIDED, put(QUEUE, "message_retention_seconds", 60)),
    Mutation("events late", DECIDED, put(QUEUE, "delay_seconds", 900)),
    Mutation("logs kept for a day", DECIDED, put(AGENT_LOGS, "retention_in_days", 1)),
    Mutation("logs that alarms cannot read", DECIDED, put(AGENT_LOGS, "log_group_class", "INFREQUENT_ACCESS")),
    # Data
    Mutation("results expire in a day", DECIDED, put(LIFECYCLE, "rule.1.expiration.0.days", 1)),
    Mutation("everything expires", DECIDED, put(LIFECYCLE, "rule.1.filter.0.prefix", "la")),
    Mutation(
        "old versions gone in a day",
        DECIDED,
        put(LIFECYCLE, "rule.0.noncurrent_version_expiration.0.noncurrent_days", 1),
    ),
    Mutation(
        "objects copied to another account",
        DECIDED,
        put(
            BUCKET, "replication_configuration", [{"role": "arn:x", "rules": [{"destination": [{"bucket": "arn:y"}]}]}]
        ),
    ),
    Mutation("a web site", DECIDED, put(BUCKET, "website", [{"index_document": "x"}])),
    Mutation("a public list", DECIDED, put(BUCKET, "acl", "public-read")),
    Mutation("bucket that may be emptied", DECIDED, put(BUCKET, "force_destroy", True)),
    Mutation(
        "access logs elsewhere", DECIDED, put(f"{STORE}.aws_s3_bucket_logging.results", "target_bucket", "payroll")
    ),
    Mutation(
        "public buckets by policy",
        DECIDED,
        put(f"{STORE}.aws_s3_bucket_public_access_block.results", "restrict_public_buckets", False),
    ),
    Mutation("key switched off", DECIDED, put(KEY, "is_enabled", False)),
    Mutation("key gone in a week", DECIDED, put(KEY, "deletion_window_in_days", 7)),
    Mutation("key without a lock on its policy", DECIDED, put(KEY, "bypass_policy_lockout_safety_check", True)),
]
