"""A task of the embedded Fargate runs what AWS would run, as whom AWS would run it, and tells truly how it went."""

import json
import os
import signal
from pathlib import Path

import httpx
import psutil
import pytest
from botocore.exceptions import ClientError
from embedded_aws import ACCOUNT_ID, REGION
from embedded_cloud import CLUSTER, DIGEST, IMAGE, LOG_GROUP, Cloud
from patience import PATIENCE_SECONDS, until

PRINT_ENVIRONMENT = ("python", "-c", "import json, os; print(json.dumps(dict(os.environ)))")
IMAGE_AND_FARGATE = {
    *("PATH", "LANG", "PYTHONPATH", "PYTHONUNBUFFERED", "PREFECT_HOME", "HOME", "TMPDIR"),
    *("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_EXECUTION_ENV", "AWS_ENDPOINT_URL", "AWS_EC2_METADATA_DISABLED"),
    *("AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_CONTAINER_AUTHORIZATION_TOKEN", "ECS_CONTAINER_METADATA_URI_V4"),
}


def parameter_arn(name: str) -> str:
    """The ARN of an SSM parameter."""
    return f"arn:aws:ssm:{REGION}:{ACCOUNT_ID}:parameter{name}"


def overriding(**override: object) -> dict:
    """RunTask's overrides for the container."""
    return {"containerOverrides": [{"name": "prefect", **override}]}


def events_of(cloud: Cloud, task: str) -> list[dict]:
    """The task's events that have reached the queue, in order, up to STOPPED."""
    found: list[dict] = []

    def receive() -> list[dict]:
        for message in cloud["sqs"].receive_message(QueueUrl=cloud.queue, MaxNumberOfMessages=10).get("Messages", []):
            cloud["sqs"].delete_message(QueueUrl=cloud.queue, ReceiptHandle=message["ReceiptHandle"])
            event = json.loads(message["Body"])
            if event["detail"]["taskArn"] == task:
                found.append(event)
        return found

    return until(receive, lambda events: events and events[-1]["detail"]["lastStatus"] == "STOPPED")


def test_a_task_gets_the_environment_of_image_definition_secrets_and_overrides_and_nothing_else(cloud: Cloud):
    cloud["ssm"].put_parameter(Name="/Test/TOKEN", Value="of SSM", Type="SecureString")
    definition = cloud.define(
        *PRINT_ENVIRONMENT,
        environment=[{"name": "PLAIN", "value": "definition"}, {"name": "BOTH", "value": "definition"}],
        secrets=[{"name": "TOKEN", "valueFrom": parameter_arn("/Test/TOKEN")}],
    )
    overrides = overriding(environment=[{"name": "BOTH", "value": "override"}, {"name": "NEW", "value": "override"}])
    task = cloud.finish(definition, overrides=overrides)

    got = json.loads(cloud.output(task["taskArn"]))
    assert got.keys() == IMAGE_AND_FARGATE | {"PLAIN", "BOTH", "NEW", "TOKEN"}
    assert got["PYTHONPATH"] == str(cloud.settings.images / DIGEST)
    assert got["HOME"].startswith(str(cloud.settings.tasks))
    assert got["AWS_ENDPOINT_URL"] == cloud.settings.aws_endpoint_url
    values = {name: got[name] for name in ("PLAIN", "BOTH", "NEW", "TOKEN")}
    assert values == {"PLAIN": "definition", "BOTH": "override", "NEW": "override", "TOKEN": "of SSM"}


def test_secrets_are_read_as_the_execution_role_and_written_nowhere(cloud: Cloud):
    cloud["ssm"].put_parameter(Name="/Test/HIDDEN", Value="s3cr3t-of-a-test", Type="SecureString")
    definition = cloud.define("true", secrets=[{"name": "HIDDEN", "valueFrom": parameter_arn("/Test/HIDDEN")}])
    task = cloud.finish(definition)
    assert task["containers"][0]["exitCode"] == 0
    reads = [call for call in cloud.calls() if call["action"] == "GetParameters" and "HIDDEN" in call["resource"]]
    assert [(call["service"], call["role"], call["status"]) for call in reads] == [("ssm", "execution", 200)]
    assert "s3cr3t-of-a-test" not in json.dumps(task, default=str)
    written = [path for path in cloud.settings.directory.rglob("*") if path.is_file()]
    assert [path for path in written if b"s3cr3t-of-a-test" in path.read_bytes()] == []


