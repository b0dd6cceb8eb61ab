"""A step shows what it did in one line, and a failed one why, and where the rest is."""

import signal
import sys
from io import StringIO

import pytest
from rich.console import Console

from scripts.shared import steps as module
from scripts.shared.environments import ROOT
from scripts.shared.refusal import Refusal
from scripts.shared.steps import Steps


@pytest.fixture
def steps(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "POLL_SECONDS", 0.01)
    steps = Steps(tmp_path / "logs")
    steps.console = Console(file=StringIO(), highlight=False, soft_wrap=True)
    return steps


def python(code):
    return sys.executable, "-c", code


def test_the_last_line_that_says_something_is_the_summary(steps, tmp_path):
    assert steps.run("Landing data", *python("print('a\\n365 files [new]\\n\\n  ')")) == "365 files [new]"
    started, ended = steps.console.file.getvalue().splitlines()
    assert started == "· 1 Landing data"
    assert ended.startswith("✓ 1 Landing data")
    assert ended.endswith(" s   365 files [new]")
    assert (tmp_path / "logs" / "1-landing-data.log").read_text().startswith("a\n")


def test_a_silent_step_has_an_empty_summary(steps):
    assert steps.run("Quiet", *python("pass")) == ""


def test_steps_are_counted_and_have_a_log_each(steps, tmp_path):
    steps.run("One", *python("pass"))
    steps.run("Two, and more", *python("pass"))
    assert sorted(path.name for path in (tmp_path / "logs").iterdir()) == ["1-one.log", "2-two-and-more.log"]
    assert "✓ 2 Two, and more" in steps.console.file.getvalue()


def test_a_failing_step_is_told_with_its_name_its_last_lines_and_its_log(steps, tmp_path, monkeypatch):
    monkeypatch.delenv("PYTHONUNBUFFERED", raising=False)
    code = "import sys; print(*range(100), sep='\\n'); sys.exit('boom [red]')"
    with pytest.raises(Refusal) as refused:
        steps.run("Apply", *python(code))
    assert refused.value.exit_code == 1
    lines = str(refused.value).strip().splitlines()
    log = tmp_path / "logs" / "1-apply.log"
    assert lines[-1] == f"Step 1 Apply failed with exit code 1. The whole log is {log}."
    end = lines[:-2]
    assert len(end) == module.LINES_ON_FAILURE
    assert {"99", "boom [red]"} <= set(end)
    assert "0" not in end
    assert "0\n1\n2\n" in log.read_text()
    assert "✗ 1 Apply" in steps.console.file.getvalue()


def test_a_step_runs_in_the_repository_with_the_variables_it_is_given(steps):
    code = "import os; print(os.getcwd(), os.environ['ONLY'])"
    summary = steps.run("Where", *python(code), env={"ONLY": "this"})
    assert summary == f"{ROOT} this"


def test_ctrl_c_waits_until_the_command_has_put_its_things_in_order(steps, tmp_path):
    """Terraform writes its state and frees its lock when it is interrupted; a killed one would do neither."""
    done = tmp_path / "done"
    presses = "import os, signal, time; [(os.kill(os.getppid(), signal.SIGINT), time.sleep(0.1)) for _ in range(3)]"
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            steps.run("Apply", *python(f"{presses}; open({str(done)!r}, 'w')"))
    finally:
        signal.signal(signal.SIGINT, before)
    assert done.exists()


def test_a_path_is_shown_as_one_would_type_it(tmp_path):
    assert module.display_path(ROOT / "build" / "local" / "report.html") == "build/local/report.html"
    assert module.display_path(tmp_path) == str(tmp_path)
