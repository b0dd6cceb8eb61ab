"""What makes Prefect tell of a run that fails, does not start, or whose process is gone: automations and their blocks.

The automations look for the tag of the stack's runs, so there are as many whatever the number of deployments, and none
of them outlives its deployment. Which messages page somebody is in the message: runs tagged `on-call` are critical.
"""

import os
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any, Self

from scripts.registration.actions import Action
from scripts.registration.api import Prefect
from scripts.registration.automations import Completion, automation_actions
from scripts.registration.blocks import block_action, read_block
from scripts.registration.channels import KINDS, Channel, Place, channels
from scripts.shared.refusal import Refusal
from scripts.shared.run_pages import ui_url
from scripts.shared.run_tags import ON_CALL

# What can call somebody at night. A mailbox cannot.
CAN_PAGE = frozenset(KINDS)
BLOCK_TYPE = "custom-webhook"
RUN = "prefect.flow-run"
FAILED = [f"{RUN}.{state}" for state in ("Failed", "Crashed", "TimedOut")]
ENDED = [*FAILED, *(f"{RUN}.{state}" for state in ("Completed", "Cancelled", "Cancelling"))]
STARTED = [f"{RUN}.{state}" for state in ("Running", "Paused", "Suspended", "Scheduled", "AwaitingRetry")]
DEPLOYMENT = "related:deployment:prefect.resource.id"
# A run that completes so long after one that failed is told as its end. Prefect forgets a failure after `within`: a
# flow may run once a month.
LONGEST_INCIDENT_SECONDS = 32 * 24 * 60 * 60


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
            if ON_CALL in each["tags"]:
                yield (
                    f"{each['file']}: deployment {each['name']}: got the tag {ON_CALL} where alerts go to "
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
    prefect: Prefect, alerts: Alerts, automations_there: list[dict[str, Any]], stack: str, tag: str, prefix: str
) -> tuple[list[Action], list[Action]]:
    """The blocks, which come before automations, and the automations with what is removed.

    `tag` is that of the stack's runs; `prefix` begins the blocks' names.
    """
    before: list[Action] = []
    after: list[Action] = []
    at_hand = {channel.name: channel for channel in alerts.channels}
    for name in KINDS:
        # Once only PagerDuty was told, and of runs on call.
        prefixes = (f"{stack} alerts: {name} ", *([f"{stack} {ON_CALL}: "] if name == "pagerduty" else []))
        own = [each for each in automations_there if each["name"].startswith(prefixes)]
        block, channel = f"{prefix}-{name}", at_hand.get(name)
        if channel and alerts.place:
            before.append(await block_action(prefect, BLOCK_TYPE, block, channel.block()))
            wanted = {each["name"]: each for each in automations(channel, alerts.place, tag, alerts.threshold_seconds)}
            after += await automation_actions(prefect, wanted, own, _with_block(prefect, block))
        elif own and name not in alerts.named:
            # The block first: while there are automations, it is looked for.
            after.append(await block_action(prefect, BLOCK_TYPE, block, None))
            after += await automation_actions(prefect, {}, own, _with_block(prefect, block))
    return before, after


def automations(channel: Channel, place: Place, tag: str, threshold: int) -> Iterator[dict[str, Any]]:
    """Those of one channel. `threshold`: after how many seconds a run that does not start is told."""
    minutes = threshold // 60
    again = channel.once_in_seconds
    ended = channel.failure(place, "ended as ' ~ flow_run.state.name ~ '")
    late = channel.failure(place, f"late for more than {minutes} minutes")
    stuck = channel.failure(place, f"pending for more than {minutes} minutes")
    silent = channel.failure(place, f"gives no sign of life for more than {minutes} minutes")
    recovered = ("recovered", channel.recovery(place), [f"{RUN}.Completed"])
    # name, what is sent, events to expect, those after which they count or their absence does, within how many seconds.
    for name, body, expect, after, within in (
        ("failed", ended, FAILED, [], again),
        ("late", late, [f"{RUN}.Pending", *STARTED, *ENDED], [f"{RUN}.Late"], threshold),
        ("stuck", stuck, [*STARTED, *ENDED], [f"{RUN}.Pending"], threshold),
        # A run that lives says so every three minutes.
        ("silent", silent, [f"{RUN}.heartbeat", *STARTED, *ENDED], [f"{RUN}.heartbeat"], threshold),
        # PagerDuty knows itself whether there is something to end.
        (*recovered, FAILED, LONGEST_INCIDENT_SECONDS) if again else (*recovered, [], 0),
    ):
        is_absence = name in ("late", "stuck", "silent")
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


def _with_block(prefect: Prefect, block: str) -> Completion:
    """Adds the id of the block that sends."""

    async def complete(automation: dict[str, Any]) -> dict[str, Any] | None:
        found = await read_block(prefect, BLOCK_TYPE, block)
        if found is None:
            return None
        return automation | {
            "actions": [action | {"block_document_id": str(found["id"])} for action in automation["actions"]]
        }

    return complete
