"""One deployment: what Prefect is to hold of it, how that differs from what it holds, and the write that brings it."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from scripts.registration import schedules
from scripts.registration.actions import CREATE, UNCHANGED, UPDATE, Action
from scripts.registration.api import Prefect
from scripts.registration.stack import Stack
from scripts.shared.flow_files import flow_of

# Part of every digest: another number makes the next registration write everything.
RULE = 2
DIGEST_TAG = "registered:"
SWITCHES_LABEL = "data-flows.switches"
FROM_CODE = (
    *("name", "description", "parameters", "parameter_openapi_schema", "enforce_parameter_schema"),
    *("concurrency_limit", "concurrency_options", "job_variables", "work_queue_name", "entrypoint"),
)


@dataclass(frozen=True)
class Deployment:
    """A deployment as Prefect is to hold it: `fields` in the API's words, `schedules` switched as the code says."""

    title: str
    file: str
    flow_name: str
    fields: dict[str, Any]
    schedules: list[dict[str, Any]]
    is_paused: bool

    @property
    def switches(self) -> dict[str, str]:
        """How the code switches the deployment and each schedule. Prefect holds it as a label: what differs from that
        was switched by a person."""
        return {"paused": str(int(self.is_paused)), **schedules.switches(self.schedules)}

    @property
    def digest_tag(self) -> str:
        """The digest of all that is written, but for the version: of which image and commit the last change was."""
        anchors = sorted(f"{schedules.key(each)} {each['schedule'].get('anchor_date')}" for each in self.schedules)
        content = json.dumps([RULE, self.title, self.fields, self.switches, anchors], sort_keys=True)
        return f"{DIGEST_TAG}{hashlib.sha256(content.encode()).hexdigest()[:16]}"


def deployment(imported: dict[str, Any], stack: Stack) -> Deployment:
    """What Prefect is to hold of an imported deployment."""
    own = stack.declared.get(flow_of(imported["file"]), {})
    chosen = {"definition": own["definition"]} if own else {}
    fields = {name: imported[name] for name in FROM_CODE} | {
        "job_variables": imported["job_variables"] | chosen,
        "tags": sorted({*imported["tags"], stack.tag}),
        "work_pool_name": stack.pool,
        "path": ".",  # The image's working directory holds flows/.
        "pull_steps": [],
    }
    return Deployment(
        title=f"{imported['flow_name']}/{imported['name']}",
        file=imported["file"],
        flow_name=imported["flow_name"],
        fields=fields,
        schedules=[each | {"active": each["active"] and stack.has_active_schedules} for each in imported["schedules"]],
        is_paused=bool(imported["paused"]),
    )


def difference(wanted: Deployment, registered: dict[str, Any]) -> list[str]:
    """Names of the fields that Prefect holds otherwise, such as `schedule` or `parameters.max_rows`."""
    limit = registered.get("global_concurrency_limit")
    shown = registered | {
        "tags": sorted(tag for tag in registered["tags"] if not tag.startswith(DIGEST_TAG)),
        "concurrency_limit": limit and limit["limit"],
    }
    if wanted.fields["work_queue_name"] is None and registered.get("work_queue_name") == "default":
        shown["work_queue_name"] = None  # The pool's own queue.
    changed = [
        name
        for field, value in wanted.fields.items()
        if value or shown.get(field)
        for name in _changed(field, value, shown.get(field))
    ]
    if not schedules.are_same(wanted.schedules, registered["schedules"]):
        changed.append("schedule")
    elif before := _coded_switches(registered):
        names = {name for name, _ in {*before.items()} ^ {*wanted.switches.items()}}
        changed += ["paused"] if "paused" in names else []
        changed += ["schedule.active"] if names - {"paused"} else []
    if not changed and wanted.digest_tag not in registered["tags"]:
        changed.append("digest")
    return sorted(changed)


def _coded_switches(registered: dict[str, Any]) -> dict[str, str]:
    """The switches that a deployment was last written with; none if something else wrote it."""
    return dict(entry.split("=") for entry in (registered.get("labels") or {}).get(SWITCHES_LABEL, "").split())


def _changed(name: str, wanted: Any, registered: Any) -> Iterator[str]:
    """Dotted names of what differs, as deep as both hold objects."""
    if isinstance(wanted, dict) and isinstance(registered, dict):
        for key in {**wanted, **registered}:
            if key in wanted and key in registered:
                yield from _changed(f"{name}.{key}", wanted[key], registered[key])
            else:
                yield f"{name}.{key}"
    elif wanted != registered:
        yield name


def upsert(prefect: Prefect, wanted: Deployment, registered: dict[str, Any] | None, version: str) -> Action:
    """Create a deployment, or write all of it if anything differs. One request does it whole or not at all."""
    changed = difference(wanted, registered) if registered else []
    if registered and not changed:
        return Action(wanted.title, UNCHANGED, is_deployment=True)

    async def write() -> None:
        # Read again: somebody may have paused something since, and a write makes schedules anew.
        now = registered and (await prefect.read(f"deployments/{registered['id']}") or registered)
        flow_id = now["flow_id"] if now else (await prefect.write("POST", "flows/", {"name": wanted.flow_name}))["id"]
        coded = _coded_switches(now) if now else {}
        content = wanted.fields | {
            "flow_id": flow_id,
            "version": version,
            "tags": [*wanted.fields["tags"], wanted.digest_tag],
            "labels": {SWITCHES_LABEL: " ".join(f"{name}={value}" for name, value in wanted.switches.items())},
            "schedules": schedules.as_switched_by_hand(wanted.schedules, now["schedules"] if now else [], coded),
        }
        if not now or coded.get("paused") == str(int(now["paused"])):  # Otherwise a person switched it.
            content["paused"] = wanted.is_paused
        if not now:  # What is left out is Prefect's default, and costs it less than when it is said.
            content = {name: value for name, value in content.items() if value not in (None, {}, [])}
        await prefect.write("POST", "deployments/", content)

    return Action(wanted.title, UPDATE if registered else CREATE, ", ".join(changed), write, is_deployment=True)
