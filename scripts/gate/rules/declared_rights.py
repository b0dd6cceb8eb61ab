"""A flow's task definition has the secrets and the role that flow files declare, and no definition has others."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from scripts.gate.permissions.flow_definitions import COMMON
from scripts.gate.reading.documents import containers
from scripts.gate.reading.facts import facts
from scripts.gate.reading.plan import Finding, Plan
from scripts.shared.known_parameters import of_every_run

NEEDS = ("known_policies", "secrets_by_arn")
OURS = True


@dataclass(frozen=True)
class Wanted:
    """What runs of one definition receive, and the flow files that start from it."""

    secrets: set[str]
    role_path: str
    role: str
    flows: tuple[str, ...]

    def __str__(self) -> str:
        flows = ", ".join(f"flows/{flow}.py" for flow in self.flows) or "files that declare nothing"
        return f"what {flows} may have"


def check(plan: Plan) -> Iterator[Finding]:
    wanted = _wanted(plan)
    account, title = plan.required("account_id"), facts(plan)["title"]
    seen = set()
    for definition in containers(plan):
        after, address = definition.resource.after, definition.resource.address
        family = str(after.get("family"))
        if family == f"{title}-agent":
            continue
        if family not in wanted:
            yield Finding(address, f"family {family}", f"one that a flow file asks for: {', '.join(sorted(wanted))}")
            continue
        seen.add(family)
        of = wanted[family]
        role = f":iam::{account}:role{of.role_path}{of.role}"
        if not str(after.get("task_role_arn")).endswith(role):
            yield Finding(address, f"task_role_arn {after.get('task_role_arn')}", f"{of}: arn:aws{role}")
        for container in definition.items:
            # What a secret is called says nothing: the parameter that it comes from is what the run gets.
            got = {str(each.get("valuefrom")).rpartition("/")[2] for each in container.get("secrets") or ()}
            if got != of.secrets:
                more, less = (", ".join(sorted(each)) or "none" for each in (got - of.secrets, of.secrets - got))
                yield Finding(address, f"secrets with {more} too many and {less} missing", str(of))
    # Whether there is any at all, decided_values asks.
    for family in sorted(set(wanted) - seen) if seen else ():
        yield Finding("aws_ecs_task_definition", f"none of the family {family}", f"one with {wanted[family]}")
    yield from _roles(plan, {(each.role, each.role_path) for each in wanted.values()})


def _roles(plan: Plan, known: set[tuple[str, str]]) -> Iterator[Finding]:
    """A flow's role stands where the agent may pass it, and no other role does."""
    path = _path(plan)
    for role in plan.planned("aws_iam_role"):
        name, got = str(role.after.get("name")), role.after.get("path") or "/"
        if (name, got) not in known and (got == path or (name, path) in known):
            expected = f"path {path} for the roles of flow files that declare permissions, / for others"
            yield Finding(role.address, f"role {name} with path {got}", expected)


def _path(plan: Plan) -> str:
    return f"{facts(plan)['path']}/flows/"


def _wanted(plan: Plan) -> dict[str, Wanted]:
    """What each family is to have, by the plan's own variables."""
    title = facts(plan)["title"]
    given: dict[str, Any] = {name: plan.setting(name) for name in ("parameters", "prefect_credential")}
    every_run = of_every_run(given)
    with_rights = {each["flow"] for each in plan.setting("flow_permissions") or []}
    found = {f"{title}-{COMMON}": Wanted(every_run, "/", f"{title}-{COMMON}", ())}
    for flow, definition in (plan.setting("flow_definitions") or {}).items():
        family = f"{title}-{definition['name']}"
        secrets = every_run | set(definition["secrets"])
        path, role = (_path(plan), family) if flow in with_rights else ("/", f"{title}-{COMMON}")
        # Of two files that ask for one definition with different rights, the second finds it wrong: Terraform refuses.
        known = found.get(family, Wanted(secrets, path, role, ()))
        found[family] = Wanted(known.secrets & secrets, known.role_path, known.role, (*known.flows, flow))
    return found
