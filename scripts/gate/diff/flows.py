"""What changes about flows: deployments that are new, changed or gone, and what rights and secrets files declare."""

from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel

from scripts.gate.diff.grants import Grant, grant_lines
from scripts.gate.diff.line import Line, in_order
from scripts.gate.diff.values import flat
from scripts.gate.diff.words import change_words

# Fields of a deployment in the API's words that are compared as they are.
FIELDS = ("parameters", "tags", "job_variables", "concurrency_limit", "work_queue_name", "entrypoint")
NOT_OF_A_SCHEDULE = {"timezone", "anchor_date", "day_or"}


class Flows(BaseModel):
    """What the flow files of a commit describe. `deployments` are in the API's words, `permissions` name their flow,
    `secrets` are by flow."""

    deployments: list[dict[str, Any]]
    permissions: list[dict[str, Any]]
    secrets: dict[str, list[str]] = {}
    problems: list[str] = []


def flow_lines(base: Flows, head: Flows) -> tuple[Line, ...]:
    """Each deployment that comes, goes or changes, and what a flow file declares or no longer declares."""
    rights = [_rights(side) for side in (base, head)]
    lines = [
        line
        for flow in {**rights[0], **rights[1]}
        for line in grant_lines(f"flow {flow}", *(side.get(flow, set()) for side in rights))
    ]
    for flow in {**base.secrets, **head.secrets}:
        before, after = ({*side.secrets.get(flow, ())} for side in (base, head))
        lines += [Line("opens", f"flow {flow}", f"now receives {name}") for name in sorted(after - before)]
        lines += [Line("closes", f"flow {flow}", f"no longer receives {name}") for name in sorted(before - after)]
    old, new = (
        {f"{one['flow_name']}/{one['name']}": _values(one) for one in side.deployments} for side in (base, head)
    )
    for name in {**old, **new}:
        lines += _deployment(f"deployment {name}", old.get(name), new.get(name))
    return tuple(in_order(lines))


def _rights(flows: Flows) -> dict[str, set[Grant]]:
    found: dict[str, set[Grant]] = {}
    for each in flows.permissions:
        grants = {Grant("Allow", "", action, on) for action in each["actions"] for on in each["resources"]}
        found.setdefault(each["flow"], set()).update(grants)
    return found


def _deployment(subject: str, before: dict[str, Any] | None, after: dict[str, Any] | None) -> Iterator[Line]:
    if before is None or after is None:
        told = [path if path.endswith("”") else f"{path} {value}" for path, value in (after or {}).items()]
        yield Line("neutral", subject, f"new: {', '.join(told)}" if after else "gone")
        return
    for path in {**before, **after}:
        if before.get(path) != after.get(path):
            yield Line("neutral", subject, change_words("", path, before.get(path), after.get(path)))


def _values(deployment: dict[str, Any]) -> dict[str, Any]:
    """Everything of a deployment that a reader wants to know, each value by its path."""
    schedules = [_schedule(one) for one in deployment.get("schedules") or []]
    told = {
        "schedule": " and ".join(schedules) or "none",
        "paused": deployment.get("paused") or None,
        **{name.replace("_", " "): deployment.get(name) for name in FIELDS},
        "trigger": [str(one.get("name")) for one in deployment.get("triggers") or []],
        "takes": sorted((deployment.get("parameter_openapi_schema") or {}).get("properties") or {}),
    }
    return flat(told)


def _schedule(entry: dict[str, Any]) -> str:
    """`0 6 * * * Europe/Dublin`, with the parameters of its own."""
    schedule = entry["schedule"]
    when = " ".join(str(value) for key, value in schedule.items() if key not in NOT_OF_A_SCHEDULE)
    own = "".join(f", {path} {value}" for path, value in flat(entry.get("parameters") or {}).items())
    return f"{when} {schedule.get('timezone', '')}{own}{'' if entry.get('active', True) else ' (off)'}"
