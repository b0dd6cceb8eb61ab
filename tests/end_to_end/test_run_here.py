"""`make try` runs a flow of the working tree here, as its task would; `make logs` and `make status` know its run."""

import hashlib
import io
import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace

import httpx
import pytest
from debug_client import DebugClient
from embedded_aws import free_ports
from observation import processes_of
from patience import PATIENCE_SECONDS, until

from scripts.shared import cloud_logs
from scripts.shared.container_variables import plain_variables
from scripts.shared.refusal import Refusal

TRIED = '''"""A flow that is not registered."""

import os
import sys
import time

from prefect import flow


@flow(name="tried")
def tried(what: str = "print") -> None:
    """Do what is asked.

    Args:
        what: print, fill, wait, fail or stop.
    """
    print("printed by the flow")
    if what == "fill":
        held = [bytearray(b"x" * 2**20) for _ in range(700)]
        time.sleep(600)
    if what == "wait":
        time.sleep(600)
    if what == "fail":
        raise ValueError(f"got {what}")
    if what == "stop":
        breakpoint()


deployments = [tried.to_deployment(name="here", tags=["owner:tests"], job_variables={"cpu": 256, "memory": 512})]

if __name__ == "__main__":
    from scripts import try_flow

    try_flow.this_file()
'''


@pytest.fixture(scope="module", name="file")
def fixture_file(stack, up) -> Iterator[Path]:
    """A flow file that was written after `make up`."""
    path = stack.root / "flows" / "tried.py"
    path.write_text(TRIED)
    yield path
    path.unlink()


def run_of(stack, output):
    """The run that the output names, as Prefect has it."""
    return stack.prefect("GET", f"/flow_runs/{re.search('flow-run/([0-9a-f-]{36})', output)[1]}")


def log_of(stack, run):
    wanted = {"flow_run_id": {"any_": [run["id"]]}}
    return [line["message"] for line in stack.prefect("POST", "/logs/filter", logs=wanted)]


def start(stack, *arguments, **options):
    command = [sys.executable, "-m", "scripts.try_flow", *arguments]
    return subprocess.Popen(command, cwd=stack.root, env=stack.shell, text=True, **options)


def test_a_try_ends_completed_with_its_figures_and_is_in_prefect_as_no_run_of_a_deployment(stack, up):
    answer = stack.run("try_flow", "fixture_load", "--params", '{"times": 1}')
    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert re.search(r"^Completed after [\d.]+ s: files 2, rows read 3$", answer.stdout, re.MULTILINE)
    run = run_of(stack, answer.stdout)
    assert (run["state_name"], run["tags"]) == ("Completed", ["owner:tests", "run:up:8", "try"])
    assert (run["deployment_id"], run["work_pool_name"]) == (None, stack.environment.title)


def test_it_has_the_variables_and_secrets_of_its_task_definition_and_none_of_the_developers(stack, parameters):
    stack.run("try_flow", "fixture_load")
    stored = stack.client("s3").get_object(Bucket=stack.results_bucket, Key="results/fixture/variables.json")
    digests = json.loads(stored["Body"].read())
    family = f"{stack.environment.title}-flow-with-snowflake_private_key"
    definition = stack.ecs.describe_task_definition(taskDefinition=family)["taskDefinition"]
    received = {each["name"] for each in definition["containerDefinitions"][0]["secrets"]}
    assert received == {"PREFECT_API_AUTH_STRING", "SNOWFLAKE_ACCOUNT", "SNOWFLAKE_PRIVATE_KEY", "SNOWFLAKE_USER"}
    expected = plain_variables(definition["containerDefinitions"][0]) | {name: parameters[name] for name in received}
    sha256 = {name: hashlib.sha256(value.encode()).hexdigest() for name, value in expected.items()}
    assert {name: digests.get(name) for name in sha256} == sha256
    assert not {"AWS_PROFILE", "HTTP_PROXY"} & set(digests)


