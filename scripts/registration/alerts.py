"""What makes Prefect tell of a run that fails, does not start, or whose process is gone: automations and their blocks.

The automations look for the tag of the stack's runs, so there are as many whatever the number of deployments, and none
of them outlives its deployment. Which messages page somebody is in the message: runs tagged `on-call` are critical.
"""

import os
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any, Self

from scripts.registration.actions import CREATE, UNCHANGED, UPDATE, Action, removal
from scripts.registration.api import Prefect
from scripts.registration.blocks import block_action, read_block
from scripts.registration.channels import KINDS, Channel, Place, channels
from scripts.shared.refusal import Refusal
from scripts.shared.run_pages import ui_url

TAG = "on-call"
# What can call somebody at night. A mailbox cannot.
CAN_PAGE = frozenset(KINDS)
BLOCK_TYPE = "custom-webhook"
RUN = "prefect.flow-run"
FAILED = [f"{RUN}.{state}" for state in ("Failed", "Crashed", "TimedOut")]
ENDED = [*FAILED, *(f"{RUN}.{state}" for state in ("Completed", "Cancelled", "Cancelling"))]
STARTED = [f"{RUN}.{state}" for state in ("Running", "Paused", "Suspended", "Scheduled", "AwaitingRetry")]
DEPLOYMENT = "related:deployment:prefect.resource.id"


def runbook_url() -> str:
    """The team's runbook of its flows.

    Raises:
        Refusal: it is no address.
    """
    address = os.environ.get("RUNBOOK_URL", "")
    if not address.startswith("http"):
        raise Refusal(
            "RUNBOOK_URL is not set; expected the address of your team's runbook of its flows, which messages link to "
            "(docs/on-call.md)."
        )
    return address


def unpaged(deployments: list[dict[str, Any]], named: Collection[str]) -> Iterator[str]:
    """A problem for each deployment on call where no channel can page."""
    if CAN_PAGE.isdisjoint(named):
        for each in deployments:
            if TAG in each["tags"]:
                yield (
                    f"{each['file']}: deployment {each['name']}: got the tag {TAG} where alerts go to "
                    f"{', '.join(named) or 'nobody'} only; expected one of {', '.join(sorted(CAN_PAGE))} in the "
                    "environment's alerts as well."
                )


@dataclass(frozen=True)
class Alerts:
    """Where an environment's alerts go.

    `named` are the channels of its facts, `channels` those of them whose secrets are at hand; one that is named and not
    at hand is left as it is, with a note. A run that does not start is told after `threshold_seconds`.
    """

    named: tuple[str, ...] = ()
    channels: tuple[Channel, ...] = ()
    place: Place | None = None
    notes: tuple[str, ...] = ()
    threshold_seconds: int = 600

    @classmethod
    def of(cls, facts: dict[str, Any]) -> Self:
        """As the environment's facts and the caller's variables say.

        Raises:
            Refusal: a variable that a message needs is missing or wrong.
        """
        found, notes = channels(facts["alerts"])
        place = Place(
            environment=facts["environment"],
            stack=facts["title"],
            ui_url=os.environ.get("PREFECT_UI_URL", "").rstrip("/") or ui_url(os.environ["PREFECT_API_URL"]),
            runbook_url=runbook_url() if found else "",
            region=facts["region"],
            log_group=facts["log_group"],
        )
        return cls(tuple(facts["alerts"]), tuple(found), place, tuple(notes))


async def alert_actions(
    prefect: Prefect, alerts: Alerts, stack: str, tag: str, prefix: str
) -> tuple[list[Action], list[Action]]:
    """The blocks, which come before automations, and the automations with what is removed.

    `tag` is that of the stack's runs; `prefix` begins the blocks' names.
    """
    before: list[Action] = []
    after: list[Action] = []
    registered = [
        each
        for each in await prefect.read_all("automations/filter")
        if each["name"].startswith((f"{stack} alerts: ", f"{stack} {TAG}: "))
    ]
    at_hand = {channel.name: channel for channel in alerts.channels}
    for name in KINDS:
        block = f"{prefix}-{name}"
        if name in alerts.named and name not in at_hand:
            registered = [each for each in registered if not each["name"].startswith(f"{stack} alerts: {name} ")]
            continue
        channel = at_hand.get(name)
        action = await block_action(prefect, BLOCK_TYPE, block, channel.block() if channel else None)
        (before if channel else after).append(action)
        if channel and alerts.place:
            wanted = {each["name"]: each for each in automations(channel, alerts.place, tag, alerts.threshold_seconds)}
            first = {
                each["name"]: each for each in sorted(registered, key=_age, reverse=True) if each["name"] in wanted
            }
            known = await _block_id(prefect, block) if first else None
            after = [_upsert(prefect, each, first.get(title), block, known) for title, each in wanted.items()] + after
            kept = {each["id"] for each in first.values()}
            registered = [each for each in registered if each["id"] not in kept]
    removals = [
        removal(prefect, f"automation {each['name']}", "no longer in code", f"automations/{each['id']}")
        for each in registered
    ]
    return before, removals + after


def automations(channel: Channel, place: Place, tag: str, threshold: int) -> Iterator[dict[str, Any]]:
    """Those of one channel. `threshold`: after how many seconds a run that does not start is told."""
    minutes = threshold // 60
    again = channel.once_in_seconds
    ended = channel.failure(place, "ended as ' ~ flow_run.state.name ~ '")
    late = channel.failure(place, f"late for more than {minutes} minutes")
    stuck = channel.failure(place, f"pending for more than {minutes} minutes")
    # name, what is sent, events to expect, those after which they count or their absence does, within how many seconds.
    for name, body, expect, after, within in (
        ("failed", ended, FAILED, [], again),
        ("late", late, [f"{RUN}.Pending", *STARTED, *ENDED], [f"{RUN}.Late"], threshold),
        ("stuck", stuck, [*STARTED, *ENDED], [f"{RUN}.Pending"], threshold),
        ("recovered", channel.recovery(place), [f"{RUN}.Completed"], FAILED if again else [], 0),
    ):
        is_absence = name in ("late", "stuck")
        yield {
            "name": f"{place.stack} alerts: {channel.name} {name}",
            "description": "Written by registration; see docs/on-call.md.",
            "trigger": {
                "type": "event",
                "posture": "Proactive" if is_absence else "Reactive",
                "match": {"prefect.resource.id": f"{RUN}.*"},
                "match_related": [{"prefect.resource.role": "tag", "prefect.resource.id": f"prefect.tag.{tag}"}],
                "for_each": ["prefect.resource.id"] if is_absence else [DEPLOYMENT],
                "after": after,
                "expect": expect,
                "threshold": 1,
                "within": within,
            },
            "actions": [{"type": "send-notification", "subject": name, "body": body}],
        }


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
