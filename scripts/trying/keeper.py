"""Keeps a try within the memory and the time of its task, and tells Prefect of one that ended without saying so.

    python -m scripts.trying.keeper <pid> <flow run> <memory in MiB> <most seconds>

A process of its own, because the flow may be killed. Prefect's address and credential are in its environment. Through
stdin the flow's process says that its run has ended.
"""

import os
import sys
import threading
from typing import TYPE_CHECKING

import psutil

from scripts.local_stack.fargate import memory

if TYPE_CHECKING:
    from prefect import State

ENDED = b"."


def main() -> None:
    """Watch until the process is gone."""
    pid, run, limit_mib, seconds = int(sys.argv[1]), sys.argv[2], int(sys.argv[3]), float(sys.argv[4])
    exited, why = threading.Event(), []

    def end(kind: str, reason: str) -> None:
        why.append((kind, reason))
        kill(pid)

    def out_of_memory() -> None:
        ask = f'job_variables={{"cpu": …, "memory": …}} on the deployment asks for more than {limit_mib} MiB.'
        end("Crashed", f"{memory.REASON}: {ask}")

    threading.Thread(target=memory.watch, args=(pid, limit_mib, exited, out_of_memory), daemon=True).start()
    try:
        psutil.Process(pid).wait(seconds)
    except psutil.TimeoutExpired:
        end("TimedOut", f'Ran for {seconds:.0f} s, its time limit: tags=["time-limit:2h"] on the deployment raises it.')
        psutil.Process(pid).wait()
    except psutil.NoSuchProcess:
        pass
    exited.set()
    if not has_said_its_end():
        kind, reason = (why or [("Crashed", "Its process was killed.")])[0]
        print(f"\n{kind}: {reason}", file=sys.stderr)
        tell(run, kind, reason)


def kill(pid: int) -> None:
    """SIGKILL the process and its children, but for this one."""
    process = psutil.Process(pid)
    for each in [process, *process.children(recursive=True)]:
        if each.pid != os.getpid():
            each.kill()


def has_said_its_end() -> bool:
    """Whether the flow's process has said so before it ended."""
    os.set_blocking(0, False)
    try:
        return os.read(0, 1) == ENDED
    except BlockingIOError:  # A child of the flow outlives it and holds the other end.
        return False


def tell(run: str, kind: str, reason: str) -> None:
    """Set the state of the run unless it is final."""
    from uuid import UUID

    from prefect.client.orchestration import get_client
    from prefect.states import Crashed, Failed

    state: State[None] = Crashed(message=reason) if kind == "Crashed" else Failed(name=kind, message=reason)
    with get_client(sync_client=True) as client:
        now = client.read_flow_run(UUID(run)).state
        if not (now and now.is_final()):
            client.set_flow_run_state(UUID(run), state, force=True)


if __name__ == "__main__":
    main()
