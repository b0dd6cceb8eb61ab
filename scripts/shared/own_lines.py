"""Where in this repository's flows something went wrong: of an exception, and of a traceback in a log."""

import re
import traceback
from pathlib import Path

from scripts.shared.environments import ROOT

TRACEBACK = "Traceback (most recent call last)"
# A run's code lies in the image's folder; the same file lies in the working tree.
FRAME = re.compile(r'File "(?:[^"]*/)?((?:flows|scripts)/[^"]+\.py)", line (\d+)')
LIBRARY = re.compile(r'^ *File "[^"]*/site-packages/prefect/[^\n]*\n(?:(?! *File |\S).*\n?)*', re.MULTILINE)


def own_line(error: BaseException, root: Path = ROOT) -> str:
    """Last line of flows/ that an error passed, such as flows/x.py:12: its last frame is often deep in a library."""
    frames = [(frame.filename, frame.lineno) for frame in traceback.extract_tb(error.__traceback__)]
    ours = [(Path(file), line) for file, line in frames if Path(file).is_relative_to(root / "flows")]
    return f"{ours[-1][0].relative_to(root)}:{ours[-1][1]}" if ours else ""


def last_own_line(text: str) -> str:
    """The same of a traceback in a log; empty if it passed no flow."""
    found = [f"{file}:{line}" for file, line in FRAME.findall(text) if file.startswith("flows/")]
    return found[-1] if found else ""


def readable(text: str) -> str:
    """A log's text with the paths of the working tree, and without Prefect's own frames."""
    if TRACEBACK not in text:
        return text
    return FRAME.sub(lambda found: f'File "{found[1]}", line {found[2]}', LIBRARY.sub("", text))
