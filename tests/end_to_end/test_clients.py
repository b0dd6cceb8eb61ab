"""`make sql`, `make env` and `make doctor` on a stack that runs, as somebody types them."""

import csv
import shutil
import subprocess
import sys

from patience import PATIENCE_SECONDS


def evaluated(stack, command):
    """What a command prints in a shell that has evaluated the exports."""
    script = f'eval "$({sys.executable} -m scripts.show_exports)" && {command}'
    answer = subprocess.run(
        [shutil.which("bash"), "-c", script],
        cwd=stack.root, env=stack.shell, capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=False,
    )  # fmt: skip
    assert answer.returncode == 0, answer.stderr
    return answer.stdout


def test_the_warehouse_is_asked_as_its_flows_load_it(stack, up):
    answer = stack.run("run_sql", "select n from fixture_numbers order by n", "--format", "csv")
    assert (answer.returncode, answer.stderr) == (0, "")
    assert list(csv.reader(answer.stdout.splitlines())) == [["N"], ["1"], ["2"], ["3"]]


def test_nothing_is_written_unasked(stack, up):
    answer = stack.run("run_sql", "drop table fixture_numbers")
    assert (answer.returncode, answer.stdout) == (2, "")
    assert answer.stderr.startswith("SQL: got DROP; expected a statement that only reads")


def test_a_shell_with_the_exports_reaches_the_stacks_aws_and_prefect(stack, up):
    """Though the developer's own variables lead elsewhere."""
    ask = "import boto3; print(boto3.client('sts').get_caller_identity()['Account'])"
    assert evaluated(stack, f'{sys.executable} -c "{ask}"').strip() == stack.environment.facts["account_id"]
    ask = (
        "from prefect.client.orchestration import get_client as c; print(c(sync_client=True).read_work_pools()[0].name)"
    )
    said = evaluated(stack, f"HTTP_PROXY= http_proxy= {sys.executable} -c '{ask}'")
    assert said.strip() == stack.environment.title


def test_the_doctor_finds_the_ports_held_by_the_stack_itself(stack, up):
    answer = stack.run("check_machine")
    lines = {line[9:26].strip(): line for line in answer.stdout.splitlines()}
    for name, port in stack.settings.ports().items():
        assert lines[name.replace("_", " ")].startswith("ok "), answer.stdout
        assert f"{port} is held by the stack of {stack.settings.directory}" in lines[name.replace("_", " ")]
    assert lines["clock"].startswith("ok ")
    assert lines["clock"].endswith(f"s from {stack.settings.aws_endpoint_url}")