def test_no_secret_of_a_try_is_said_or_written(stack, secrets):
    answer = stack.run("try_flow", "fixture_load")
    texts = {"stdout": answer.stdout.encode(), "stderr": answer.stderr.encode()}
    for folder in (stack.settings.directory / "prefect-client", stack.root / "flows"):
        texts |= {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    assert not [
        (where, name) for where, text in texts.items() for name, value in secrets.items() if value.encode() in text
    ]


def test_a_flow_that_was_never_registered_is_tried_and_what_it_prints_is_in_prefect(stack, file):
    answer = stack.run("try_flow", "tried")
    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert "printed by the flow" in log_of(stack, run_of(stack, answer.stdout))


def test_a_try_as_somebody_leaves_tables_and_exports_of_the_environment_as_they_are(stack, up):
    import polars as pl

    def exported(folder):
        key = f"export/{folder}fixture/numbers.parquet"
        body = stack.client("s3").get_object(Bucket=stack.results_bucket, Key=key)["Body"].read()
        return pl.read_parquet(io.BytesIO(body))["n"].to_list()

    before = exported("")
    for given in (["fixture_load", "--params", '{"times": 5}'], ["fixture_export"]):
        answer = stack.run("try_flow", *given, "--as", "me")
        assert answer.returncode == 0, answer.stdout + answer.stderr
    assert exported("as_me/") == [5, 10, 15]
    answer = stack.run("try_flow", "fixture_export")
    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert exported("") == before


def test_a_try_that_fails_ends_with_its_cause_its_line_and_its_address(stack, file):
    answer = stack.run("try_flow", "flows/tried.py", "--params", '{"what": "fail"}')
    assert answer.returncode == 1
    line = 1 + TRIED.splitlines().index('        raise ValueError(f"got {what}")')
    said, address = answer.stdout.splitlines()[-2:]
    assert re.fullmatch(rf"Failed after [\d.]+ s: ValueError: got fail \(flows/tried\.py:{line}\)", said)
    assert address == f"Look at {stack.settings.prefect_url}/runs/flow-run/{run_of(stack, answer.stdout)['id']}"


def test_a_try_that_uses_more_memory_than_its_task_has_is_ended_and_crashed(stack, file):
    answer = stack.run("try_flow", "tried", "--params", '{"what": "fill"}')
    assert answer.returncode == -signal.SIGKILL
    said = "OutOfMemoryError: Container killed due to memory usage"
    assert f"Crashed: {said}" in answer.stderr
    state = run_of(stack, answer.stdout)["state"]
    assert state["name"] == "Crashed"
    assert state["message"].startswith(said)


def test_a_try_that_is_killed_is_crashed_and_the_agent_leaves_a_living_one_alone(stack, file):
    with start(stack, "tried", "--params", '{"what": "wait"}', stdout=subprocess.PIPE) as process:
        run = run_of(stack, process.stdout.readline())
        until(lambda: stack.prefect("GET", f"/flow_runs/{run['id']}")["state_name"], lambda name: name == "Running")
        assert not [
            task for task in stack.tasks("flow", "RUNNING", "STOPPED") if run["id"] in json.dumps(task, default=str)
        ]
        process.kill()
    until(lambda: stack.prefect("GET", f"/flow_runs/{run['id']}")["state_name"], lambda name: name == "Crashed")


def test_breakpoint_stops_a_try_in_the_terminal(stack, file):
    here, there = pty.openpty()
    with start(stack, "tried", "--params", '{"what": "stop"}', stdin=there, stdout=there, stderr=there) as process:
        os.close(there)
        said = b""
        while b"(Pdb)" not in said:
            assert select.select([here], [], [], PATIENCE_SECONDS)[0]
            said += os.read(here, 1000)
        os.write(here, b"p what.upper()\n")
        while b"'STOP'" not in said:
            said += os.read(here, 1000)
        os.write(here, b"c\n")
        with suppress(OSError):  # The terminal's other end is closed.
            while True:
                said += os.read(here, 1000)
        os.close(here)
    assert b"Completed after" in said
    assert process.returncode == 0
    # What somebody looks at may be a secret.
    assert not [message for message in log_of(stack, run_of(stack, said.decode())) if "STOP" in message]


def test_a_debugger_stops_at_a_breakpoint_in_the_flow_file(stack, file):
    (port,) = free_ports(1)
    debugpy = ["-Xfrozen_modules=off", "-m", "debugpy", "--listen", f"127.0.0.1:{port}", "--wait-for-client"]
    debugpy += ["--configure-subProcess", "false"]  # Not what keeps the try.
    command = [sys.executable, *debugpy, "-m", "scripts.try_flow", "tried"]
    line = 1 + TRIED.splitlines().index('    print("printed by the flow")')
    with subprocess.Popen(command, cwd=stack.root, env=stack.shell) as process:
        client = until(lambda: attached(port))
        frame = client.stop_at(str(file), line)
        assert (frame["name"], frame["line"], frame["source"]["path"]) == ("tried", line, str(file))
        assert client.ask("evaluate", expression="what", frameId=frame["id"], context="repl")["result"] == "'print'"
        client.send("continue", threadId=1)
    client.close()
    assert process.returncode == 0
    directory = str(stack.settings.directory)
    until(lambda: not [each for each in processes_of(directory) if any("debugpy" in part for part in each)])


def attached(port):
    """A client of the debugger, once it listens."""
    with suppress(ConnectionRefusedError):
        return DebugClient(port)


def test_with_watch_a_change_of_the_file_runs_it_again(stack, file):
    with start(stack, "tried", "--watch", stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:

        def read(wanted):
            return next(line for line in process.stdout if wanted in line)

        read("Completed after")
        file.write_text(TRIED.replace("printed by the flow", "printed by the changed flow"))
        again = read("tried/here as ")
        read("Completed after")
        process.terminate()
        process.communicate()
    assert "printed by the changed flow" in log_of(stack, run_of(stack, again))
    file.write_text(TRIED)


@pytest.mark.parametrize("command", [("-m", "flows.tried"), ("flows/tried.py",)], ids=["module", "file"])
def test_a_flow_file_that_is_started_itself_is_tried(stack, file, command):
    shell = stack.shell | {"PYTHONPATH": str(stack.root)}
    answer = subprocess.run([sys.executable, *command], cwd=stack.root, env=shell, capture_output=True, text=True)
    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert run_of(stack, answer.stdout)["tags"] == ["owner:tests", "try"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["treid"], 'FLOW is "treid"; expected a flow below flows/, such as tried.'),
        (["tried/daily"], 'FLOW is "tried/daily"; expected one of tried/here (flows/tried.py).'),
        (["tried", "--params", '{"what": 1}'], "PARAMS: what: 1 is not of type 'string'."),
        (["tried", "--params", '{"that": 1}'], "PARAMS has that; the flow takes only what."),
    ],
)
def test_what_cannot_be_tried_is_told_in_a_sentence_and_no_run_is_made(stack, file, arguments, said):
    before = stack.prefect("POST", "/flow_runs/count")
    answer = stack.run("try_flow", *arguments)
    assert (answer.returncode, answer.stderr.strip()) == (2, said)
    assert stack.prefect("POST", "/flow_runs/count") == before


