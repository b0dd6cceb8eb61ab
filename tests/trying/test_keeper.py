"""A process is held to its memory and its time, and what it could not say is said for it."""

import os
import subprocess
import sys

import pytest

from scripts.trying import keeper

FILL = "import time; held = b'x' * (300 * 2**20); time.sleep(600)"
WAIT = "import time; time.sleep(600)"
CHILD = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {FILL!r}])"


@pytest.fixture
def told(monkeypatch):
    """What Prefect is told."""
    told = []
    monkeypatch.setattr(keeper, "tell", lambda *said: told.append(said))
    return told


def keep(code, *, memory_mib=200, seconds=600.0, said=b""):
    """Keep a Python process of that code, whose end is collected only afterwards, and which has said something."""
    source, other = os.pipe()
    os.write(other, said)
    process = subprocess.Popen([sys.executable, "-c", code])
    keeper.keep(process.pid, "a run", memory_mib, seconds, source)
    os.close(other)
    os.close(source)
    return process.wait()


@pytest.mark.parametrize("code", [FILL, CHILD], ids=["itself", "its child"])
def test_a_process_that_uses_too_much_memory_is_ended_and_crashed(told, capsys, code):
    assert keep(code) == -9
    ((run, kind, reason),) = told
    assert (run, kind) == ("a run", "Crashed")
    assert reason.startswith("OutOfMemoryError: Container killed due to memory usage: job_variables=")
    assert reason in capsys.readouterr().err


def test_a_process_that_takes_too_long_is_ended_and_timed_out(told):
    assert keep(WAIT, seconds=0.5) == -9
    ((_, kind, reason),) = told
    assert (kind, reason[:9]) == ("TimedOut", "Ran for 0")


def test_of_a_process_that_has_said_its_end_nothing_is_told(told):
    assert keep("pass", said=keeper.ENDED) == 0
    assert told == []


def test_a_process_that_ends_without_a_word_is_crashed(told):
    keep("import os; os._exit(3)")
    assert told == [("a run", "Crashed", "Its process was killed.")]
