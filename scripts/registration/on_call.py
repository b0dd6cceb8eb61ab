"""On call: what makes Prefect tell PagerDuty of a run that failed, or does not start, of a deployment tagged `on-call`.

The automations look for the tags of a run, so there are as many whatever the number of deployments, and none of them
outlives its deployment. PagerDuty wants its routing key in the body of an event; the block holds it, encrypted, and
adds it to what the automation renders, so the key is in no automation and in no event of Prefect's own.
"""

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Self

from scripts.registration.actions import CREATE, UNCHANGED, UPDATE, Action, removal
from scripts.registration.api import Prefect
from scripts.registration.blocks import read_block
from scripts.shared.refusal import Refusal

TAG = "on-call"
BLOCK_TYPE = "custom-webhook"
EVENTS_URL = "https://events.pagerduty.com/v2/enqueue"
RUN = "prefect.flow-run"
ENDED = [f"{RUN}.{state}" for state in ("Completed", "Failed", "Crashed", "TimedOut", "Cancelled", "Cancelling")]
STARTED = [f"{RUN}.{state}" for state in ("Running", "Paused", "Suspended", "Scheduled", "AwaitingRetry")]


@dataclass(frozen=True)
class Pager:
    """Where events go, what they link to, and how long a run may be late or pending."""

    routing_key: str
    runbook_url: str
    ui_url: str
    events_url: str = EVENTS_URL
    threshold_seconds: int = 600

    @classmethod
    def from_environment(cls) -> Self | None:
        """What the caller's variables say; None without a routing key.

        Raises:
            Refusal: a variable that a page needs is missing or wrong.
        """
        key, runbook = os.environ.get("PAGERDUTY_ROUTING_KEY", ""), os.environ.get("RUNBOOK_URL", "")
        if not key:
            return None
        if len(key) != 32:
            raise Refusal(
                f"PAGERDUTY_ROUTING_KEY has {len(key)} characters; expected the 32 of an Events API v2 integration key."
            )
        if not runbook.startswith("http"):
            raise Refusal(
                "RUNBOOK_URL is not set; expected the address of your team's runbook of its flows, which pages link to "
                "(docs/on-call.md)."
            )
        return cls(key, runbook, _ui_url(), os.environ.get("PAGERDUTY_EVENTS_URL") or EVENTS_URL)


def _ui_url() -> str:
    """Address of Prefect's pages, from that of its API."""
    api = os.environ["PREFECT_API_URL"].rstrip("/").removesuffix("/api")
    cloud = (
        api.replace("://api.", "://app.").replace("/api/accounts/", "/account/").replace("/workspaces/", "/workspace/")
    )
    return os.environ.get("PREFECT_UI_URL", "").rstrip("/") or cloud


def pager_block(pager: Pager) -> dict[str, Any]:
    """A Custom Webhook block, which completes an event by the key and sends it."""
    return {
        "name": "PagerDuty",
        "url": pager.events_url,
        "method": "POST",
        "headers": {"Content-Type": "application/json"},
        # Raw, since `json_data` could take the event only as one string within another.
        "form_data": '{"routing_key": "{{ routing_key }}", {{ body }} }',
        "secrets": {"routing_key": pager.routing_key},
    }


def _event(stack: str, pager: Pager, action: str, severity: str, said: str) -> str:
    """Everything of an Events v2 event but the key, as a Jinja template without its outer braces."""
    title = "flow.name ~ '/' ~ deployment.name"
    run = f"'{pager.ui_url}/runs/flow-run/' ~ flow_run.id"
    fields = {
        "event_action": f'"{action}"',
        "dedup_key": f"{{{{ ('{stack}/' ~ {title}) | tojson }}}}",
    }
    if action == "trigger":
        payload = {
            "summary": f"{{{{ ({title} ~ ': run ' ~ flow_run.name ~ ' {said}') | tojson }}}}",
            "severity": f'"{severity}"',
            "source": json.dumps(stack),
            "component": f"{{{{ ({title}) | tojson }}}}",
            "group": json.dumps(stack),
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


def _automations(stack: str, tag: str, pager: Pager) -> Iterator[dict[str, Any]]:
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
            "name": f"{stack} {TAG}: {name}",
            "description": f"Written by registration. Runs of deployments tagged {TAG}; see docs/on-call.md.",
            "trigger": {
                "type": "event",
                "posture": "Proactive" if after else "Reactive",
                "match": {"prefect.resource.id": f"{RUN}.*"},
                "match_related": [
                    {"prefect.resource.role": "tag", "prefect.resource.id": f"prefect.tag.{each}"}
                    for each in (TAG, tag)
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
                    "body": _event(stack, pager, action, severity, said),
                }
            ],
        }


