"""PagerDuty as the caller's variables describe it, and the block that holds its routing key.

PagerDuty wants the routing key in the body of an event. The block holds it, encrypted, and adds it to what an
automation renders, so the key is in no automation and in no event of Prefect's own.
"""

import os
from dataclasses import dataclass
from typing import Any, Self

from scripts.shared.refusal import Refusal

EVENTS_URL = "https://events.pagerduty.com/v2/enqueue"


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


def block_data(pager: Pager) -> dict[str, Any]:
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