def test_the_overriding_command_replaces_the_definitions_and_keeps_its_entry_point(cloud: Cloud):
    definition = cloud.define("first", entryPoint=["echo", "entry"])
    task = cloud.finish(definition, overrides=overriding(command=["second"]))
    assert cloud.output(task["taskArn"]) == "entry second\n"


def test_a_task_works_in_its_image_folder(cloud: Cloud):
    task = cloud.finish(cloud.define("pwd", "-P"))
    assert cloud.output(task["taskArn"]).strip() == str((cloud.settings.images / DIGEST).resolve())


def test_an_exit_code_is_kept(cloud: Cloud):
    task = cloud.finish(cloud.define("sh", "-c", "exit 3"))
    assert task["containers"][0]["exitCode"] == 3
    assert (task["stopCode"], task["desiredStatus"]) == ("EssentialContainerExited", "STOPPED")
    assert task["createdAt"] <= task["startedAt"] <= task["stoppedAt"]


def test_a_running_task_stays_running_however_often_it_is_described(cloud: Cloud):
    task = cloud.run(cloud.define("sleep", "9999"))
    cloud.wait(task, "RUNNING")
    seen = {cloud.describe(task)["lastStatus"] for _ in range(20)}
    cloud["ecs"].stop_task(cluster=CLUSTER, task=task)
    assert seen == {"RUNNING"}


def test_a_killed_task_is_stopped_with_137_and_the_queue_hears_of_it_through_the_rule(cloud: Cloud):
    task = cloud.run(cloud.define("sleep", "9999"), tags=[{"key": "prefect.io/flow-run-id", "value": "1"}])
    cloud.wait(task, "RUNNING")
    os.kill(cloud.record(task)["pid"], signal.SIGKILL)

    stopped = cloud.wait(task, "STOPPED")
    assert stopped["containers"][0].get("exitCode") == 137, stopped
    assert stopped["tags"] == [{"key": "prefect.io/flow-run-id", "value": "1"}]
    events = events_of(cloud, task)
    assert [event["detail"]["lastStatus"] for event in events] == ["PROVISIONING", "PENDING", "RUNNING", "STOPPED"]
    last = events[-1]
    assert (last["source"], last["detail-type"]) == ("aws.ecs", "ECS Task State Change")
    assert last["detail"]["clusterArn"].endswith(f":cluster/{CLUSTER}")
    container = last["detail"]["containers"][0]
    assert (container["name"], container["exitCode"]) == ("prefect", 137)


def test_what_a_task_started_in_another_session_ends_with_it(cloud: Cloud):
    program = "import subprocess, time; print(subprocess.Popen(['sleep', '9999'], start_new_session=True).pid); "
    task = cloud.run(cloud.define("python", "-c", program + "time.sleep(9999)"))
    cloud.wait(task, "RUNNING")
    child = int(until(lambda: cloud.output(task), bool))
    os.kill(cloud.record(task)["pid"], signal.SIGKILL)
    cloud.wait(task, "STOPPED")
    until(lambda: psutil.pid_exists(child) and psutil.Process(child).status() != "zombie", lambda alive: not alive)


def test_stop_task_asks_with_sigterm(cloud: Cloud):
    task = cloud.run(cloud.define("sh", "-c", "trap 'echo asked; exit 7' TERM; echo up; while :; do sleep 0.1; done"))
    until(lambda: cloud.output(task) if cloud.describe(task)["lastStatus"] == "RUNNING" else "", bool)
    answer = cloud["ecs"].stop_task(cluster=CLUSTER, task=task, reason="test")["task"]
    assert answer["desiredStatus"] == "STOPPED"
    stopped = cloud.wait(task, "STOPPED")
    assert (stopped["stopCode"], stopped["stoppedReason"]) == ("UserInitiated", "test")
    assert stopped["containers"][0]["exitCode"] == 7
    assert cloud.output(task) == "up\nasked\n"


