"""Whether flow files declare what is applied: a run gets the rights and secrets of the applied plan, and no others."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from scripts.gate.permissions import flow_permissions
from scripts.shared import flow_secrets
from scripts.shared.environments import ROOT
from scripts.shared.known_parameters import parameter_types, with_companions, without_companions

Rights = tuple[list[str], list[dict[str, Any]]]


def declared(root: Path = ROOT, *, strict: bool = True) -> dict[str, Rights]:
    """Secrets and permissions of each flow file that declares some, by its path below flows/ without its ending.

    Raises:
        Refusal: as `declarations.read` does.
    """
    secrets = flow_secrets.declared(root, strict=strict)
    permissions: dict[str, list[dict[str, Any]]] = {}
    for each in flow_permissions.declared(root, strict=strict):
        own = {name: each[name] for name in ("actions", "resources")}
        permissions.setdefault(each["flow"], []).append(own)
    return {
        flow: (without_companions(secrets.get(flow, [])), permissions.get(flow, []))
        for flow in {**secrets, **permissions}
    }


def not_applied(
    applied: Mapping[str, Mapping[str, Any]], root: Path = ROOT, *, strict: bool = True
) -> dict[str, list[str]]:
    """Which of `secrets` and `permissions` of a flow file differ from what is applied, by its path below flows/."""
    wanted = declared(root, strict=strict)
    there = {flow: (without_companions(each["secrets"]), each["permissions"]) for flow, each in applied.items()}
    found = {}
    for flow in sorted({*wanted, *there}):
        pairs = zip(("secrets", "permissions"), wanted.get(flow, ([], [])), there.get(flow, ([], [])), strict=True)
        if differing := [kind for kind, new, old in pairs if new != old]:
            found[flow] = differing
    return found


def problems(applied: Mapping[str, Mapping[str, Any]], root: Path = ROOT) -> Iterator[str]:
    """Each flow file whose runs would not get what it declares. Files that cannot be read are told by their import."""
    for flow, kinds in not_applied(applied, root, strict=False).items():
        if (root / "flows" / f"{flow}.py").is_file():
            got = " and ".join(f"`{kind}`" for kind in kinds)
            remedy = "`make plan` and `make apply` first, or `make up` on the local stack"
            yield f"flows/{flow}.py: got {got} that are not applied; expected what its runs get: {remedy}."


def beyond(applied: Mapping[str, Any], facts: Mapping[str, Any], root: Path = ROOT) -> Iterator[str]:
    """What flow files declare that changes roles, so that no pipeline may apply it. `applied` is the output `flows`."""
    expected = "expected what is applied: an administrator plans and applies it first"
    page = "(docs/runbook.md#what-a-release-may-not-change)"
    for flow, kinds in not_applied(applied["declared"], root).items():
        if "permissions" in kinds:
            yield f"flows/{flow}.py: got `permissions` of its own that are new, changed or gone; {expected} {page}."
    names = {name for secrets in flow_secrets.declared(root).values() for name in with_companions(secrets, facts)}
    wanted, there = {*parameter_types(facts, names)}, {*applied["parameters"]}
    for name in sorted(wanted ^ there):
        how = "which no run may be given yet" if name in wanted else "which no flow and no fact names any more"
        yield f"parameter {name}: got one {how}; {expected} {page}."
