"""Reads a value from whoever has it: hidden at a terminal, otherwise from standard input. Never from a command line."""

import sys
import termios


def ask(name: str) -> bytes:
    """The value as it was given; empty if nothing was."""
    return _typed(f"{name} (hidden; Enter ends it): ").encode() if sys.stdin.isatty() else sys.stdin.buffer.read()


def _typed(prompt: str) -> str:
    """A line that the terminal does not show, or all lines of a PEM that is pasted.

    getpass reads one line. The rest of a pasted key would be run by the shell, and stand in its history.
    """
    terminal = sys.stdin.fileno()
    before = termios.tcgetattr(terminal)
    hidden = [*before[:3], before[3] & ~termios.ECHO, *before[4:]]
    try:
        termios.tcsetattr(terminal, termios.TCSAFLUSH, hidden)
        print(prompt, end="", file=sys.stderr, flush=True)
        text = line = sys.stdin.readline()
        while line and "-----BEGIN" in text and "-----END" not in text:
            line = sys.stdin.readline()
            text += line
    finally:
        termios.tcsetattr(terminal, termios.TCSAFLUSH, before)  # Flushed: what was pasted too much goes nowhere.
        print(file=sys.stderr)
    return text