def test_a_task_that_ignores_sigterm_is_killed_after_its_stop_timeout(cloud: Cloud):
    task = cloud.run(cloud.define("sh", "-c", "trap '' TERM; echo up; while :; do sleep 0.1; done", stopTimeout=2))
    until(lambda: cloud.output(task) if cloud.describe(task)["lastStatus"] == "RUNNING" else "", bool)
    cloud["ecs"].stop_task(cluster=CLUSTER, task=task)
    stopped = cloud.wait(task, "STOPPED")
    assert stopped["containers"][0].get("exitCode") == 137, stopped
    assert (stopped["stoppedAt"] - stopped["stoppingAt"]).total_seconds() > 1.9


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"image": IMAGE.replace("a1", "b2")}, "CannotPullContainerError"),
        ({"image": "data-flows:latest"}, "CannotPullContainerError"),
        ({"secrets": [{"name": "X", "valueFrom": parameter_arn("/Test/ABSENT")}]}, "ResourceInitializationError"),
        ({"command": ["no-such-program"]}, "CannotStartContainerError"),
        ({"executionRoleArn": f"arn:aws:iam::{ACCOUNT_ID}:role/absent"}, "unable to assume the role"),
    ],
    ids=["unknown digest", "tag", "missing secret", "unknown program", "unknown execution role"],
)
def test_a_task_that_cannot_start_is_stopped_with_the_reason(cloud: Cloud, changes: dict, reason: str):
    task = cloud.finish(cloud.define(*changes.pop("command", ["true"]), **changes))
    assert task["stopCode"] == "TaskFailedToStart"
    assert reason in task["stoppedReason"]
    assert "exitCode" not in task["containers"][0]
    assert events_of(cloud, task["taskArn"])[-1]["detail"]["stopCode"] == "TaskFailedToStart"


def test_an_unknown_task_definition_is_the_callers_error(cloud: Cloud):
    """A server error would make boto and the worker try again and again."""
    with pytest.raises(ClientError) as refusal:
        cloud.run("no-such-family")
    assert refusal.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400


def test_a_task_calls_aws_as_its_own_role_and_the_calls_tell_so(cloud: Cloud):
    program = "import boto3; print(boto3.client('sts').get_caller_identity()['Arn']); boto3.client('s3').list_buckets()"
    task = cloud.finish(cloud.define("python", "-c", program))
    assert f":assumed-role/flow/{task['taskArn'].split('/')[-1]}" in cloud.output(task["taskArn"])
    listed = [call for call in cloud.calls() if call["action"] == "ListBuckets" and call["role"] == "flow"]
    assert [(call["service"], call["status"]) for call in listed] == [("s3", 200)]


def test_the_task_role_of_the_request_wins(cloud: Cloud):
    role = cloud.role("other")
    program = "import boto3; print(boto3.client('sts').get_caller_identity()['Arn'])"
    task = cloud.finish(cloud.define("python", "-c", program), overrides={"taskRoleArn": role})
    assert ":assumed-role/other/" in cloud.output(task["taskArn"])
    assert task["overrides"]["taskRoleArn"] == role


def test_credentials_need_the_tasks_own_token_and_an_existing_role(cloud: Cloud):
    absent = f"arn:aws:iam::{ACCOUNT_ID}:role/absent"
    task = cloud.run(cloud.define("sh", "-c", "env; sleep 9999", taskRoleArn=absent))
    cloud.wait(task, "RUNNING")
    lines = until(lambda: cloud.output(task), lambda text: "AUTHORIZATION_TOKEN" in text).splitlines()
    got = dict(line.split("=", 1) for line in lines)
    address, token = got["AWS_CONTAINER_CREDENTIALS_FULL_URI"], got["AWS_CONTAINER_AUTHORIZATION_TOKEN"]
    statuses = [
        httpx.get(address, headers={"Authorization": sent}, trust_env=False).status_code for sent in ("wrong", token)
    ]
    cloud["ecs"].stop_task(cluster=CLUSTER, task=task)
    assert statuses == [401, 403]


