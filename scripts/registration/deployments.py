"""Deployments: what Prefect is to hold of each, how that differs from what it holds, and what is to be done."""

import hashlib
import json
from dataclasses import dataclass
from typing import Any

from scripts.registration import schedules
from scripts.registration.actions import CREATE, PRUNE, UNCHANGED, UPDATE, Action
from scripts.registration.api import PAGE, Prefect
from scripts.registration.closure import as_label, changed_files, digest_of
from scripts.shared.environments import Environment

# Part of every digest: another number makes the next registration write everything. The image is no part of it; a
# deployment reaches the image through the work pool's task definition alone.
RULE = 1
DIGEST_TAG = "registered:"
COUNTED = 100  # Prefect on SQLite takes no more than 127 tags at once.
WORTH_READING = 4
SOURCES_LABEL, ACTIVE_LABEL = "data-flows.sources", "data-flows.active"
FROM_CODE = (
    *("name", "description", "parameters", "parameter_openapi_schema", "enforce_parameter_schema"),
    *("concurrency_limit", "concurrency_options", "job_variables", "work_queue_name", "entrypoint"),
)


def owner_tag(environment: Environment) -> str:
    """Tag by which a deployment is known to be this repository's, in this environment."""
    return f"data-flows:{environment.name}"


@dataclass(frozen=True)
class Wanted:
    """One deployment as Prefect is to hold it. `fields` are the API's; `schedules` as the code has them."""

    title: str
    file: str
    flow_name: str
    fields: dict[str, Any]
    schedules: list[dict[str, Any]]
    paused: bool
    closure: dict[str, str]
    digest_tag: str


def wanted(deployment: dict[str, Any], closure: dict[str, str], environment: Environment, pool: str) -> Wanted:
    """Everything that is registered of a deployment, and the digest of it all."""
    fields = {name: deployment[name] for name in FROM_CODE} | {
        "tags": sorted({*deployment["tags"], owner_tag(environment)}),
        "work_pool_name": pool,
        "path": ".",  # The image's working directory holds flows/.
        "pull_steps": [],
    }
    # Schedules run in prod only; elsewhere they are there to be looked at and switched on by hand.
    coded = [each | {"active": each["active"] and environment.name == "prod"} for each in deployment["schedules"]]
    title = f"{deployment['flow_name']}/{deployment['name']}"
    switched = [(schedules.key(each), each["active"], each["schedule"].get("anchor_date")) for each in coded]
    content = [RULE, title, fields, switched, deployment["paused"], digest_of(closure)]
    digest = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]
    return Wanted(
        title=title,
        file=deployment["file"],
        flow_name=deployment["flow_name"],
        fields=fields,
        schedules=coded,
        paused=bool(deployment["paused"]),
        closure=closure,
        digest_tag=f"{DIGEST_TAG}{digest}",
    )


