"""A Chromium for the tests that open a page: this machine's, or one that apt-get brings."""

import os
import shutil
import subprocess

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
MACOS = (
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
)


def browser() -> str:
    """The path of a Chromium; the test fails without one and says how to get it."""
    found = _found() or (_installed() and _found())
    if not found:
        pytest.fail(
            "Browser: got no Chromium or Chrome on PATH; expected one: `sudo apt-get install chromium`, "
            "`brew install --cask chromium`, or name one with CHROMIUM=<path>."
        )
    return found


def _found() -> str | None:
    named = os.environ.get("CHROMIUM")
    return named or next(filter(None, [*map(shutil.which, NAMES), *filter(os.path.exists, MACOS)]), None)


def _installed() -> bool:
    """Whether apt-get brought one: it is there, and this user is root or needs no password to be."""
    if not all(map(shutil.which, ["apt-get", *([] if os.getuid() == 0 else ["sudo"])])):
        return False
    apt_get = [*([] if os.getuid() == 0 else ["sudo", "-n"]), "env", "DEBIAN_FRONTEND=noninteractive", "apt-get"]
    commands = (["update"], ["install", "--yes", "--no-install-recommends", "chromium"])
    return all(subprocess.run([*apt_get, *each], capture_output=True, check=False).returncode == 0 for each in commands)
