"""Changes that a team makes on an ordinary day. The gate lets them pass, or nobody could live with it."""

import json
from typing import Any

from mutating import Change, Data, Mutation, add, another, both, container, put, remove, statement, value_of
from mutations import (
    ACCOUNT,
    AGENT,
    AGENT_LOGS,
    AGENT_TASK,
    ALARM,
    BUCKET,
    EGRESS,
    EXECUTION_POLICY,
    FACTS,
    FLOW_POLICY,
    FLOW_TASK,
    LIFECYCLE,
    LOAD_TASK,
    NAMES,
    NETWORK,
    OWN,
    OWN_BOUNDARY,
    OWN_POLICY,
    OWN_ROLE,
    OWN_TASK,
    REGION,
    SCALING,
    TLS,
    ZONE,
    definition,
)
from mutations_values import ALERTS, EMAIL, QUEUE, ceiling, setting

POLICY = "module.agent_scaling.aws_appautoscaling_policy.cpu"
SUBNET = f'{NETWORK}.aws_subnet.private["{ZONE}"]'
TAGS = {"service": NAMES.service, "environment": NAMES.environment, "owner": FACTS["owner"], "repository": "data-flows"}


def fact(path: str, value: Any) -> Change:
    """What the environment's file says, otherwise."""

    def change(data: Data) -> None:
        *outer, last = path.split(".")
        values = data["variables"]
        for number, step in enumerate(outer):
            values = values.setdefault(step, {})
            values = values.setdefault("value", {}) if number == 0 else values
        values["value" if not outer else last] = value
        if not outer:
            data["variables"][last] = {"value": value}

    return change


def one_more_setting(name: str, value: str) -> Change:
    """One more variable of flow runs."""

    def change(data: Data) -> None:
        settings = json.loads(value_of(data, FLOW_TASK)["container_definitions"])[0]["environment"]
        container(FLOW_TASK, environment=[*settings, {"name": name, "value": value}])(data)

    return change


def one_more_secret(data: Data) -> None:
    """A flow declares a parameter: a task definition has it, and the execution role may read it."""
    name = "flow-with-partner_key"
    one_more_definition("harbours/load", name, ["PARTNER_KEY"])(data)
    secrets = json.loads(value_of(data, FLOW_TASK)["container_definitions"])[0]["secrets"]
    arn = f"arn:aws:ssm:{REGION}:{ACCOUNT}:parameter{NAMES.path}/PARTNER_KEY"
    container(definition(name), secrets=[*secrets, {"name": "PARTNER_KEY", "valueFrom": arn}])(data)
    entries = json.loads(value_of(data, EXECUTION_POLICY)["policy"])["Statement"]
    known = next(one["Resource"] for one in entries if one.get("Sid") == "ReadSecrets")
    statement(EXECUTION_POLICY, "ReadSecrets", Resource=[*known, arn])(data)


def one_more_definition(flow: str, name: str, secrets: list[str]) -> Change:
    """A task definition like the common one, for one more flow file."""

    def change(data: Data) -> None:
        known = data["variables"]["flow_definitions"]["value"]
        fact("flow_definitions", known | {flow: {"name": name, "secrets": secrets}})(data)
        another(FLOW_TASK, definition(name), family=f"{NAMES.title}-{name}")(data)

    return change


def memory(address: str, cpu: int, mib: int) -> Change:
    """Another size of tasks."""
    return both(put(address, "cpu", str(cpu)), put(address, "memory", str(mib)), container(address, memory=mib))


def one_more_right(data: Data) -> None:
    """A flow declares that it reads a bucket: it has a definition, a role and a boundary, and the variables say so."""
    wanted = {"actions": ["s3:GetObject"], "resources": ["arn:aws:s3:::partner-harbours/daily/*"]}
    name = "flow-harbours-load"
    title = f"{NAMES.title}-{name}"
    rights = data["variables"]["flow_permissions"]["value"]
    fact("flow_permissions", [*rights, wanted | {"flow": "harbours/load"}])(data)
    one_more_definition("harbours/load", name, [])(data)
    place = f"arn:aws:iam::{ACCOUNT}:"
    put(definition(name), "task_role_arn", f"{place}role{NAMES.path}/flows/{title}")(data)
    document = json.loads(value_of(data, FLOW_POLICY)["policy"])
    document["Statement"].append({"Effect": "Allow", "Action": wanted["actions"], "Resource": wanted["resources"]})
    own = {"name": title, "permissions_boundary": f"{place}policy/{title}-boundary"}
    for address, values in (
        (OWN_ROLE, own),
        (OWN_POLICY, {"role": title, "policy": json.dumps(document)}),
        (OWN_BOUNDARY, {"name": f"{title}-boundary", "policy": json.dumps(document)}),
    ):
        another(address, address.replace(OWN, name), **values)(data)


def another_day_of_the_port(data: Data) -> None:
    """Flows may call one more port."""
    fact("network.egress_ports", [443, 8443])(data)
    rule = value_of(data, EGRESS) | {"from_port": 8443, "to_port": 8443}
    kept = {key: one for key, one in rule.items() if key not in {"id", "tags_all"}}
    add(f"{NETWORK}.aws_vpc_security_group_egress_rule.more", kept, security_group_id=["aws_security_group.tasks.id"])(
        data
    )


