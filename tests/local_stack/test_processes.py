"""Only what a stack started is ended: known by pid and creation time, or by the mark in its environment."""

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
from patience import PATIENCE_SECONDS

from scripts.local_stack.supervisor import processes, supervision, supervisord
from scripts.shared.local_settings import LocalSettings


@pytest.fixture
def sleeper() -> Iterator[psutil.Popen]:
    """A process of somebody else."""
    process = psutil.Popen(["sleep", "9999"])
    yield process
    with suppress(psutil.NoSuchProcess):
        process.kill()
    process.wait(PATIENCE_SECONDS)


def remember(settings: LocalSettings, known: dict) -> None:
    """Write a stack's record that names one process."""
    processes.write_record(supervisord.record_file(settings), {"processes": {"aws": known}})


def test_a_process_that_has_got_the_pid_of_an_ended_one_is_left_alone(tmp_path: Path, sleeper: psutil.Popen):
    settings = LocalSettings(directory=tmp_path)
    remember(settings, {"pid": sleeper.pid, "created": sleeper.create_time() - 60})
    assert supervision.stop(settings) == 0
    assert sleeper.is_running()


def test_a_recorded_process_is_ended(tmp_path: Path, sleeper: psutil.Popen):
    settings = LocalSettings(directory=tmp_path)
    remember(settings, processes.identify(sleeper.pid))
    assert supervision.stop(settings) == 1
    assert sleeper.wait(PATIENCE_SECONDS) != 0


@pytest.mark.parametrize("variable", [processes.MARK, "HOME"])
def test_a_process_whose_pid_was_never_written_down_is_known_by_its_environment(tmp_path: Path, variable: str):
    """Ctrl-C may come between its start and its record."""
    settings = LocalSettings(directory=tmp_path)
    value = tmp_path if variable == processes.MARK else settings.tasks / "some-task"
    process = psutil.Popen(["sleep", "9999"], env=os.environ | {variable: str(value)})
    assert supervision.stop(settings) == 1
    assert process.wait(PATIENCE_SECONDS) != 0


def test_a_process_of_another_stack_is_left_alone(tmp_path: Path):
    other = psutil.Popen(["sleep", "9999"], env=os.environ | {processes.MARK: str(tmp_path / "other")})
    try:
        assert supervision.stop(LocalSettings(directory=tmp_path)) == 0
        assert other.is_running()
    finally:
        other.kill()
        other.wait(PATIENCE_SECONDS)


def test_what_ignores_sigterm_is_killed(sleeper: psutil.Popen):
    stubborn = psutil.Popen(["sh", "-c", "trap '' TERM; echo; while :; do sleep 0.1; done"], stdout=-1)
    stubborn.stdout.readline()
    assert processes.end([stubborn, sleeper], grace_seconds=0.5) == 2
    assert not stubborn.is_running()


@pytest.mark.parametrize("content", ["", "{", "[]", "null", '"stack"'])
def test_a_record_that_is_no_record_counts_as_empty(tmp_path: Path, content: str):
    path = tmp_path / "stack.json"
    path.write_text(content)

    assert processes.read_record(path) == {}
