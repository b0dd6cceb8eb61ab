"""EventBridge, CodeBuild and CodePipeline."""

from typing import Any

from plan_builder import policy

from public_pairs.messages import QUEUE_ARN
from public_pairs.pair import ACCOUNT, DELIVERY, PATH, PREFIX, REGION, TITLE, Of, Pair, Stack, change
from public_pairs.storage import KEY, KMS

PROJECT, PIPELINE = "aws_codebuild_project.plan", "aws_codepipeline.delivery"
RULE, TARGET, BUS_POLICY = (
    "aws_cloudwatch_event_rule.events",
    "aws_cloudwatch_event_target.events",
    "aws_cloudwatch_event_bus_policy.own",
)
SCHEDULE, PERMISSION = "aws_scheduler_schedule.nightly", "aws_cloudwatch_event_permission.other"
ENVIRONMENT = {
    "type": "LINUX_CONTAINER",
    "image": "aws/codebuild/amazonlinux-x86_64-standard:5.0",
    "image_pull_credentials_type": "CODEBUILD",
    "privileged_mode": False,
    "compute_type": "BUILD_GENERAL1_SMALL",
}
WRITTEN = {"cloudwatch_logs": [{"group_name": f"{PATH}/delivery", "status": "ENABLED"}]}
ARTIFACTS = {"type": "CODEPIPELINE", "encryption_disabled": False, "override_artifact_name": False}
BUILDSPEC = f"""version: "0.2"
phases:
  install:
    runtime-versions: {{python: "3.11"}}
    commands: ['python3 scripts/install_terraform.py "$HOME/bin"', 'export PATH="$HOME/bin:$PATH"']
  build: {{commands: ["make plan ENV={PREFIX.split("-")[1]} PIPELINE=1"]}}
artifacts: {{base-directory: "build/{PREFIX.split("-")[1]}", files: [plan.tfplan, plan.json, gate.json, report.html]}}
"""
BUILDS: Stack = KMS | {
    PROJECT: {
        "name": f"{TITLE}-plan",
        "service_role": f"arn:aws:iam::{ACCOUNT}:role/{TITLE}-plan",
        "encryption_key": Of(KEY, "arn"),
        "badge_enabled": False,
        "project_visibility": "PRIVATE",
        "build_timeout": 60,
        "queued_timeout": 480,
        "artifacts": [ARTIFACTS],
        "environment": [ENVIRONMENT],
        "logs_config": [WRITTEN],
        "source": [{"type": "CODEPIPELINE", "buildspec": BUILDSPEC}],
    }
}


def build(about: str, good: Stack = BUILDS, ours: str = "", **changes: Any) -> Pair:
    """A pair about builds."""
    return Pair("CodeBuild", about, change(BUILDS, PROJECT, **changes), good, ours=ours)


def step(name: str, action: str, category: str, provider: str, configuration: dict[str, str], **more: Any) -> Any:
    """A stage of one action."""
    one = {"name": action, "category": category, "owner": "AWS", "provider": provider, "version": "1"}
    return {"name": name, "action": [one | {"configuration": configuration} | more]}


DIGEST = '[{"name":"IMAGE_DIGEST","type":"PLAINTEXT","value":"#{variables.IMAGE_DIGEST}"}]'
STORE = {
    "location": f"{PREFIX}-artifacts-{ACCOUNT}",
    "type": "S3",
    "encryption_key": [{"type": "KMS", "id": Of(KEY, "arn")}],
}
CONNECTED = {
    "ConnectionArn": DELIVERY["connection_arn"],
    "FullRepositoryId": DELIVERY["repository"],
    "BranchName": DELIVERY["branch"],
    "OutputArtifactFormat": "CODEBUILD_CLONE_REF",
    "DetectChanges": "false",
}
SOURCE = step("Source", "Source", "Source", "CodeStarSourceConnection", CONNECTED, output_artifacts=["source"])
STAGES = [
    step(
        "Plan",
        "PlanAndGate",
        "Build",
        "CodeBuild",
        {"ProjectName": f"{TITLE}-plan", "EnvironmentVariables": DIGEST},
        input_artifacts=["source"],
        output_artifacts=["plan"],
    ),
    step(
        "Apply",
        "Apply",
        "Build",
        "CodeBuild",
        {"ProjectName": f"{TITLE}-apply", "PrimarySource": "source"},
        input_artifacts=["source", "plan"],
    ),
    step("Register", "Register", "Build", "CodeBuild", {"ProjectName": f"{TITLE}-register"}, input_artifacts=["plan"]),
]
PIPELINES: Stack = KMS | {
    PIPELINE: {
        "name": TITLE,
        "role_arn": f"arn:aws:iam::{ACCOUNT}:role/{TITLE}-pipeline",
        "pipeline_type": "V2",
        "execution_mode": "QUEUED",
        "artifact_store": [STORE],
        "variable": [{"name": "IMAGE_DIGEST"}],
        "stage": [SOURCE, *STAGES],
    }
}
WITH_TOKEN = step(
    "Source",
    "Source",
    "Source",
    "GitHub",
    {"Owner": "harbor", "Repo": "flows", "Branch": "main", "OAuthToken": "ghp_" + "a1B2" * 9},
    output_artifacts=["source"],
)
HEARD: Stack = {
    RULE: {
        "name": f"{TITLE}-more",
        "event_bus_name": "default",
        "state": "ENABLED",
        "event_pattern": '{"source": ["aws.ecs"]}',
    },
    TARGET: {"rule": f"{TITLE}-more", "event_bus_name": "default", "arn": QUEUE_ARN},
}
PUT = {
    "Sid": "Put",
    "Action": "events:PutEvents",
    "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"},
    "Resource": f"arn:aws:events:{REGION}:{ACCOUNT}:event-bus/own",
}
OTHER = "999999999999"
SCHEDULED: Stack = KMS | {
    SCHEDULE: {
        "name": "nightly",
        "schedule_expression": "cron(0 1 * * ? *)",
        "kms_key_arn": Of(KEY, "arn"),
        "flexible_time_window": [{"mode": "OFF"}],
        "target": [{"arn": QUEUE_ARN, "role_arn": f"arn:aws:iam::{ACCOUNT}:role/{TITLE}-nightly"}],
    }
}


