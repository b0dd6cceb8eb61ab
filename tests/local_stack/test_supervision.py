"""The whole local stack starts, is told truly, and is ended without a trace, from whatever state."""

import os
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
import snowflake.connector
from embedded_aws import free_ports
from patience import PATIENCE_SECONDS, until

from scripts.local_stack.aws import seed
from scripts.local_stack.supervisor import ports, processes, supervision, supervisord
from scripts.shared import embedded_clients
from scripts.shared.environments import find_environment
from scripts.shared.local_settings import REPOSITORY, LocalSettings, variable
from scripts.shared.parameters import environment_parameters
from scripts.shared.refusal import Refusal

LOCAL = find_environment("local")


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalSettings]:
    """A stack whose start was interrupted by Ctrl-C and then taken up again.

    The tests of this file use it in their order, from healthy to half dead.
    """
    settings = settings_in(tmp_path_factory.mktemp("stack"))
    (settings.directory / "images").mkdir()
    (settings.directory / "prefect").mkdir()
    (settings.directory / "prefect" / "of-the-last-stack").touch()
    (settings.directory / supervision.LOCK).touch()
    variables = {variable(name): str(port) for name, port in settings.ports().items()}
    variables[variable("directory")] = str(settings.directory)
    interrupted = psutil.Popen(
        [sys.executable, "-m", "scripts.local_stack.supervisor.start"],
        cwd=REPOSITORY,
        env=os.environ | variables,
        stderr=subprocess.DEVNULL,
    )
    try:
        until(supervisord.record_file(settings).exists, bool)
        interrupted.send_signal(signal.SIGINT)
        assert interrupted.wait(PATIENCE_SECONDS) == 130
        supervision.start(settings)
        yield settings
    finally:
        supervision.stop(settings)


def settings_in(directory: Path) -> LocalSettings:
    """Settings with free ports."""
    names = ("aws_port", "snowflake_port", "dbt_port", "prefect_port", "agent_health_port")
    return LocalSettings(directory=directory, **dict(zip(names, free_ports(5), strict=True)))


def client(settings: LocalSettings, service: str) -> Any:
    """A client of the stack's AWS."""
    return embedded_clients.client(settings.aws_endpoint_url, service, LOCAL.facts["region"])


def pids(settings: LocalSettings) -> dict[str, int | None]:
    """Program -> process id."""
    return {part.name: part.pid for part in supervision.status(settings)}


def all_of(settings: LocalSettings) -> list[psutil.Process]:
    """Every process that bears the stack's mark or works for one of its tasks."""
    return [
        *processes.find_marked(processes.MARK, str(settings.directory)),
        *processes.find_task_processes(settings.tasks),
    ]


def test_a_started_stack_runs_and_answers(stack: LocalSettings):
    parts = {part.name: part for part in supervision.status(stack)}
    assert {name: part.state for name, part in parts.items()} == dict.fromkeys(
        ("aws", "dbt", "prefect", "snowflake"), "RUNNING"
    )
    assert parts["prefect"].address == stack.prefect_url
    assert parts["aws"].uptime_seconds > 0
    assert not (stack.directory / "prefect" / "of-the-last-stack").exists()
    assert (stack.directory / "images").is_dir()


def test_prefect_asks_for_the_password_that_is_in_its_file_and_nowhere_else(stack: LocalSettings):
    address = f"{stack.prefect_api_url}/flows/count"
    user, password = stack.prefect_auth_string().split(":")
    assert httpx.post(address, json={}, trust_env=False).status_code == 401
    assert httpx.post(address, json={}, auth=(user, password), trust_env=False).status_code == 200
    assert stat.S_IMODE(stack.prefect_auth_file.stat().st_mode) == 0o600
    files = [path for path in stack.directory.rglob("*") if path.is_file() and path != stack.prefect_auth_file]
    assert [path for path in files if password.encode() in path.read_bytes()] == []
    assert not any(password in " ".join(process.cmdline()) for process in all_of(stack))


def test_no_program_has_a_variable_of_the_developers_shell(stack: LocalSettings):
    """PYTEST_CURRENT_TEST stands for any."""
    assert "PYTEST_XDIST_TESTRUNUID" in os.environ or "PYTEST_CURRENT_TEST" in os.environ
    for process in all_of(stack):
        assert not [name for name in process.environ() if name.startswith(("PYTEST", "DATA_FLOWS_AWS"))]


def test_the_platform_is_seeded_once(stack: LocalSettings):
    seed.seed_platform(stack, LOCAL)
    ssm, s3 = client(stack, "ssm"), client(stack, "s3")

    def parameters() -> dict[str, tuple[str, str, int]]:
        found = ssm.get_parameters_by_path(Path=LOCAL.names.path, WithDecryption=True)["Parameters"]
        return {each["Name"].rsplit("/", 1)[-1]: (each["Type"], each["Value"], each["Version"]) for each in found}

    before = parameters()
    assert {name: kind for name, (kind, _, _) in before.items()} == environment_parameters(LOCAL)
    assert before["PREFECT_API_AUTH_STRING"][1] == stack.prefect_auth_string()
    assert s3.get_bucket_versioning(Bucket=LOCAL.backend["bucket"])["Status"] == "Enabled"
    seed.seed_platform(stack, LOCAL)
    assert parameters() == before