def test_make_run_says_of_a_flow_that_is_not_registered_where_it_is(stack, file):
    answer = stack.run("run_flow", "tried", "--registered")
    assert answer.returncode == 2
    assert answer.stderr.strip() == (
        'FLOW is "tried", which flows/tried.py holds; expected a registered flow: `make register` registers it, and '
        "`make try FLOW=tried` runs it as it is."
    )


def test_logs_take_the_names_that_status_and_run_print(stack, up):
    answer = stack.run("run_flow", "fixture_wait", "--params", '{"error": "got 1"}')
    run, task = run_of(stack, answer.stdout), re.search("Created ECS task '[^']*/([0-9a-f-]+)'", answer.stdout)[1]
    status = stack.run("show_status").stdout
    assert re.search(rf"fixture_wait +{run['name']} +Failed +{task[:8]} +\d\d:\d\d:\d\d", status)
    told = "Failed after .*: ValueError: got 1 \\(flows/fixtures/fixture_wait.py:[0-9]+\\)\nLook at "
    for given in (("--flow", "fixture_wait"), ("--run", run["name"]), ("--run", run["id"])):
        shown = stack.run("show_logs", *given)
        assert re.search(told, shown.stdout), given
        assert 'File "flows/fixtures/fixture_wait.py"' in shown.stdout
        assert shown.stdout.count("Traceback") == 1
    assert "ValueError: got 1" in stack.run("show_logs", "--task", task[:8]).stdout
    assert "expected a run's name or id, such as" in stack.run("show_logs", "--run", "nonsense").stderr


def test_of_another_environment_the_log_of_a_task_and_of_the_agent_come_from_cloudwatch(stack, up, capsys):
    """The local stack ships its logs as well: it stands for the other environment."""
    there = SimpleNamespace(client=stack.client, names=stack.environment.names)
    task = max(stack.tasks("flow", "STOPPED"), key=lambda task: task["createdAt"])["taskArn"].rpartition("/")[2]
    for wanted, said in ((task[:8], "Beginning flow run"), ("agent", "Worker")):
        cloud_logs.show(there, wanted, 1000, follow=False)
        assert said in capsys.readouterr().out
    with pytest.raises(Refusal, match=r'TASK is "nonsense"; expected the id of one task with a log below .*; 0 fit\.'):
        cloud_logs.show(there, "nonsense", 1, follow=False)


def test_prefects_pages_ask_the_port_that_they_came_from(stack, up):
    user, _, password = stack.settings.prefect_auth_string().partition(":")
    settings = httpx.get(f"{stack.settings.prefect_url}/ui-settings", auth=(user, password), trust_env=False).json()
    assert settings["api_url"] == stack.settings.prefect_api_url
