"""`make up` runs the whole system on whatever flows there are, and what it must hold."""

import hashlib
import io
import json
import os
import re
import signal
from collections import Counter

import pytest
import snowflake.connector
from patience import eventually, until

from scripts.gate import catalog
from scripts.local_stack import first_runs
from scripts.local_stack.aws import seed


def runs_in_order(stack):
    """The deployments that `make up` runs, as Prefect has them."""
    return first_runs.order_runs({name: each["tags"] for name, each in stack.deployments().items()})


def of_deployments(stack):
    """The runs that have a task of their own: also those that a run of a team's has started."""
    return [run for run in stack.prefect("POST", "/flow_runs/filter", limit=200) if run["deployment_id"]]


def test_the_summary_tells_what_was_done_and_where_to_look(stack, up):
    steps = re.findall(r"✓ (\d+) (.+?)  +[\d.]+ s", up)
    runs = runs_in_order(stack)
    assert [title for _, title in steps] == [
        "Embedded AWS, Snowflake, dbt Cloud, Prefect", "Plan and gate", "Apply", "Landing data", "Register flows",
        *(f"Run {name}" for name in runs),
    ]  # fmt: skip
    assert [int(number) for number, _ in steps] == list(range(1, len(steps) + 1))
    assert f"passed, {len(catalog.check_names())} checks" in up
    assert f"{len(stack.deployments())} registered in work pool {stack.environment.title}" in up
    assert f"account {stack.environment.facts['account_id']}" in up
    assert stack.settings.prefect_url in up
    assert (stack.settings.directory / "report.html").stat().st_size > 10_000


def test_each_deployment_that_asks_for_it_ran_once_to_its_end_and_its_figures_are_told(stack, up):
    runs = runs_in_order(stack)
    summary = dict(re.split(r"  +", line, maxsplit=1) for line in up.splitlines() if "/" in line and "  " in line)
    assert [name for name in runs if not summary[name].startswith("Completed after ")] == []
    names = {each["id"]: name for name, each in stack.deployments().items()}
    completed = Counter(
        names[run["deployment_id"]] for run in of_deployments(stack) if run["state_name"] == "Completed"
    )
    assert {name: completed[name] for name in runs} == dict.fromkeys(runs, 1)
    assert re.fullmatch(r"Completed after [\d.]+ s: files 2, rows read 3", summary["fixture_load/by_hand"])
    assert runs.index("fixture_load/by_hand") < runs.index("fixture_export/by_hand")


def test_what_landed_is_in_the_warehouse_and_what_the_next_flow_exports_is_in_s3(stack, up):
    import polars as pl

    place = stack.environment.facts["snowflake"]
    with snowflake.connector.connect(
        account=seed.ACCOUNT, user="test", password="test", host="127.0.0.1", port=stack.settings.snowflake_port,  # noqa: S106
        protocol="http", database=place["database"], schema=place["schema"],
    ) as connection:  # fmt: skip
        loaded = connection.cursor().execute("SELECT N FROM FIXTURE_NUMBERS ORDER BY N").fetchall()
    assert loaded == [(1,), (2,), (3,)]
    exported = stack.client("s3").get_object(Bucket=stack.results_bucket, Key="export/fixture/numbers.parquet")
    assert pl.read_parquet(io.BytesIO(exported["Body"].read()))["n"].to_list() == [1, 2, 3]


def test_a_flow_run_is_in_the_private_subnets_without_a_public_ip_and_under_the_flow_role(stack, up):
    tables = stack.client("ec2").describe_route_tables()["RouteTables"]
    private = {
        association["SubnetId"]
        for table in tables
        for association in table["Associations"]
        if "SubnetId" in association and not any("igw-" in route.get("GatewayId", "") for route in table["Routes"])
    }
    assert private
    # A run is Completed in Prefect before its task has stopped.
    wanted = len(of_deployments(stack))
    runs = until(lambda: stack.tasks("flow", "STOPPED"), lambda found: len(found) >= wanted)
    assert len(runs) == wanted
    account, title = stack.environment.facts["account_id"], stack.environment.title
    roles = set()
    for run in runs:
        network = {detail["name"]: detail["value"] for detail in run["attachments"][0]["details"]}
        assert set(network["subnetIds"].split(",")) == private
        assert network["assignPublicIp"] == "DISABLED"
        definition = stack.ecs.describe_task_definition(taskDefinition=run["taskDefinitionArn"])["taskDefinition"]
        roles.add(definition["taskRoleArn"])
        assert run["lastStatus"] == "STOPPED"
        assert run["containers"][0]["exitCode"] == 0
    own = f"{stack.environment.names.path}/flows/{title}-flow-fixtures-fixture_rights"
    assert roles == {f"arn:aws:iam::{account}:role/{title}-flow", f"arn:aws:iam::{account}:role{own}"}


