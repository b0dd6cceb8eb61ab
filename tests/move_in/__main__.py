"""Run the whole suite and `make up` in a copy of the repository that is another team's own.

    python -m tests.move_in

Exit code: 0 all of it passed, 1 a part failed; the copy is kept then, and its folder is said.
"""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.move_in.moving import move_in

# The copy's copy is made; its checks would be those of the copy once more.
ONCE = "--deselect tests/move_in/test_move_in.py::test_its_checks_pass"
TARGETS = (("lint",), ("test", f"ARGS={ONCE}"), ("up",), ("down",))
PORTS = ("AWS", "SNOWFLAKE", "DBT", "PREFECT", "AGENT_HEALTH")


def free_ports() -> dict[str, str]:
    """Ports of the local stack that nobody holds now, by the variables that choose them."""
    probes = [socket.create_server(("127.0.0.1", 0)) for _ in PORTS]
    ports = {f"DATA_FLOWS_{name}_PORT": str(probe.getsockname()[1]) for name, probe in zip(PORTS, probes, strict=True)}
    for probe in probes:
        probe.close()
    return ports


def main() -> int:
    """Move in, then test and run everything there."""
    copy = Path(tempfile.mkdtemp(prefix="move-in-"))
    environments = move_in(copy)
    print(f"A copy with {', '.join(environments)} and a flow of its own is in {copy}", flush=True)
    shell = {
        name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))
    } | free_ports()
    failed = [
        target
        for target, *arguments in TARGETS  # `down` comes last whatever happened before it.
        if subprocess.run(["make", target, *arguments], cwd=copy, env=shell, check=False).returncode
    ]
    if failed:
        print(f"make {' '.join(failed)} failed in {copy}", file=sys.stderr)
        return 1
    shutil.rmtree(copy)
    return 0


if __name__ == "__main__":
    sys.exit(main())