async def on_call_actions(
    prefect: Prefect, stack: str, tag: str, pager: Pager | None, block: str, *, is_needed: bool
) -> list[Action]:
    """The automations of a stack, whose runs are tagged `tag`, and which send by the block of that name.

    All are removed where no deployment is on call any more, and none is touched without a pager.
    """
    prefix = f"{stack} {TAG}: "
    if is_needed and pager is None:
        return []
    wanted = {each["name"]: each for each in _automations(stack, tag, pager)} if is_needed and pager else {}
    registered = [each for each in await prefect.read_all("automations/filter") if each["name"].startswith(prefix)]
    first = {each["name"]: each for each in sorted(registered, key=_age, reverse=True) if each["name"] in wanted}
    gone = "no longer in code" if is_needed else f"no deployment is tagged {TAG} any more"
    removals = [
        removal(prefect, f"automation {name}", "twice" if name in first else gone, f"automations/{each['id']}")
        for each in registered
        if each is not first.get(name := each["name"])
    ]
    known = await _block_id(prefect, block) if first else None
    return [_upsert(prefect, each, first.get(name), block, known) for name, each in wanted.items()] + removals


async def _block_id(prefect: Prefect, name: str) -> str | None:
    block = await read_block(prefect, BLOCK_TYPE, name)
    return str(block["id"]) if block else None


def _age(automation: dict[str, Any]) -> tuple[str, str]:
    """Of several of one name, made by two registrations at once, both keep the first by this."""
    return automation["created"], automation["id"]


def _upsert(
    prefect: Prefect, wanted: dict[str, Any], registered: dict[str, Any] | None, block: str, known: str | None
) -> Action:
    what = f"automation {wanted['name']}"

    def content(identity: str | None) -> dict[str, Any]:
        [action] = wanted["actions"]
        return wanted | {"actions": [action | {"block_document_id": identity}]}

    async def create() -> None:
        await prefect.write("POST", "automations/", content(await _block_id(prefect, block)) | {"enabled": True})
        # Prefect takes several of one name: another registration's, or our own whose answer was lost.
        same = [each for each in await prefect.read_all("automations/filter") if each["name"] == wanted["name"]]
        for each in sorted(same, key=_age)[1:]:
            await prefect.write("DELETE", f"automations/{each['id']}")

    if registered is None:
        return Action(what, CREATE, write=create)
    place, enabled = f"automations/{registered['id']}", registered["enabled"]  # A person's switch stays as it is.

    async def update() -> None:
        await prefect.write("PUT", place, content(await _block_id(prefect, block)) | {"enabled": enabled})

    now = content(known)
    changed = [part for part in ("description", "trigger", "actions") if not _contains(registered[part], now[part])]
    return Action(what, UPDATE, ", ".join(changed), update) if changed else Action(what, UNCHANGED)


def _contains(found: Any, wanted: Any) -> bool:
    """Whether `found` has all that is wanted; the server adds ids and defaults, and keeps lists of names as sets."""
    if isinstance(wanted, dict):
        return isinstance(found, dict) and all(
            name in found and _contains(found[name], wanted[name]) for name in wanted
        )
    if isinstance(wanted, list) and all(isinstance(each, str) for each in wanted):
        return sorted(found) == sorted(wanted)
    if isinstance(wanted, list):
        return len(found) == len(wanted) and all(map(_contains, found, wanted))
    return bool(found == wanted)
