"""Containers are confined: not privileged, a read-only root file system, no added capability, nothing of the host."""

from collections.abc import Iterator
from typing import Any

from scripts.gate.reading.documents import containers
from scripts.gate.reading.plan import Finding, Plan

NEEDS = ("known_policies",)
EXPECTED = {
    "privileged": "privileged = false",
    "readonlyrootfilesystem": "readonlyRootFilesystem = true, with a volume for what is written",
    "capabilities": "no capability added",
    "host": "a namespace of the task's own",
    "user": "the image's own user, which is not root",
}


def check(plan: Plan) -> Iterator[Finding]:
    for definition in containers(plan):
        for name in ("ipc_mode", "network_mode", "pid_mode"):
            if definition.resource.after.get(name) == "host":
                yield Finding(definition.resource.address, f"{name} = host", EXPECTED["host"])
        for container in definition.items:
            for what, got in _problems(container):
                got = f"container {container.get('name')}: {got}"
                yield Finding(definition.resource.address, got, EXPECTED[what])


def _problems(container: dict[str, Any]) -> Iterator[tuple[str, str]]:
    if container.get("privileged") not in {None, False}:
        yield "privileged", f"privileged = {str(container['privileged']).lower()}"
    if container.get("readonlyrootfilesystem") is not True:
        yield "readonlyrootfilesystem", f"readonlyRootFilesystem = {container.get('readonlyrootfilesystem', 'unset')}"
    added = ((container.get("linuxparameters") or {}).get("capabilities") or {}).get("add")
    if added:
        yield "capabilities", f"added capabilities {', '.join(map(str, added))}"
    if str(container.get("user") or "").partition(":")[0] in {"0", "root"}:
        yield "user", f"user = {container['user']}"