HARMLESS = [
    Mutation("more memory of flow runs", "", memory(FLOW_TASK, 2048, 8192)),
    Mutation("more memory of the agent", "", memory(AGENT_TASK, 1024, 4096)),
    Mutation("more disk", "", put(FLOW_TASK, "ephemeral_storage.0.size_in_gib", 100)),
    Mutation(
        "more agents",
        "",
        both(
            put(SCALING, "max_capacity", 20),
            fact("agent", {"tasks": {"max": 20}}),
            ceiling("IF(cpu > 80 AND running >= 20, 1, 0)"),
        ),
    ),
    Mutation("another CPU target", "", put(POLICY, "target_tracking_scaling_policy_configuration.0.target_value", 60)),
    Mutation(
        "slower scaling", "", put(POLICY, "target_tracking_scaling_policy_configuration.0.scale_in_cooldown", 900)
    ),
    Mutation(
        "one more schedule",
        "",
        add(
            "module.agent_scaling.aws_appautoscaling_scheduled_action.minimum",
            {
                "name": f"{NAMES.title}-agent-morning",
                "service_namespace": "ecs",
                "scalable_dimension": "ecs:service:DesiredCount",
                "resource_id": f"service/{NAMES.title}/{NAMES.title}-agent",
                "schedule": "cron(0 7 ? * MON-FRI *)",
                "timezone": "UTC",
                "scalable_target_action": [{"min_capacity": "2", "max_capacity": None}],
            },
        ),
    ),
    Mutation("one more right that a flow declares", "", one_more_right),
    Mutation("one more variable", "", one_more_setting("HARBOUR_LIMIT", "20")),
    Mutation("one more parameter", "", one_more_secret),
    Mutation("longer logs", "", put(AGENT_LOGS, "retention_in_days", 731)),
    Mutation(
        "shorter logs that the environment asks for",
        "",
        both(fact("log_retention_days", 30), put(AGENT_LOGS, "retention_in_days", 30)),
    ),
    Mutation("results live longer", "", put(LIFECYCLE, "rule.1.expiration.0.days", 365)),
    Mutation(
        "one more lifecycle rule",
        "",
        put(
            LIFECYCLE,
            "rule.2",
            {
                "id": "expire-export",
                "status": "Enabled",
                "filter": [{"prefix": "export/"}],
                "expiration": [{"days": 60}],
            },
        ),
    ),
    Mutation(
        "one more tag",
        "",
        both(put(BUCKET, "tags", {"team": "harbour"}), put(BUCKET, "tags_all", TAGS | {"team": "harbour"})),
    ),
    Mutation(
        "another CIDR",
        "",
        both(
            fact("network.cidr", "10.99.0.0/16"),
            put(f"{NETWORK}.aws_vpc.tasks[0]", "cidr_block", "10.99.0.0/16"),
            put(SUBNET, "cidr_block", "10.99.0.0/19"),
            *(
                put(f'{NETWORK}.aws_network_acl.subnets["public"]', f"{way}.{number}.cidr_block", "10.99.0.0/16")
                for way, number in (("ingress", 2), ("egress", 2))
            ),
        ),
    ),
    Mutation(
        "another address for alerts",
        "",
        both(fact("alerts", {"email": "tide@example.com"}), put(EMAIL, "endpoint", "tide@example.com")),
    ),
    Mutation("alerts by PagerDuty alone", "", both(fact("alerts", {"pagerduty": True}), remove(EMAIL))),
    Mutation(
        "one more alarm of the team's own",
        "",
        add(
            f"{ALERTS}.aws_cloudwatch_metric_alarm.tide",
            {
                "alarm_name": f"{NAMES.title}-tide",
                "namespace": "Tide",
                "metric_name": "Height",
                "statistic": "Maximum",
                "period": 60,
                "evaluation_periods": 2,
                "threshold": 7,
                "comparison_operator": "GreaterThanThreshold",
                "actions_enabled": True,
                "alarm_actions": [f"arn:aws:sns:{REGION}:{ACCOUNT}:{NAMES.title}-alerts"],
            },
        ),
    ),
    Mutation("an alarm says it in other words", "", put(ALARM, "alarm_description", "Look at the agent's log.")),
    Mutation("an alarm that is quicker", "", put(ALARM, "period", 60)),
    Mutation(
        "one more log group",
        "",
        add(
            "module.flow_task.aws_cloudwatch_log_group.more",
            {"name": f"{NAMES.path}/audit", "retention_in_days": 400},
            kms_key_id=["var.logs.kms_key_arn"],
        ),
    ),
    Mutation("events wait longer", "", put(QUEUE, "message_retention_seconds", 345600)),
    Mutation("the agent on Spot", "", put(AGENT, "capacity_provider_strategy.0.capacity_provider", "FARGATE_SPOT")),
    Mutation("longer to stop", "", container(FLOW_TASK, stopTimeout=60)),
    Mutation("a bucket's policy denies more", "", statement(TLS, "TlsOnly", Sid="OnlyTls")),
    Mutation("one more port outside", "", another_day_of_the_port),
    Mutation(
        "another level of the agent's log",
        "",
        both(
            fact("agent_environment", {"PREFECT_LOGGING_LEVEL": "DEBUG"}),
            lambda data: container(
                AGENT_TASK,
                environment=[
                    *json.loads(value_of(data, AGENT_TASK)["container_definitions"])[0]["environment"],
                    {"name": "PREFECT_LOGGING_LEVEL", "value": "DEBUG"},
                ],
            )(data),
        ),
    ),
    Mutation(
        "another Prefect that the environment names",
        "",
        both(
            fact("prefect_api_url", "https://prefect.example.net/api"),
            *(
                setting(task, "PREFECT_API_URL", "https://prefect.example.net/api")
                for task in (AGENT_TASK, FLOW_TASK, LOAD_TASK, OWN_TASK)
            ),
            put(
                'module.delivery[0].aws_codebuild_project.stage["register"]',
                "environment.0.environment_variable.2.value",
                "https://prefect.example.net/api",
            ),
        ),
    ),
]
