"""One event for Sentry: what ended a flow run, of which release, and whose it is."""

import os
from typing import TYPE_CHECKING

import httpx
import sentry_sdk
from sentry_sdk.consts import VERSION
from sentry_sdk.envelope import Envelope
from sentry_sdk.transport import Transport
from sentry_sdk.utils import event_from_exception

from scripts.sentry.scrubbing import scrubbed
from scripts.shared.environments import ROOT
from scripts.shared.run_pages import run_url, ui_url
from scripts.shared.run_tags import TRY

if TYPE_CHECKING:
    from prefect.client.schemas.objects import FlowRun

OWNER = "owner:"


class Post(Transport):
    """Sends at once and raises what hinders it: the library's own transports do neither."""

    def capture_envelope(self, envelope: Envelope) -> None:
        """POST it to the address in the DSN."""
        assert self.parsed_dsn is not None
        auth = self.parsed_dsn.to_auth(f"sentry.python/{VERSION}")
        headers = {"X-Sentry-Auth": auth.to_header(), "Content-Type": "application/x-sentry-envelope"}
        httpx.post(auth.get_api_url(), content=envelope.serialize(), headers=headers).raise_for_status()


def send(error: BaseException, flow: str, run: "FlowRun", deployment: str) -> str:
    """Send it to where SENTRY_DSN says, and return a sentence for the run's log.

    Raises whatever a wrong DSN, the network or Sentry answers with; its text may hold the DSN.
    """
    # A client of its own: nothing is patched, and a flow may have another.
    client = sentry_sdk.Client(
        dsn=os.environ["SENTRY_DSN"],
        transport=Post,
        environment=os.environ.get("DATA_FLOWS_ENVIRONMENT", ""),
        release=image_digest(),
        server_name="",
        project_root=str(ROOT),
        before_send=lambda event, _: scrubbed(event),
        default_integrations=False,
        auto_enabling_integrations=False,
        auto_session_tracking=False,
        send_client_reports=False,
        send_default_pii=False,
        include_local_variables=False,
        include_source_context=False,
        max_breadcrumbs=0,
    )
    event, hint = event_from_exception(error, client.options, {"type": "prefect", "handled": False})
    event["tags"] = {name: value for name, value in tags(flow, run, deployment).items() if value}
    number = client.capture_event(event, hint)
    return f"Sentry was told: event {number}."


def tags(flow: str, run: "FlowRun", deployment: str) -> dict[str, str]:
    """By what to find and sort it."""
    return {
        "flow": flow,
        "deployment": deployment,
        "flow_run_id": str(run.id),
        "flow_run_name": run.name,
        "flow_run_url": run_url(ui_url(os.environ.get("PREFECT_API_URL", "")), run.id),
        "owner": next((tag.removeprefix(OWNER) for tag in run.tags if tag.startswith(OWNER)), ""),
        "try": "yes" if TRY in run.tags else "",
    }


def image_digest() -> str:
    """Digest of the task's image, which ECS tells each container; empty outside of one."""
    metadata = os.environ.get("ECS_CONTAINER_METADATA_URI_V4")
    if not metadata:
        return ""
    image = str(httpx.get(metadata, timeout=1, trust_env=False).raise_for_status().json()["Image"])
    return image.partition("@")[2]
