"""The command of a flow's task tells Sentry, in the folder and with the variables that the image gives it.

Of a flow that knows nothing of it, with what must not leave in local variables, in the message and in the environment.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import pytest
from patience import PATIENCE_SECONDS, until
from prefect.client.orchestration import get_client
from sentry_receiver import METADATA, Sentry, receiving

from scripts.local_stack.fargate.environment import image_variables, make_home
from scripts.sentry.watching import MOST_SECONDS
from scripts.shared.environments import ROOT
from scripts.shared.image_digest import source_files

FLOW = '''"""A flow as a team writes it."""

import os
import time

from prefect import flow, task


class OrdersError(Exception):
    """The orders are wrong."""


@task
def load(row: dict[str, object]) -> None:
    password, key = "hunter2-swordfish", os.environ["SNOWFLAKE_PRIVATE_KEY"]
    raise OrdersError(f"got {row} with {password} and {key}; expected an order")


@flow(name="orders")
def orders(seconds: int = 0) -> None:
    print("waiting")
    time.sleep(seconds)
    load({"name": "Jane Doe", "iban": "DE89370400440532013000", "amount": 4711.25})
'''
BROKEN = '''"""A flow whose file cannot be imported."""

from prefect import flow


@flow(name="broken")
def broken() -> None:
    pass


raise LookupError(f"got {'Jane Doe'}; expected a table")
'''
SECRETS = {
    "SNOWFLAKE_PRIVATE_KEY": "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSj",
    "SHOP_PASSWORD": "correct-horse-battery",
}
NEVER = [*SECRETS.values(), "hunter2-swordfish", "Jane", "DE8937", "4711"]


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The image's files, with flows of a team."""
    folder = tmp_path_factory.mktemp("image")
    for path in source_files():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / path, folder / path)
    (folder / "flows" / "orders.py").write_text(FLOW)
    (folder / "flows" / "broken.py").write_text(BROKEN)
    return folder


@pytest.fixture
def sentry() -> Iterator[Sentry]:
    with receiving() as sentry:
        yield sentry


@pytest.fixture
def start(image: Path, prefect_server: str, sentry: Sentry, tmp_path: Path):
    """Starts a run of that flow as its task does; returns the run and the process."""
    make_home(tmp_path / "home")

    def start(name: str, **parameters: object) -> tuple[UUID, subprocess.Popen[str]]:
        with get_client(sync_client=True) as client:
            deployment = client.create_deployment(
                client.create_flow_from_name(name), "daily",
                path=".", pull_steps=[], entrypoint=f"flows/{name}.py:{name}", tags=["owner:harbour-team"],
                enforce_parameter_schema=False,
            )  # fmt: skip
            run = client.create_flow_run_from_deployment(deployment, parameters=parameters)
        variables = image_variables(image, tmp_path / "home") | SECRETS
        variables |= {"SENTRY_DSN": sentry.dsn, "ECS_CONTAINER_METADATA_URI_V4": sentry.metadata}
        variables |= {"DATA_FLOWS_ENVIRONMENT": "harbour", "PREFECT_LOGGING_LOG_PRINTS": "true"}
        variables |= {"PREFECT_API_URL": prefect_server, "PREFECT__FLOW_RUN_ID": str(run.id), "DO_NOT_TRACK": "1"}
        variables |= {"PREFECT_FLOW_RUN_EXECUTE_SIGTERM_BEHAVIOR": "reschedule"}
        command = [str(Path(sys.executable).with_name("prefect")), "flow-run", "execute"]
        with (tmp_path / "log").open("w") as log:
            process = subprocess.Popen(command, cwd=image, env=variables, stdout=log, stderr=log, text=True)
        return run.id, process

    return start


def state_of(run: UUID):
    with get_client(sync_client=True) as client:
        return client.read_flow_run(run).state


def log_of(tmp_path: Path) -> str:
    return (tmp_path / "log").read_text()


def test_the_event_names_run_release_and_owner_and_holds_no_secret_and_no_row(start, sentry, tmp_path):
    run, process = start("orders")
    process.wait(PATIENCE_SECONDS)
    assert state_of(run).name == "Failed", log_of(tmp_path)
    ((event,), (body,)) = sentry.events, sentry.bodies
    assert not [value for value in NEVER if value.encode() in body]
    assert event["release"] == METADATA["Image"].partition("@")[2]
    assert event["environment"] == "harbour"
    tags = event["tags"]
    assert (tags["flow"], tags["deployment"], tags["owner"]) == ("orders", "daily", "harbour-team")
    assert tags["flow_run_id"] == str(run)
    (error,) = event["exception"]["values"]
    assert (error["type"], error["value"]) == ("OrdersError", "got … with … and …; expected an order")
    last = error["stacktrace"]["frames"][-1]
    assert (last["filename"], last["module"], last["function"]) == ("flows/orders.py", "flows.orders", "load")
    assert last["lineno"] == 1 + FLOW.splitlines().index(next(line for line in FLOW.splitlines() if "raise" in line))
    assert f"Sentry was told: event {event['event_id']}." in log_of(tmp_path)
    # What differs between two runs would make two issues of one.
    assert "__prefect_loader" not in json.dumps(event)


def test_a_file_that_cannot_be_loaded_is_told(start, sentry, tmp_path):
    run, process = start("broken")
    process.wait(PATIENCE_SECONDS)
    assert state_of(run).name == "Crashed", log_of(tmp_path)
    ((event,), (body,)) = sentry.events, sentry.bodies
    assert b"Jane" not in body
    error = event["exception"]["values"][-1]
    assert (error["type"], error["value"]) == ("LookupError", "got …; expected a table")
    assert (event["tags"]["flow"], event["tags"]["flow_run_id"]) == ("broken", str(run))


def test_a_sentry_that_does_not_answer_delays_the_end_of_the_task_and_nothing_else(start, sentry, tmp_path):
    sentry.seconds = PATIENCE_SECONDS
    run, process = start("orders")
    until(lambda: sentry.bodies)
    began = time.monotonic()
    assert state_of(run).name == "Failed"
    process.wait(PATIENCE_SECONDS)
    assert "Sentry was not told: no answer within 5 s." in log_of(tmp_path)
    assert state_of(run).name == "Failed"
    print(f"ended {time.monotonic() - began:.1f} s after the event was sent; at most {MOST_SECONDS} of them waited")


@pytest.mark.parametrize("moment", ["while it runs", "while Sentry does not answer"])
def test_a_run_that_is_stopped_ends_as_it_does_without_sentry(start, sentry, tmp_path, moment):
    sentry.seconds = PATIENCE_SECONDS
    is_running = moment == "while it runs"
    run, process = start("orders", seconds=PATIENCE_SECONDS if is_running else 0)
    until(lambda: "waiting" in log_of(tmp_path) if is_running else sentry.bodies)
    os.kill(process.pid, signal.SIGTERM)
    process.wait(PATIENCE_SECONDS)
    assert state_of(run).name == ("AwaitingRetry" if is_running else "Failed"), log_of(tmp_path)
    assert len(sentry.bodies) == (0 if is_running else 1)
    assert process.returncode == 0
