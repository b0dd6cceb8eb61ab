"""CircleCI: a valid file in which each job is one make target, after Terraform is installed."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from scripts.shared.environments import BUILD_VARIABLE, find_environment

ROOT = Path(__file__).resolve().parents[2]
CONFIG = ROOT / ".circleci" / "config.yml"


@pytest.fixture(scope="module")
def config() -> dict:
    return yaml.safe_load(CONFIG.read_text())


def steps_of(job: dict, kind: str) -> list:
    """What a job's own steps of one kind hold."""
    return [step[kind] for step in job["steps"] if isinstance(step, dict) and kind in step]


def commands_of(job: dict) -> list[str]:
    return [run if isinstance(run, str) else run["command"] for run in steps_of(job, "run")]


def test_it_is_valid() -> None:
    checker = Path(sys.executable).with_name("check-jsonschema")
    assert checker.exists(), "check-jsonschema is missing; expected it in .venv: make setup"
    command = [checker, "--builtin-schema", "vendor.circle-ci", CONFIG]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stdout + answer.stderr


def test_each_job_is_one_make_target_that_exists(config: dict) -> None:
    """So what fails there can be run here under the same name. Another shows what a plan says."""
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for name, job in config["jobs"].items():
        _, *others = commands_of(job)
        assert others in ([], ["make comment ENV=<< parameters.environment >>"]), f"{name}: got {others} too"
        for command in commands_of(job):
            called = re.fullmatch(r"make ([a-z-]+)( [A-Z_0-9]+=\S+| [A-Z_0-9]+=<< [\w.]+ >>)*", command)
            assert called, f"{name}: got {command}; expected make and one target"
            assert called[1] in targets, f"{name}: make {called[1]}; expected one of {sorted(targets)}"


def test_the_workflow_runs_every_job(config: dict) -> None:
    jobs = config["workflows"]["checks"]["jobs"]
    assert {job if isinstance(job, str) else next(iter(job)) for job in jobs} == config["jobs"].keys()


def environments_of(config: dict, name: str) -> list[str]:
    """The environments that the workflow runs the job for; the job takes exactly those."""
    (job,) = [job[name] for job in config["workflows"]["checks"]["jobs"] if isinstance(job, dict) and name in job]
    environments = job["matrix"]["parameters"]["environment"]
    assert config["jobs"][name]["parameters"]["environment"]["enum"] == environments
    return environments


def test_each_environment_with_an_account_is_planned_and_only_those_are_released(config: dict) -> None:
    environments = {path.stem for path in (ROOT / "terraform" / "environments").glob("*.tfvars")} - {"local"}
    assert environments
    assert set(environments_of(config, "plan")) == environments
    assert set(environments_of(config, "release")) <= environments


def test_a_plan_needs_no_account_and_keeps_its_report(config: dict, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(BUILD_VARIABLE, raising=False)
    plan = config["jobs"]["plan"]
    assert "OFFLINE=1" in commands_of(plan)[0]
    kept = {step["path"] for step in steps_of(plan, "store_artifacts")}
    name = plan["parameters"]["environment"]["enum"][0]
    written = find_environment(name).directory.relative_to(ROOT)
    kept_of_it = {Path(path.replace("<< parameters.environment >>", name)) for path in kept}
    assert kept_of_it == {written / "report.html", written / "report.md", written / "gate.json"}


def test_only_main_is_released_and_only_once_every_check_has_passed(config: dict) -> None:
    (release,) = [each["release"] for each in config["workflows"]["checks"]["jobs"] if "release" in each]
    assert release["filters"] == {"branches": {"only": "main"}}
    assert release["requires"] == ["lint", "test", "plan-<< matrix.environment >>"]
    assert release["context"] == "data-flows-<< matrix.environment >>"


def test_the_role_is_taken_with_a_token_that_nobody_else_can_read(config: dict, tmp_path: Path) -> None:
    (command,) = commands_of(config["commands"]["take_role"])
    shell = {"HOME": str(tmp_path), "BASH_ENV": str(tmp_path / "env"), "PATH": os.environ["PATH"]}
    job = {"CIRCLE_OIDC_TOKEN_V2": "the token", "CIRCLE_BUILD_NUM": "7"}
    (tmp_path / "env").touch()
    subprocess.run(["bash", "-eo", "pipefail", "-c", command], env=shell | job, check=True)
    assert (tmp_path / "oidc-token").read_text() == "the token"
    assert (tmp_path / "oidc-token").stat().st_mode & 0o077 == 0
    said = ["bash", "-c", 'echo "$AWS_WEB_IDENTITY_TOKEN_FILE $AWS_ROLE_SESSION_NAME"']
    answer = subprocess.run(said, env=shell | job, capture_output=True, text=True, check=True)
    assert answer.stdout == f"{tmp_path}/oidc-token circleci-7\n"


def test_it_names_no_credential_and_no_orb(config: dict) -> None:
    """CircleCI's own token is not one that anybody keeps: it says which job this is and ends with it."""
    assert "orbs" not in config
    text = CONFIG.read_text().replace("CIRCLE_OIDC_TOKEN_V2", "").replace("AWS_WEB_IDENTITY_TOKEN_FILE", "")
    assert not re.search(r"ACCESS_KEY|API_KEY|TOKEN|PASSWORD|SECRET", text)


def test_environments_are_kept_under_the_locks_they_were_made_from(config: dict) -> None:
    (restore,) = [step["restore_cache"] for step in config["commands"]["prepare"]["steps"] if "restore_cache" in step]
    (save,) = steps_of(config["commands"]["keep_environments"], "save_cache")
    assert restore["keys"] == [save["key"]]
    for lock in ("dev", "checkov"):
        assert f'{{{{ checksum "requirements/{lock}.txt" }}}}' in save["key"]


def test_every_job_begins_with_the_sources(config: dict) -> None:
    """And needs nothing more: make brings the environments and Terraform."""
    assert all(job["steps"][0] == "prepare" for job in config["jobs"].values())