@pytest.mark.parametrize(
    ("key", "declared"),
    [
        ("results/fixture/variables.json", {"SNOWFLAKE_PRIVATE_KEY", "SNOWFLAKE_ACCOUNT", "SNOWFLAKE_USER"}),
        ("partner/variables.json", {"FIXTURE_TOKEN"}),  # Where no other flow may write.
    ],
)
def test_what_a_flow_file_declares_arrives_in_its_runs_and_no_other_secret(stack, parameters, key, declared):
    assert {"DBT_CLOUD_TOKEN", "FIXTURE_TOKEN"} <= set(parameters)
    arrived = stack.client("s3").get_object(Bucket=stack.results_bucket, Key=key)
    digests = json.loads(arrived["Body"].read())
    expected = {
        name: hashlib.sha256(parameters[name].encode()).hexdigest() for name in {"PREFECT_API_AUTH_STRING", *declared}
    }
    assert {name: digest for name, digest in digests.items() if name in parameters} == expected


def test_no_secret_is_in_what_run_task_is_asked_for(stack, secrets):
    for run in stack.tasks("flow", "STOPPED"):
        shown = json.dumps(run, default=str)
        environment = {each["name"] for each in run["overrides"]["containerOverrides"][0]["environment"]}
        assert "PREFECT_API_URL" in environment  # The worker did hand over its settings.
        assert not set(secrets) & environment
        assert not [name for name, value in secrets.items() if value in shown]


def test_no_secret_is_in_any_file_or_in_the_terraform_state(stack, secrets):
    backend = stack.environment.backend
    state = stack.client("s3").get_object(Bucket=backend["bucket"], Key=backend["key"])
    texts = {"the state": state["Body"].read()}
    for path in stack.settings.directory.rglob("*"):
        # The file that hands the Prefect password to the person at the keyboard is the one exception.
        if path.is_file() and path != stack.settings.prefect_auth_file and "terraform-data" not in path.parts:
            texts[str(path)] = path.read_bytes()
    assert len(texts) > 20
    leaks = [
        (place, name) for place, text in texts.items() for name, value in secrets.items() if value.encode() in text
    ]
    assert not leaks
    assert stack.settings.prefect_auth_file.stat().st_mode & 0o077 == 0


def test_each_aws_call_is_made_by_the_role_whose_it_is(stack, up):
    made = Counter((call["role"], f"{call['service']}:{call['action']}") for call in stack.calls())
    agent, execution, flow = (f"{stack.environment.title}-{role}" for role in ("agent", "execution", "flow"))
    assert made[agent, "ecs:RunTask"] >= len(runs_in_order(stack))
    assert made[flow, "s3:GetObject"] >= 2
    assert made[execution, "ssm:GetParameters"] >= len(runs_in_order(stack)) + 1
    assert (agent, "ecs:RegisterTaskDefinition") not in made
    own = f"{flow}-fixtures-fixture_rights"
    assert made[own, "s3:PutObject"] >= 1
    service = "ecs-tasks.amazonaws.com"  # The service itself, when it assumes the roles of tasks.
    assert {role for role, _ in made} == {
        "administrator",
        service,
        agent,
        execution,
        flow,
        own,
    }


def test_run_again_it_changes_nothing_not_even_after_a_kill_that_left_the_state_locked(stack, up):
    lock = json.dumps({"ID": "left-behind", "Operation": "OperationTypeApply", "Who": "killed", "Version": "1.11.4"})
    backend = stack.environment.backend
    stack.client("s3").put_object(Bucket=backend["bucket"], Key=f"{backend['key']}.tflock", Body=lock.encode())
    again = stack.run("start_local", "--fast")  # Nothing is run a second time here: the flows' own tests do that.
    assert again.returncode == 0, again.stdout + again.stderr
    assert ", 0 of them changed just now" in again.stdout
    assert re.search(
        rf"{len(stack.deployments())} deployments: 0 written, {len(stack.deployments())} unchanged", again.stdout
    )
    assert {tuple(change["change"]["actions"]) for change in stack.plan["resource_changes"]} == {("no-op",)}


def test_registration_is_refused_for_an_image_that_the_gate_did_not_see(stack, up):
    answer = stack.run("register_flows", "--env", "local", "--image-digest", f"sha256:{'0' * 64}")
    assert answer.returncode == 1
    assert "The gate record does not fit: it is of image sha256:" in answer.stderr