def test_the_seeded_key_opens_the_seeded_schema(stack: LocalSettings):
    seed.seed_platform(stack, LOCAL)
    ssm = client(stack, "ssm")
    key = ssm.get_parameter(Name=f"{LOCAL.names.path}/SNOWFLAKE_PRIVATE_KEY", WithDecryption=True)
    with snowflake.connector.connect(
        account="fakesnow",
        user=seed.USER,
        private_key=key["Parameter"]["Value"],
        host="127.0.0.1",
        port=stack.snowflake_port,
        protocol="http",
        database=LOCAL.facts["snowflake"]["database"],
        schema=LOCAL.facts["snowflake"]["schema"],
    ) as connection:
        current = connection.cursor().execute("SELECT current_schema()").fetchone()
    assert current == (LOCAL.facts["snowflake"]["schema"],)


def test_the_seeded_token_opens_the_seeded_dbt_account(stack: LocalSettings):
    seed.seed_platform(stack, LOCAL)
    names = ("DBT_CLOUD_ACCOUNT_ID", "DBT_CLOUD_TOKEN")
    account, token = (
        client(stack, "ssm").get_parameter(Name=f"{LOCAL.names.path}/{name}", WithDecryption=True)["Parameter"]["Value"]
        for name in names
    )
    address = f"{stack.dbt_url}/api/v2/accounts/{account}/jobs/"
    assert httpx.get(address, headers={"Authorization": f"Token {token}"}, trust_env=False).status_code == 200
    assert httpx.get(address, headers={"Authorization": "Token other"}, trust_env=False).status_code == 401


def test_logs_are_found_by_the_name_of_a_program_the_agent_or_a_task(tmp_path: Path):
    settings = settings_in(tmp_path)
    settings.tasks.mkdir()
    for name, group, started in (("a1", "service:agent", "1"), ("a2", "service:agent", "2"), ("b1", "family:f", "3")):
        (settings.tasks / f"{name}.log").touch()
        record = {"task_id": name, "group": group, "started_at": started}
        processes.write_record(settings.tasks / f"{name}.json", record)
    found = {name: supervision.log_path(settings, name).name for name in ("aws", "agent", "b", "a1")}
    assert found == {"aws": "aws.log", "agent": "a2.log", "b": "b1.log", "a1": "a1.log"}
    for wrong in ("a", "c", "../x"):
        with pytest.raises(Refusal, match="expected aws, snowflake, dbt, prefect, agent or the id of a task"):
            supervision.log_path(settings, wrong)


def test_a_folder_of_something_else_is_not_wiped(tmp_path: Path):
    precious = tmp_path / "tasks" / "my-notes"
    precious.mkdir(parents=True)
    with pytest.raises(Refusal, match=r"DATA_FLOWS_DIRECTORY: got .*, which holds files of something else \(tasks\)"):
        supervision.start(settings_in(tmp_path))
    assert precious.exists()


def test_a_second_start_leaves_what_runs_alone(stack: LocalSettings):
    before = pids(stack)
    supervision.start(stack)
    assert pids(stack) == before


def test_other_ports_than_the_running_stacks_are_refused(stack: LocalSettings):
    (other,) = free_ports(1)
    with pytest.raises(supervision.StackError, match=f"DATA_FLOWS_AWS_PORT is {other}, the running stack has"):
        supervision.start(stack.model_copy(update={"aws_port": other}))


def test_a_part_that_died_is_told_and_started_again_alone(stack: LocalSettings):
    before = pids(stack)
    os.kill(before["snowflake"], signal.SIGKILL)
    until(lambda: {part.name: part.state for part in supervision.status(stack)}, lambda s: s["snowflake"] == "EXITED")
    supervision.start(stack)
    after = pids(stack)
    assert after["snowflake"] not in (None, before["snowflake"])
    assert (after["aws"], after["prefect"]) == (before["aws"], before["prefect"])


def test_a_part_that_cannot_start_is_told_with_the_end_of_its_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    settings = settings_in(tmp_path)
    monkeypatch.setitem(supervisord.PROGRAMS, "snowflake", "scripts.local_stack.snowflake.server --no-such-option")
    try:
        with pytest.raises(supervision.StackError) as failure:
            supervision.start(settings)
    finally:
        supervision.stop(settings)
    assert failure.value.name == "snowflake"
    assert "the following arguments are required: --port" in str(failure.value)
    assert str(tmp_path / "logs" / "snowflake.log") in str(failure.value)
    assert all_of(settings) == []


def test_a_supervisord_that_cannot_start_is_told_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(supervisord, "_configuration", lambda _: "[supervisord]\nnodaemon = perhaps\n")
    with pytest.raises(supervision.StackError, match=r"stopped while it was starting\n.*not a valid boolean"):
        supervision.start(settings_in(tmp_path))
    assert all_of(settings_in(tmp_path)) == []


def test_a_stop_after_supervisord_was_killed_leaves_no_process_and_no_port(stack: LocalSettings):
    """And once more: a stop of what does not run changes nothing."""
    (supervisor,) = [process for process in all_of(stack) if "supervisor.supervisord" in process.cmdline()]
    supervisor.kill()
    supervisor.wait(PATIENCE_SECONDS)
    assert {part.state for part in supervision.status(stack)} == {"UNSUPERVISED"}
    bystander = psutil.Popen(["sleep", "9999"])
    try:
        assert supervision.stop(stack) == len(supervisord.PROGRAMS)
        assert supervision.stop(stack) == 0
        assert bystander.is_running()
    finally:
        bystander.kill()
        bystander.wait(PATIENCE_SECONDS)
    assert all_of(stack) == []
    assert [port for port in stack.ports().values() if not ports.is_free(port)] == []
    assert {part.state for part in supervision.status(stack)} == {"STOPPED"}