def test_output_reaches_cloudwatch_in_order_while_the_task_runs(cloud: Cloud):
    task = cloud.run(cloud.define("sh", "-c", "for i in 1 2 3; do echo out $i; echo err $i >&2; done; sleep 9999"))
    stream = f"flow/prefect/{task.split('/')[-1]}"
    cloud.wait(task, "RUNNING")
    events = until(
        lambda: cloud["logs"].get_log_events(logGroupName=LOG_GROUP, logStreamName=stream)["events"],
        lambda found: len(found) == 6,
    )
    assert cloud.describe(task)["lastStatus"] == "RUNNING"
    cloud["ecs"].stop_task(cluster=CLUSTER, task=task)
    assert [event["message"] for event in events] == [f"{kind} {i}" for i in (1, 2, 3) for kind in ("out", "err")]
    assert cloud.output(task).splitlines() == [event["message"] for event in events]


def test_a_task_shows_the_network_that_was_asked_for(cloud: Cloud):
    task = cloud.finish(cloud.define("true"))
    details = {detail["name"]: detail["value"] for detail in task["attachments"][0]["details"]}
    assert details["subnetId"] == details["subnetIds"] == cloud.subnet
    assert details["securityGroups"] == cloud.security_group
    assert details["assignPublicIp"] == "DISABLED"


def test_a_stopped_task_leaves_no_network_interface_and_no_files(cloud: Cloud):
    """Terraform could not destroy the subnet otherwise."""
    task = cloud.finish(cloud.define("sh", "-c", "echo x > $TMPDIR/x"))
    details = {detail["name"]: detail["value"] for detail in task["attachments"][0]["details"]}
    interfaces = cloud["ec2"].describe_network_interfaces()["NetworkInterfaces"]
    assert details["networkInterfaceId"] not in {each["NetworkInterfaceId"] for each in interfaces}
    until(lambda: (cloud.settings.tasks / task["taskArn"].split("/")[-1]).exists(), lambda there: not there)


def test_a_new_server_ends_the_tasks_that_a_killed_one_left_behind(tmp_path: Path):
    cloud = Cloud(tmp_path)
    cloud.start()
    try:
        cloud.prepare()
        task = cloud.run(cloud.define("sleep", "9999"))
        cloud.wait(task, "RUNNING")
        left = psutil.Process(cloud.record(task)["pid"])
        cloud.process.kill()
        cloud.process.wait(PATIENCE_SECONDS)
        assert left.is_running()
        cloud.start()
        assert not left.is_running()
    finally:
        cloud.stop()


def test_a_server_that_is_ended_ends_its_tasks(tmp_path: Path):
    cloud = Cloud(tmp_path)
    cloud.start()
    cloud.prepare()
    task = cloud.run(cloud.define("sleep", "9999"))
    cloud.wait(task, "RUNNING")
    running = psutil.Process(cloud.record(task)["pid"])
    cloud.stop()
    assert not running.is_running()
    assert cloud.record(task)["exit_code"] == 128 + signal.SIGTERM


def test_a_request_with_a_known_token_gets_the_same_task_and_another_one_is_refused(cloud: Cloud):
    definition = cloud.define("true")
    first = cloud.run(definition, clientToken="attempt-1")
    assert cloud.run(definition, clientToken="attempt-1") == first
    assert cloud.run(definition, clientToken="attempt-2") != first
    with pytest.raises(ClientError, match="ConflictException"):
        cloud.run(definition, clientToken="attempt-1", tags=[{"key": "agent", "value": "another"}])


def test_a_task_that_uses_more_than_its_memory_is_killed_with_the_reason(cloud: Cloud):
    program = "import time; held = b'x' * (700 * 2**20); time.sleep(600)"
    task = cloud.finish(cloud.define("python", "-c", program))
    container = task["containers"][0]
    assert (container["exitCode"], task["stopCode"]) == (137, "EssentialContainerExited")
    assert container["reason"].startswith("OutOfMemoryError")


def test_a_size_that_fargate_does_not_have_is_refused(cloud: Cloud):
    size = {"cpu": "256", "memory": "30720"}
    with pytest.raises(ClientError, match="No Fargate configuration exists for given values"):
        cloud.run(cloud.define("true"), overrides=size)