def event(about: str, bad: Stack, good: Stack = HEARD, **why: str) -> Pair:
    """A pair about events."""
    return Pair("EventBridge", about, bad, good, **why)


WHOSE = "a foreign plan does not say which accounts are its own"


def bus(**statement: Any) -> Stack:
    """A policy of an event bus."""
    return {BUS_POLICY: {"event_bus_name": "own", "policy": policy(PUT | statement)}}


def permitted(principal: str) -> Stack:
    """A permission on the default bus."""
    return {PERMISSION: {"principal": principal, "statement_id": "other", "action": "events:PutEvents"}}


S3_LOGS = {"s3_logs": [{"status": "ENABLED", "location": f"{PREFIX}-access-logs-{ACCOUNT}/builds"}]}


def logged_to_s3(encryption_disabled: bool) -> list[Any]:
    """Logs of builds in a bucket."""
    return [WRITTEN | {"s3_logs": [S3_LOGS["s3_logs"][0] | {"encryption_disabled": encryption_disabled}]}]


PAIRS = (
    build("artifacts are encrypted", artifacts=[ARTIFACTS | {"encryption_disabled": True}]),
    build("a build is encrypted with a key of the customer", encryption_key=None),
    build("a build is not privileged", environment=[ENVIRONMENT | {"privileged_mode": True}]),
    build("a build's log is kept", logs_config=None),
    build(
        "a build's log in S3 is encrypted",
        change(BUILDS, PROJECT, logs_config=logged_to_s3(False)),
        ours="builds log to CloudWatch only",
        logs_config=logged_to_s3(True),
    ),
    Pair(
        "CodePipeline",
        "artifacts are encrypted with a key of the customer",
        change(PIPELINES, PIPELINE, artifact_store=[{name: STORE[name] for name in ("location", "type")}]),
        PIPELINES,
    ),
    Pair(
        "CodePipeline",
        "the key of artifacts is not the one of AWS",
        change(
            PIPELINES, PIPELINE, artifact_store=[STORE | {"encryption_key": [{"type": "KMS", "id": "alias/aws/s3"}]}]
        ),
        PIPELINES,
    ),
    Pair(
        "CodePipeline",
        "no stage holds a token",
        change(PIPELINES, PIPELINE, stage=[WITH_TOKEN, *STAGES]),
        PIPELINES,
    ),
    event(
        "a schedule is encrypted with a key of the customer", change(SCHEDULED, SCHEDULE, kms_key_arn=None), SCHEDULED
    ),
    event("not everybody may put events", bus(Principal="*"), bus()),
    event("no other account may put events", bus(Principal={"AWS": f"arn:aws:iam::{OTHER}:root"}), bus(), missed=WHOSE),
    event("a permission on a bus is not for everybody", permitted("*"), permitted(ACCOUNT)),
    event("a permission on a bus is for no other account", permitted(OTHER), permitted(ACCOUNT), missed=WHOSE),
    event(
        "events go to no other account's bus",
        change(HEARD, TARGET, arn=f"arn:aws:events:{REGION}:{OTHER}:event-bus/default"),
        missed=WHOSE,
    ),
)
