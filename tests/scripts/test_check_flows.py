"""`make flows` tells what is wrong with flow files in seconds, and dearer commands stop there before they begin."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from fixture_repository import fixture_repository

from scripts.registration.flow_import import FlowImport
from scripts.shared.environments import ROOT

FLOW = '''
from prefect import flow
from prefect.schedules import Cron, Interval

permissions = [{"actions": ["s3:GetObject", "s3:PutObject"], "resources": ["arn:{partition}:s3:::partner/*"]}]


@flow(name="prices")
def prices(days: int = 1) -> None:
    """Read the prices.

    Args:
        days: How many.
    """


deployments = [
    prices.to_deployment(name="daily", tags=["owner:a", "on-call"], schedule=Cron("0 6 * * *", timezone="UTC")),
    prices.to_deployment(name="often", tags=["owner:a"], schedule=Interval(90, timezone="Europe/Dublin", active=False)),
    prices.to_deployment(name="by_hand", tags=["owner:b"]),
]
'''
# What a person gets wrong, and how it is told after the file's name.
MISTAKES = {
    "syntax": (
        FLOW.replace("def prices(days: int = 1) -> None:", "def prices(days: int = 1) -> None"),
        r":9: got `def prices\(days: int = 1\) -> None`, a syntax error \(expected ':'\); expected Python: ",
    ),
    "import_error": (
        FLOW.replace("permissions", "SHOP = {}['shop']\npermissions", 1),
        r": import failed: KeyError: 'shop' \(flows/import_error\.py:5\); expected a file that imports: ",
    ),
    "no_args": (
        FLOW.replace("        days: How many.\n", ""),
        r":9: flow prices: parameter days: got no description; expected one under `Args:`",
    ),
    "no_owner": (FLOW.replace('"owner:a", ', ""), r":18: deployment daily: got on-call; expected .* owner:<team>\."),
    "wrong_tag": (
        FLOW.replace("on-call", "time-limit:2"),
        r":18: deployment daily: got the tag time-limit:2; expected time-limit:<minutes, hours or days>, such as",
    ),
    "wrong_order": (
        FLOW.replace("on-call", "run:up:first"),
        r":18: deployment daily: got the tag run:up:first; expected run:up or run:up:<number>, such as run:up:2\.",
    ),
    "no_time_zone": (
        FLOW.replace(', timezone="UTC"', ""),
        r':18: deployment daily: schedule 1: got no time zone; expected one, such as timezone="Europe/Dublin" or "UTC"',
    ),
    "size": (
        FLOW.replace('["owner:b"]', '["owner:b"], job_variables={"cpu": 256, "memory": 4096}'),
        r":20: deployment by_hand: got memory 4096 with cpu 256; expected 512 to 2048 MiB",
    ),
    "rights": (
        FLOW.replace('[{"actions"', 'list() + [{"actions"'),
        r":5: got permissions that cannot be read without running the file \(`permissions = list\(\) \+ .*; expected `",
    ),
    "action": (
        FLOW.replace("s3:PutObject", "s3:*"),
        r":5: got permissions\[0\]\['actions'\]\[1\]: s3:\* is not the full name of one action; expected `",
    ),
    "library": (
        f"import sklearn\n{FLOW}",
        r":1: got an import of sklearn, which is not installed; expected a library of the image: "
        r"`make add PKG=scikit-learn`\.",
    ),
    "development": (
        FLOW + "\n\ndef read():\n    import pytest\n",
        r":25: got an import of pytest, which is installed for development only; expected a library of the image: "
        r"`make add PKG=pytest`\.",
    ),
    "folder": (
        f"from tests import patience\n{FLOW}",
        r":1: got an import of tests; expected one of flows or scripts: the image holds no other folder\.",
    ),
}


@pytest.fixture(scope="module")
def repository(tmp_path_factory) -> Path:
    """A copy with the fixtures' flows, facts and locks."""
    return fixture_repository(tmp_path_factory.mktemp("repository"))


@pytest.fixture
def said(repository):
    """`said(command, …, **files)` runs a command with these files of flows/ there; its exit code and both outputs."""

    def run(*command, path=os.environ["PATH"], **files):
        written = {repository / "flows" / f"{name.replace('__', '/')}.py": text for name, text in files.items()}
        for file, text in written.items():
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
        env = os.environ | {"PATH": path, "DATA_FLOWS_DIRECTORY": str(repository / "stack")}
        done = subprocess.run(
            [sys.executable, "-m", *command], cwd=repository, env=env, capture_output=True, text=True, check=False
        )
        for file in written:
            file.unlink()
        return done.returncode, done.stdout, done.stderr

    return run


