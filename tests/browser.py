"""A Chromium for the tests that open a page: this machine's, or one that apt-get brings."""

import json
import os
import shlex
import shutil
import subprocess
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
import websockets
from websockets.sync.client import connect

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
MACOS = (
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
)

FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update", "--disable-dev-shm-usage",
    "--no-proxy-server", "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
)  # fmt: skip


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


class Window:
    """A browser as the user's: whatever opens an address runs `command`, and then its page can be asked."""

    def __init__(self, folder: Path) -> None:
        self.profile = folder / "profile"
        self.command = folder / "browser"
        flags = [*FLAGS, f"--user-data-dir={self.profile}", "--remote-debugging-port=0"]
        self.command.write_text(f'#!/bin/sh\nexec {shlex.join([browser(), *flags])} "$1" >/dev/null 2>&1\n')
        self.command.chmod(0o700)

    def ask(self, expression: str) -> Any:
        """Value of a JavaScript expression in the page that is open now; None while there is none."""
        with suppress(OSError, StopIteration, websockets.WebSocketException):
            port = (self.profile / "DevToolsActivePort").read_text().split()[0]
            pages = httpx.get(f"http://127.0.0.1:{port}/json", trust_env=False).json()
            address = next(each["webSocketDebuggerUrl"] for each in pages if each["type"] == "page")
            with connect(address, proxy=None) as socket:
                request = {"expression": expression, "returnByValue": True}
                socket.send(json.dumps({"id": 1, "method": "Runtime.evaluate", "params": request}))
                return json.loads(socket.recv())["result"]["result"].get("value")
        return None

    def processes(self) -> list[psutil.Process]:
        """Those of the browser."""
        return [each for each in psutil.process_iter() if any(str(self.profile) in arg for arg in arguments(each))]

    def close(self) -> None:
        """End the browser."""
        for process in self.processes():
            with suppress(psutil.Error):
                process.kill()


def arguments(process: psutil.Process) -> list[str]:
    """The command line of a process, as every user of the machine can see it."""
    with suppress(psutil.Error):
        return process.cmdline()
    return []
