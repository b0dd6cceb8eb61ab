"""At a terminal a value is typed or pasted without being shown; otherwise it comes on standard input."""

import io
import os
import pty
import sys
import threading
from types import SimpleNamespace

import pytest
from patience import until

from scripts.parameters import asking
from scripts.shared.key_pair import new_key_pair

BODY = new_key_pair()[0]
PEM = "\n".join(
    [
        "-----BEGIN PRIVATE KEY-----",
        *(BODY[at : at + 64] for at in range(0, len(BODY), 64)),
        "-----END PRIVATE KEY-----",
    ]
)


class Terminal:
    """A person at a pseudo-terminal. `shown` is all that the terminal has displayed."""

    def __init__(self, monkeypatch):
        self.person, self.program = pty.openpty()
        self.shown = b""
        self.stdin, self.stderr = os.fdopen(self.program, "r"), os.fdopen(os.dup(self.program), "w")
        self.monkeypatch = monkeypatch
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self):
        while True:
            try:
                self.shown += os.read(self.person, 1000)
            except OSError:
                return

    def asked(self, typed):
        """What `ask` returns to somebody who types this when asked."""
        self.monkeypatch.setattr(sys, "stdin", self.stdin)  # Not earlier: pytest sets both at the start of a test.
        self.monkeypatch.setattr(sys, "stderr", self.stderr)
        answer = []
        asking_thread = threading.Thread(target=lambda: answer.append(asking.ask("SHOP_TOKEN")))
        asking_thread.start()
        until(lambda: b"SHOP_TOKEN" in self.shown)
        os.write(self.person, typed)
        asking_thread.join()
        return answer[0]

    def echoes(self):
        return bool(asking.termios.tcgetattr(self.person)[3] & asking.termios.ECHO)


@pytest.fixture
def terminal(monkeypatch):
    return Terminal(monkeypatch)


def test_what_is_typed_is_not_shown_and_the_terminal_shows_again_afterwards(terminal):
    assert terminal.asked(b"s3cr3t\n") == b"s3cr3t\n"
    assert b"s3cr3t" not in terminal.shown
    assert terminal.echoes()


def test_a_pasted_key_is_taken_whole_and_nothing_of_it_is_left_for_the_shell(terminal):
    assert terminal.asked(f"{PEM}\n".encode()).decode() == f"{PEM}\n"
    assert BODY[:20].encode() not in terminal.shown
    os.write(terminal.person, b"next\n")
    assert terminal.stdin.readline() == "next\n"


def test_the_end_of_input_at_a_terminal_is_no_value(terminal):
    assert terminal.asked(b"\x04") == b""


def test_a_pipe_is_read_to_its_end_as_bytes(monkeypatch):
    pipe = SimpleNamespace(isatty=lambda: False, buffer=io.BytesIO(b"\x30\x82\ntwo lines"))
    monkeypatch.setattr(sys, "stdin", pipe)
    assert asking.ask("SHOP_TOKEN") == b"\x30\x82\ntwo lines"