def test_a_run_with_parameters_goes_through_the_agent_and_its_log_is_followed(stack, up):
    answer = stack.run("run_flow", "fixture_load", "--params", '{"times": 1}')
    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert "Created ECS task" in answer.stdout
    assert re.fullmatch(r"Completed after [\d.]+ s: files 2, rows read 3", answer.stdout.splitlines()[-1])


def test_a_run_that_fails_ends_with_its_reason(stack, up):
    answer = stack.run("run_flow", "fixture_wait", "--params", '{"error": "got 1; expected 2"}')
    assert answer.returncode == 1
    said, address = answer.stdout.splitlines()[-2:]
    assert re.fullmatch(
        r"Failed after [\d.]+ s: ValueError: got 1; expected 2 \(flows/fixtures/fixture_wait\.py:\d+\)", said
    )
    assert address.startswith(f"Look at {stack.settings.prefect_url}/runs/flow-run/")


def test_a_wrong_parameter_is_told_before_a_run_is_made(stack, up):
    answer = stack.run("run_flow", "fixture_wait", "--params", '{"nonsense": 1}')
    assert answer.returncode == 2
    assert answer.stderr.strip() == "PARAMS has nonsense; the flow takes only error, seconds."
    answer = stack.run("run_flow", "fixture_wait", "--params", '{"seconds": "abc"}')
    assert answer.returncode == 2
    assert answer.stderr.strip() == "PARAMS: seconds: 'abc' is not of type 'integer'."


def test_an_unknown_flow_is_answered_with_those_there_are(stack, up):
    answer = stack.run("run_flow", "fixture_laod")
    assert answer.returncode == 2
    assert answer.stderr.strip() == f'FLOW is "fixture_laod"; expected one of {", ".join(sorted(stack.deployments()))}.'


def test_a_killed_agent_comes_back(stack, up):
    (agent,) = stack.tasks("agent", "RUNNING")
    os.kill(stack.process_of(agent), signal.SIGKILL)

    @eventually
    def another_one_runs():
        running = stack.tasks("agent", "RUNNING")
        assert [task["lastStatus"] for task in running] == ["RUNNING"]
        assert running[0]["taskArn"] != agent["taskArn"]

    another_one_runs()
    dead = next(task for task in stack.tasks("agent", "STOPPED") if task["taskArn"] == agent["taskArn"])
    assert dead["containers"][0]["exitCode"] == 137


def test_a_killed_flow_run_stops_with_137_and_the_agent_makes_it_crashed(stack, up):
    before = {task["taskArn"] for task in stack.tasks("flow", "RUNNING", "STOPPED")}
    deployment = stack.deployments()["fixture_wait/by_hand"]["id"]
    scheduled = {"state": {"type": "SCHEDULED"}, "parameters": {"seconds": 600}}
    run = stack.prefect("POST", f"/deployments/{deployment}/create_flow_run", **scheduled)

    @eventually
    def its_task_runs():
        assert stack.prefect("GET", f"/flow_runs/{run['id']}")["state_name"] == "Running"
        (new,) = [task for task in stack.tasks("flow", "RUNNING") if task["taskArn"] not in before]
        return new

    task = its_task_runs()
    os.kill(stack.process_of(task), signal.SIGKILL)

    @eventually
    def it_has_crashed():
        assert stack.prefect("GET", f"/flow_runs/{run['id']}")["state_name"] == "Crashed"

    it_has_crashed()
    (dead,) = stack.ecs.describe_tasks(cluster=stack.environment.title, tasks=[task["taskArn"]])["tasks"]
    assert (dead["lastStatus"], dead["containers"][0]["exitCode"]) == ("STOPPED", 137)
    group = f"{stack.environment.names.path}/stopped-tasks"
    lines = stack.client("logs").filter_log_events(logGroupName=group)["events"]
    told = [json.loads(line["message"])["detail"] for line in lines]
    assert task["taskArn"] in [detail["taskArn"] for detail in told]
    assert 0 not in [detail["containers"][0]["exitCode"] for detail in told]


def test_status_shows_programs_tasks_and_runs(stack, up):
    answer = stack.run("show_status")
    assert answer.returncode == 0, answer.stderr
    for shown in ("prefect", f"{stack.environment.title}-agent", "Completed", "137"):
        assert shown in answer.stdout


def test_logs_of_the_agent_are_shown(stack, up):
    answer = stack.run("show_logs", "--name", "agent")
    assert answer.returncode == 0, answer.stderr
    assert "Worker" in answer.stdout