async def without_their_digest(prefect: Prefect, everything: list[Wanted], tag: str) -> list[Wanted]:
    """Those that Prefect does not hold as ours and with the digest they are to have, and maybe some neighbours.

    By counts, which cost the server next to nothing: reading a deployment costs it more than all else here. A count
    that does not add up is split until what is wrong with it is worth reading.
    """
    stale: list[Wanted] = []

    async def missing(some: list[Wanted]) -> int:
        having = {"tags": {"all_": [tag], "any_": [each.digest_tag for each in some]}}
        return len(some) - await prefect.read("deployments/count", deployments=having)

    chunks = [everything[start : start + COUNTED] for start in range(0, len(everything), COUNTED)]
    ahead = [(some, await missing(some)) for some in chunks]
    while ahead:
        some, count = ahead.pop()
        if count and (len(some) <= WORTH_READING or count > WORTH_READING):
            stale += some
        elif count:
            first, second = some[: len(some) // 2], some[len(some) // 2 :]
            of_first = await missing(first)
            ahead += [(first, of_first), (second, count - of_first)]
    return stale


async def held(prefect: Prefect, **filters: Any) -> dict[str, dict[str, Any]]:
    """The deployments that fit, by `<flow>/<deployment>`."""
    flows = {flow["id"]: flow["name"] for flow in await prefect.read_all("flows/filter", **filters)}
    found = await prefect.read_all("deployments/filter", **filters)
    # One that was made between the two reads has a flow that is not known yet; it is another registration's.
    return {f"{flows[each['flow_id']]}/{each['name']}": each for each in found if each["flow_id"] in flows}


async def held_under_names(prefect: Prefect, names: list[Wanted]) -> dict[str, dict[str, Any]]:
    """Deployments of those names, whoever's they are."""
    found: dict[str, dict[str, Any]] = {}
    for start in range(0, len(names), PAGE):
        some = names[start : start + PAGE]
        found |= await held(
            prefect,
            flows={"name": {"any_": sorted({each.flow_name for each in some})}},
            deployments={"name": {"any_": sorted({each.fields["name"] for each in some})}},
        )
    return {each.title: found[each.title] for each in names if each.title in found}


def difference(each: Wanted, actual: dict[str, Any]) -> str:
    """Why a deployment has to be written: fields that differ, source files that changed; empty if neither."""
    limit = actual.get("global_concurrency_limit")
    shown = actual | {
        "tags": sorted(tag for tag in actual["tags"] if not tag.startswith(DIGEST_TAG)),
        "concurrency_limit": limit and limit["limit"],
    }
    changed = [
        field for field, value in each.fields.items() if shown.get(field) != value and (shown.get(field) or value)
    ]
    if each.fields["work_queue_name"] is None and shown.get("work_queue_name") == "default":
        changed = [field for field in changed if field != "work_queue_name"]  # The pool's own queue.
    if not schedules.same(each.schedules, actual["schedules"]):
        changed.append("schedules")
    labels = actual.get("labels") or {}
    reasons = sorted(changed)
    if SOURCES_LABEL in labels:
        reasons += [f"{file} changed" for file in changed_files(each.closure, labels[SOURCES_LABEL])]
    if not reasons and each.digest_tag not in actual["tags"]:
        reasons = ["not registered by this repository"] if SOURCES_LABEL not in labels else ["how it is registered"]
    return ", ".join(reasons)


def upsert(prefect: Prefect, each: Wanted, actual: dict[str, Any] | None, version: str) -> Action:
    """Create a deployment, or write all of it if anything differs. One request does it whole or not at all."""
    reason = difference(each, actual) if actual else ""
    if actual and not reason:
        return Action(each.title, UNCHANGED, is_deployment=True)

    async def write() -> None:
        now = actual
        if now and now["schedules"]:
            # Again, and now: somebody may have paused a schedule since, and a write makes schedules anew.
            now = await prefect.read(f"deployments/{now['id']}") or now
        flow_id = now["flow_id"] if now else (await prefect.write("POST", "flows/", {"name": each.flow_name}))["id"]
        before = (now["schedules"], (now.get("labels") or {}).get(ACTIVE_LABEL)) if now else ([], None)
        content = each.fields | {
            "flow_id": flow_id,
            "version": version,
            "tags": [*each.fields["tags"], each.digest_tag],
            "labels": {SOURCES_LABEL: as_label(each.closure), ACTIVE_LABEL: schedules.as_label(each.schedules)},
            "schedules": schedules.as_switched_by_hand(each.schedules, *before),
        }
        if not now:
            # What is left out is Prefect's default, and costs it less than when it is said: 56 ms instead of 64.
            content = {name: value for name, value in content.items() if value not in (None, {}, [])}
            content |= {"paused": True} if each.paused else {}  # Afterwards it is a person's to switch.
        await prefect.write("POST", "deployments/", content)

    return Action(each.title, UPDATE if actual else CREATE, reason, write, is_deployment=True)


async def prune(prefect: Prefect, gone: dict[str, dict[str, Any]]) -> list[Action]:
    """Delete deployments that are no longer in code, and say which of their runs are scheduled or under way."""
    if not gone:
        return []
    ids = {each["id"]: title for title, each in gone.items()}
    runs: dict[str, list[dict[str, Any]]] = {title: [] for title in gone}
    for start in range(0, len(ids), PAGE):
        for run in await prefect.read_all(
            "flow_runs/filter",
            flow_runs={
                "deployment_id": {"any_": list(ids)[start : start + PAGE]},
                "state": {"type": {"any_": ["SCHEDULED", "PENDING", "RUNNING"]}},
            },
            sort="EXPECTED_START_TIME_ASC",
        ):
            runs[ids[run["deployment_id"]]].append(run)

    def action(title: str, identity: str) -> Action:
        return Action(
            title,
            PRUNE,
            _fate(runs[title]),
            lambda: prefect.write("DELETE", f"deployments/{identity}"),
            is_deployment=True,
        )

    return [action(title, each["id"]) for title, each in sorted(gone.items())]


def _fate(runs: list[dict[str, Any]]) -> str:
    scheduled = [run for run in runs if run["state_type"] == "SCHEDULED"]
    reason = "no longer in code"
    if scheduled:
        reason += (
            f"; {len(scheduled)} scheduled runs go with it, the next of {scheduled[0]['expected_start_time'][:16]}Z"
        )
    if under_way := len(runs) - len(scheduled):
        reason += f"; {under_way} runs under way go on"
    return reason
