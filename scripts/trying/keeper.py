"""Keeps a try within the memory and the time of its task, and tells Prefect of one that ended without saying so.

    python -m scripts.trying.keeper <pid> <flow run> <memory in MiB> <most seconds>

A process of its own, because the flow may be killed. Prefect's address and credential are in its environment. Through
stdin the flow's process says that its run has ended.
"""

import os
import select
import sys
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING

import psutil

from scripts.local_stack.fargate import memory

if TYPE_CHECKING:
    from prefect import State

ENDED = b"."
LOOK_SECONDS = 0.2


def main() -> None:
    """Read the arguments and watch."""
    keep(int(sys.argv[1]), sys.argv[2], int(sys.argv[3]), float(sys.argv[4]))


def keep(pid: int, run: str, limit_mib: int, seconds: float, source: int = 0) -> None:
    """Watch until the process says through `source` that its run has ended, or is gone."""
    exited, why = threading.Event(), []

    def end(kind: str, reason: str) -> None:
        why.append((kind, reason))
        kill(pid)

    def out_of_memory() -> None:
        ask = f'job_variables={{"cpu": …, "memory": …}} on the deployment asks for more than {limit_mib} MiB.'
        end("Crashed", f"{memory.REASON}: {ask}")

    threading.Thread(target=memory.watch, args=(pid, limit_mib, exited, out_of_memory), daemon=True).start()
    until = time.monotonic() + seconds
    while True:
        was_alive = is_alive(pid)  # Before the pipe is read: it may say its last word and end.
        if select.select([source], [], [], LOOK_SECONDS)[0]:
            if os.read(source, 1) == ENDED:
                return
            break  # Its end of the pipe is closed: it is gone, and so is all that it started.
        if not was_alive:
            break
        if time.monotonic() > until:
            raised = 'tags=["time-limit:2h"] on the deployment raises it.'
            end("TimedOut", f"Ran for {seconds:.0f} s, its time limit: {raised}")
            break
    exited.set()
    kind, reason = (why or [("Crashed", "Its process was killed.")])[0]
    # One that was interrupted has told Prefect itself.
    if tell(run, kind, reason) or why:
        print(f"\n{kind}: {reason}", file=sys.stderr)


def is_alive(pid: int) -> bool:
    """Whether the process is there and has not ended: one whose end nobody has collected yet is a zombie."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def kill(pid: int) -> None:
    """SIGKILL the process and its children, but for this one."""
    with suppress(psutil.NoSuchProcess):
        process = psutil.Process(pid)
        for each in [process, *process.children(recursive=True)]:
            if each.pid != os.getpid():
                with suppress(psutil.NoSuchProcess):
                    each.kill()


def tell(run: str, kind: str, reason: str) -> bool:
    """Set the state of the run unless it is final; returns whether it was not."""
    from uuid import UUID

    from prefect.client.orchestration import get_client
    from prefect.states import Crashed, Failed

    state: State[None] = Crashed(message=reason) if kind == "Crashed" else Failed(name=kind, message=reason)
    with get_client(sync_client=True) as client:
        now = client.read_flow_run(UUID(run)).state
        if now and now.is_final():
            return False
        client.set_flow_run_state(UUID(run), state, force=True)
        return True


if __name__ == "__main__":
    main()
