"""A command that is interrupted is waited for: it has things to put in order."""

import os
import signal
import subprocess
import sys

from patience import PATIENCE_SECONDS

from scripts.shared.environments import ROOT

# It takes two seconds after the interrupt to save what it has, as Terraform does.
SLOW = """
import pathlib, signal, sys, time
def save(*_):
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    print("interrupted", flush=True)
    time.sleep(2)
    pathlib.Path(sys.argv[1]).write_text("saved")
    sys.exit(0)
signal.signal(signal.SIGINT, save)
print("ready", flush=True)
time.sleep(9999)
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
    assert caller.stdout.readline() == "interrupted\n"
    os.killpg(caller.pid, signal.SIGINT)  # An impatient second one changes nothing.
    _, errors = caller.communicate(timeout=PATIENCE_SECONDS)
    assert "KeyboardInterrupt" in errors
    assert saved.read_text() == "saved"
