"""Without SENTRY_DSN nothing of it is imported; with it, the library only when a run fails."""

import os
import subprocess
import sys

import pytest

from scripts.shared.environments import ROOT


@pytest.mark.parametrize(
    ("command", "variables", "imported"),
    [
        (["-m", "prefect.engine"], {}, []),
        (["-m", "prefect.engine"], {"SENTRY_DSN": ""}, []),
        (["-c", "import prefect.flows"], {"SENTRY_DSN": "https://key@sentry.example.com/1"}, []),
        (
            ["-m", "prefect.engine"],
            {"SENTRY_DSN": "https://key@sentry.example.com/1"},
            ["scripts.sentry", "scripts.sentry.watching"],
        ),
    ],
)
def test_what_a_process_imports_at_its_start(command, variables, imported):
    # Without the id of a run, Prefect's process ends before it asks for one.
    shell = {name: value for name, value in os.environ.items() if name not in ("SENTRY_DSN", "PREFECT__FLOW_RUN_ID")}
    done = subprocess.run(
        [sys.executable, "-X", "importtime", *command],
        env=shell | {"PYTHONPATH": str(ROOT)} | variables, capture_output=True, text=True, check=False,
    )  # fmt: skip
    modules = [line.rpartition("|")[2].strip() for line in done.stderr.splitlines() if line.startswith("import time:")]
    assert "sitecustomize" in modules, done.stderr
    assert "prefect" in modules, done.stderr
    assert [name for name in modules if "sentry" in name] == imported
