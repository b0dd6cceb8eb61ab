"""A command that is interrupted is waited for: it has things to put in order."""

import os
import signal
import subprocess
import sys
import time

from scripts.shared.environments import ROOT

# Ignores nothing: it takes two seconds after the interrupt to save what it has, as Terraform does.
SLOW = """
import pathlib, signal, sys, time
def save(*_):
    time.sleep(2)
    pathlib.Path(sys.argv[1]).write_text("saved")
    sys.exit(0)
signal.signal(signal.SIGINT, save)
print("ready", flush=True)
time.sleep(60)
"""
CALLER = """
import sys
from scripts.shared.child import run_to_end
run_to_end([sys.executable, "-c", sys.argv[1], sys.argv[2]])
"""


def test_a_command_that_was_interrupted_ends_by_itself(tmp_path):
    saved = tmp_path / "saved"
    command = [sys.executable, "-c", CALLER, SLOW, str(saved)]
    caller = subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    assert caller.stdout.readline() == "ready\n"
    os.killpg(caller.pid, signal.SIGINT)
    time.sleep(0.5)
    os.killpg(caller.pid, signal.SIGINT)  # An impatient second one changes nothing.
    _, errors = caller.communicate(timeout=30)
    assert "KeyboardInterrupt" in errors
    assert saved.read_text() == "saved"
