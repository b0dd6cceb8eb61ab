"""`make up` runs once at a time, and when it ends early it says what still runs and how to go on."""

import sys
import time
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from scripts import show_logs, start_local
from scripts.local_stack import bring_up, seed_landing, summary
from scripts.local_stack.bring_up import hold_lock
from scripts.local_stack.supervisor import supervision
from scripts.shared import terraform
from scripts.shared.local_settings import LocalSettings
from scripts.shared.refusal import Refusal
from scripts.shared.steps import Steps


@pytest.fixture
def settings(tmp_path, monkeypatch):
    """A local stack of its own, of which nothing runs."""
    monkeypatch.setenv("DATA_FLOWS_DIRECTORY", str(tmp_path / "stack"))
    monkeypatch.setattr(terraform, "check_version", lambda: None)
    monkeypatch.setattr(sys, "argv", ["start_local"])
    monkeypatch.setattr(start_local, "FlowImport", lambda _: nullcontext(SimpleNamespace(sound_result=list)))
    parts = [supervision.Part("aws", 4711, "RUNNING", "", 1.0), supervision.Part("prefect", None, "FATAL", "", 0.0)]
    monkeypatch.setattr(supervision, "status", lambda _: parts)
    return LocalSettings.load()


@pytest.fixture
def steps(monkeypatch):
    """Commands of the steps, none of which is run."""
    ran = []
    monkeypatch.setattr(Steps, "run", lambda *arguments, **_: ran.append(arguments[4:]))
    monkeypatch.setattr(bring_up, "remove_stale_lock", lambda _: ran.append(("stale lock",)))
    monkeypatch.setattr(
        bring_up, "tags_by_deployment", lambda _: {"b/daily": ["run:up"], "a/daily": ["run:up:2"], "c/d": []}
    )
    monkeypatch.setattr(seed_landing, "landing_files", lambda: [Path("flows/_landing.py")])
    monkeypatch.setattr(summary, "print_summary", lambda *_: ran.append("summary"))
    return ran


def test_a_second_make_up_while_one_is_under_way_is_refused(settings, steps):
    with hold_lock(settings), pytest.raises(Refusal, match="Another `make up` is running; expected none: wait"):
        start_local.main()
    assert steps == []


def test_once_the_first_has_ended_the_next_may_begin(settings, steps):
    with pytest.raises(KeyboardInterrupt), hold_lock(settings):
        raise KeyboardInterrupt
    start_local.main()
    assert steps[-1] == "summary"


def test_another_stack_is_brought_up_beside_it(settings, tmp_path):
    with hold_lock(settings), hold_lock(LocalSettings.load(directory=tmp_path / "another")):
        pass


def test_apply_comes_after_the_gate_and_registration_after_apply(settings, steps):
    start_local.main()
    commands = [" ".join(command).removeprefix("scripts.") for command in steps[:-1]]
    assert commands == [
        "local_stack.supervisor.start", "stale lock", "plan_environment local --flows-checked",
        "apply_plan local", "local_stack.seed_landing", "register_flows --env local", "run_flow b/daily --registered",
        "run_flow a/daily --registered",
    ]  # fmt: skip


def test_fast_leaves_out_sample_data_and_first_runs_and_nothing_else(settings, steps, monkeypatch):
    start_local.main()
    everything = steps[:]
    steps.clear()
    monkeypatch.setattr(sys, "argv", ["start_local", "--fast"])
    start_local.main()
    left_out = [step for step in everything if step not in steps]
    assert [step[0] for step in left_out] == ["scripts.local_stack.seed_landing", *["scripts.run_flow"] * 2]
    assert [step for step in everything if step in steps] == steps


@pytest.mark.parametrize("given", [True, False])
def test_the_seconds_begin_before_the_steps(settings, steps, monkeypatch, given):
    """With what Make did first, or at least with this process."""
    since = time.time() - 1000 if given else psutil.Process().create_time()
    monkeypatch.setattr(sys, "argv", ["start_local", *(["--since", str(since)] if given else [])])
    told = []
    monkeypatch.setattr(summary, "print_summary", lambda *given: told.append(given[-1]))
    before = time.time()
    start_local.main()
    assert before - since <= told[0] <= time.time() - since


def test_without_flows_and_landing_data_there_are_as_many_steps_as_there_is_to_do(settings, steps, monkeypatch):
    monkeypatch.setattr(bring_up, "tags_by_deployment", lambda _: {})
    monkeypatch.setattr(seed_landing, "landing_files", list)
    start_local.main()
    assert [command[0] for command in steps[-3:-1]] == ["scripts.apply_plan", "scripts.register_flows"]


def test_a_wrong_terraform_is_told_before_anything_starts(settings, steps, monkeypatch):
    def wrong():
        raise Refusal("Terraform: got 1.5.7")

    monkeypatch.setattr(terraform, "check_version", wrong)
    with pytest.raises(Refusal, match=r"got 1\.5\.7"):
        start_local.main()
    assert steps == []
    assert not settings.directory.exists()


def test_a_wrong_flow_file_is_told_before_anything_starts(settings, steps, monkeypatch, capsys):
    def refuse():
        raise Refusal("flows/a.py:1: got x; expected y.", 1)

    monkeypatch.setattr(start_local, "FlowImport", lambda _: nullcontext(SimpleNamespace(sound_result=refuse)))
    with pytest.raises(Refusal, match=r"flows/a\.py:1: got x"):
        start_local.main()
    assert (steps, capsys.readouterr().out) == ([], "")


@pytest.mark.parametrize("error", [Refusal("Step 3 Apply failed", 1), KeyboardInterrupt()], ids=["failed", "ctrl-c"])
def test_a_failed_or_interrupted_step_ends_with_what_still_runs_and_how_to_go_on(settings, monkeypatch, capsys, error):
    def end(*_, **__):
        raise error

    monkeypatch.setattr(Steps, "run", end)
    with pytest.raises(type(error)) as raised:
        start_local.main()
    assert raised.value is error
    last = capsys.readouterr().out.splitlines()[-1]
    assert last == "Still running: aws (pid 4711). `make up` continues from here, `make down` stops it."


def test_the_end_of_a_log_is_shown(settings, monkeypatch, capsys):
    log = supervision.log_path(settings, "prefect")
    log.parent.mkdir(parents=True)
    log.write_text("\n".join(map(str, range(1000))) + "\n")
    monkeypatch.setattr(sys, "argv", ["show_logs", "--name", "prefect"])
    show_logs.main()
    lines = capsys.readouterr().out.splitlines()
    assert (len(lines), lines[-1]) == (show_logs.LAST_LINES, "999")


@pytest.mark.parametrize("name", ["prefect", "agent", "nonsense", "../../etc/passwd"])
def test_a_log_that_is_not_there_is_told_with_those_there_may_be(settings, monkeypatch, name):
    monkeypatch.setattr(sys, "argv", ["show_logs", "--name", name])
    with pytest.raises(
        Refusal,
        match=r"expected (one of a running local stack|aws, snowflake, dbt, prefect, agent or the id of a task)",
    ):
        show_logs.main()