def test_good_flow_files_are_a_line_each_and_a_count(said):
    code, out, errors = said("scripts.check_flows", "--env", "amber", team__prices=FLOW)
    *lines, last = out.splitlines()
    assert (code, errors) == (0, "")
    rows = [re.split(r"  +", line) for line in lines]
    assert ["prices/daily", "0 6 * * * UTC", "owner:a", "no secrets", "s3:GetObject, s3:PutObject"] in rows
    assert [
        "prices/often",
        "every 90 s Europe/Dublin (inactive)",
        "owner:a",
        "no secrets",
        "s3:GetObject, s3:PutObject",
    ] in rows
    assert ["fixture_load/by_hand", "by hand", "owner:tests", "SNOWFLAKE_PRIVATE_KEY", "no rights of its own"] in rows
    assert re.fullmatch(rf"{len(rows)} deployments, nothing wrong: \d+\.\d s", last)


def test_wrong_ones_are_told_with_file_and_line_and_the_exit_code_is_1(said):
    code, out, errors = said(
        "scripts.check_flows", "--env", "amber", team__prices=MISTAKES["no_args"][0], broken="x = ("
    )
    assert (code, out) == (1, "")
    assert [line.partition(": ")[0] for line in errors.splitlines()] == ["flows/broken.py:1", "flows/team/prices.py:9"]


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    """What is told of a repository in which each mistake is a flow file of its own."""
    root = tmp_path_factory.mktemp("mistakes")
    shutil.copytree(ROOT / "requirements", root / "requirements")
    files = {name: text.replace('"prices"', f'"{name}"') for name, (text, _) in MISTAKES.items()}
    shared = {
        "one": FLOW,
        "another": FLOW,
        "helped": f"from flows._helper import x\n{FLOW.replace('prices', 'helped')}",
    }
    for name, text in {
        **files,
        **shared,
        "__init__": "",
        "_helper": "def x():\n    import pytest\n",
        "shared/lost": FLOW,
    }.items():
        (root / "flows" / name).parent.mkdir(parents=True, exist_ok=True)
        (root / "flows" / f"{name}.py").write_text(text)
    (root / "tests").mkdir()
    with FlowImport("amber", root) as flow_import:
        return flow_import.result().problems


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_told_once_with_its_file_its_line_and_what_to_write(told, name):
    [problem] = [each for each in told if each.startswith(f"flows/{name}.py:")]
    assert re.match(f"flows/{name}.py{MISTAKES[name][1]}", problem), problem


def test_two_flows_of_one_name_are_told_with_both_places(told):
    assert (
        "flows/another.py:18, flows/one.py:18: got 2 flows named prices; expected names to differ: @flow(name=…)."
    ) in told


def test_a_file_among_what_is_shared_that_holds_deployments_is_told(told):
    assert [each for each in told if "flows/shared/" in each] == [
        "flows/shared/lost.py:17: got `deployments` in flows/shared/; expected no flow there: move it elsewhere in "
        "flows/."
    ]


def test_what_a_flow_file_imports_of_the_repository_is_looked_through_as_well(told):
    assert [each for each in told if "_helper" in each] == [
        "flows/_helper.py:2: got an import of pytest, which is installed for development only; expected a library of "
        "the image: `make add PKG=pytest`."
    ]


def test_nothing_else_is_told(told):
    assert len(told) == len(MISTAKES) + 3


# A Terraform that says its version, and leaves a file behind when it is asked for anything else.
TERRAFORM = """#!/bin/sh
if [ "$1" = version ]; then echo '{"terraform_version": "VERSION"}'; else touch RAN; fi
"""


@pytest.mark.parametrize(
    "command",
    [
        ("scripts.plan_environment", "amber", "--offline"),
        ("scripts.start_local",),
        ("scripts.register_flows", "--env", "amber"),
        ("scripts.lint_sources",),
    ],
    ids=lambda command: command[0].removeprefix("scripts."),
)
def test_a_dear_command_stops_at_a_wrong_flow_file_before_terraform_and_servers(said, repository, tmp_path, command):
    ran = tmp_path / "ran"
    terraform = tmp_path / "terraform"
    version = (ROOT / ".terraform-version").read_text().strip()
    terraform.write_text(TERRAFORM.replace("VERSION", version).replace("RAN", str(ran)))
    terraform.chmod(0o755)
    code, out, errors = said(*command, path=f"{tmp_path}:{os.environ['PATH']}", broken="x = (")
    assert (code, out) == (1, "")
    assert errors == (
        "flows/broken.py:1: got `x = (`, a syntax error ('(' was never closed); expected Python: correct this line or "
        "the one before it.\n"
    )
    assert not ran.exists()
    assert {path.name for path in (repository / "stack").glob("*")} <= {"up.lock"}
    assert not (repository / "build").exists()
