"""On call: automations that tell PagerDuty of a run that failed, or does not start, of a deployment tagged `on-call`.

They look for the tags of a run, so there are as many whatever the number of deployments, and none of them outlives its
deployment.
"""

import json
from collections.abc import Iterator
from typing import Any

from scripts.registration.actions import PRUNE, Action, bring
from scripts.registration.api import Prefect
from scripts.registration.blocks import Block
from scripts.registration.pager import Pager
from scripts.registration.stack import Stack

TAG = "on-call"
RUN = "prefect.flow-run"
ENDED = [f"{RUN}.{state}" for state in ("Completed", "Failed", "Crashed", "TimedOut", "Cancelled", "Cancelling")]
STARTED = [f"{RUN}.{state}" for state in ("Running", "Paused", "Suspended", "Scheduled", "AwaitingRetry")]


def _event(title: str, pager: Pager, action: str, severity: str, said: str) -> str:
    """Everything of an Events v2 event but the key, as a Jinja template without its outer braces."""
    deployment = "flow.name ~ '/' ~ deployment.name"
    run = f"'{pager.ui_url}/runs/flow-run/' ~ flow_run.id"
    fields = {
        "event_action": f'"{action}"',
        "dedup_key": f"{{{{ ('{title}/' ~ {deployment}) | tojson }}}}",
    }
    if action == "trigger":
        payload = {
            "summary": f"{{{{ ({deployment} ~ ': run ' ~ flow_run.name ~ ' {said}') | tojson }}}}",
            "severity": f'"{severity}"',
            "source": json.dumps(title),
            "component": f"{{{{ ({deployment}) | tojson }}}}",
            "group": json.dumps(title),
            "class": "{{ flow_run.state.name | tojson }}",
            "custom_details": '{"run": {{ flow_run.name | tojson }}, "tags": {{ flow_run.tags | list | tojson }}}',
        }
        links = [
            f'{{"href": {{{{ ({run}) | tojson }}}}, "text": "Flow run"}}',
            f'{{"href": {{{{ ({json.dumps(pager.runbook_url + "#")} ~ flow.name) | tojson }}}}, "text": "Runbook"}}',
        ]
        fields |= {
            "client": '"Prefect"',
            "client_url": f"{{{{ ({run}) | tojson }}}}",
            "links": f"[{', '.join(links)}]",
            "payload": f"{{{', '.join(f'{json.dumps(name)}: {value}' for name, value in payload.items())}}}",
        }
    return ", ".join(f"{json.dumps(name)}: {value}" for name, value in fields.items())


def _automations(stack: Stack, pager: Pager) -> Iterator[dict[str, Any]]:
    minutes = pager.threshold_seconds // 60
    failed, completed = [f"{RUN}.{state}" for state in ("Failed", "Crashed", "TimedOut")], [f"{RUN}.Completed"]
    onwards = [*STARTED, *ENDED]
    stuck = f"has been {{}} for more than {minutes} minutes"
    # name, what to do, severity, what is said, events to expect, and those after which their absence is the matter.
    for name, action, severity, said, expect, after in (
        ("failed", "trigger", "critical", "ended as ' ~ flow_run.state.name ~ '", failed, []),
        ("late", "trigger", "error", stuck.format("late"), [f"{RUN}.Pending", *onwards], [f"{RUN}.Late"]),
        ("stuck", "trigger", "error", stuck.format("pending"), onwards, [f"{RUN}.Pending"]),
        ("completed", "resolve", "", "", completed, []),
    ):
        yield {
            "name": f"{stack.title} {TAG}: {name}",
            "description": f"Written by registration. Runs of deployments tagged {TAG}; see docs/on-call.md.",
            "trigger": {
                "type": "event",
                "posture": "Proactive" if after else "Reactive",
                "match": {"prefect.resource.id": f"{RUN}.*"},
                "match_related": [
                    {"prefect.resource.role": "tag", "prefect.resource.id": f"prefect.tag.{each}"}
                    for each in (TAG, stack.tag)
                ],
                "for_each": ["prefect.resource.id"],
                "after": after,
                "expect": expect,
                "threshold": 1,
                "within": pager.threshold_seconds if after else 0,
            },
            "actions": [
                {
                    "type": "send-notification",
                    "subject": f"{TAG}: {name}",
                    "body": _event(stack.title, pager, action, severity, said),
                }
            ],
        }


async def on_call_actions(prefect: Prefect, stack: Stack, block: Block, *, is_needed: bool) -> list[Action]:
    """The automations of a stack, which send their events through `block`.

    All are removed where no deployment is on call any more, and none is touched without a pager.
    """
    if is_needed and stack.pager is None:
        return []
    prefix = f"{stack.title} {TAG}: "
    held = [each for each in await prefect.read_all("automations/filter") if each["name"].startswith(prefix)]
    held.sort(key=_age)
    wanted = {each["name"]: each for each in _automations(stack, stack.pager)} if is_needed and stack.pager else {}
    first: dict[str, dict[str, Any]] = {}
    removals = []
    for each in held:
        if each["name"] in wanted and each["name"] not in first:
            first[each["name"]] = each
        else:
            reason = "twice" if each["name"] in wanted else f"no deployment is tagged {TAG} any more"
            removals.append(_removal(prefect, each, reason))
    return [_upsert(prefect, each, first.get(name), block) for name, each in wanted.items()] + removals


def _age(automation: dict[str, Any]) -> tuple[str, str]:
    """Of several of one name, made by two registrations at once, both keep the first by this."""
    return automation["created"], automation["id"]


def _upsert(prefect: Prefect, wanted: dict[str, Any], held: dict[str, Any] | None, block: Block) -> Action:
    def content(*, is_enabled: bool) -> dict[str, Any]:
        actions = [each | {"block_document_id": block.id} for each in wanted["actions"]]
        return wanted | {"actions": actions, "enabled": is_enabled}

    async def create() -> None:
        await prefect.write("POST", "automations/", content(is_enabled=True))
        # Prefect takes several of one name: another registration's, or our own whose answer was lost.
        same = [each for each in await prefect.read_all("automations/filter") if each["name"] == wanted["name"]]
        for each in sorted(same, key=_age)[1:]:
            await prefect.write("DELETE", f"automations/{each['id']}")

    async def update() -> None:
        if held:  # One that a person switched off stays off.
            await prefect.write("PUT", f"automations/{held['id']}", content(is_enabled=held["enabled"]))

    now = content(is_enabled=True)
    changed = [part for part in ("description", "trigger", "actions") if held and not _holds(held[part], now[part])]
    return bring(f"automation {wanted['name']}", held, ", ".join(changed), create, update)


def _holds(held: Any, wanted: Any) -> bool:
    """Whether `held` has all that is wanted; the server adds ids and defaults, and keeps lists of names as sets."""
    if isinstance(wanted, dict):
        return isinstance(held, dict) and all(name in held and _holds(held[name], wanted[name]) for name in wanted)
    if isinstance(wanted, list) and all(isinstance(each, str) for each in wanted):
        return sorted(held) == sorted(wanted)
    if isinstance(wanted, list):
        return len(held) == len(wanted) and all(map(_holds, held, wanted))
    return bool(held == wanted)


def _removal(prefect: Prefect, held: dict[str, Any], reason: str) -> Action:
    return Action(
        f"automation {held['name']}", PRUNE, reason, lambda: prefect.write("DELETE", f"automations/{held['id']}")
    )
