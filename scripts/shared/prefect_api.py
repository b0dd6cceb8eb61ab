"""How commands reach an environment's Prefect API. Call `configure` before anything imports prefect."""

import os
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from scripts.shared.environments import Environment
from scripts.shared.refusal import Refusal

if TYPE_CHECKING:
    from prefect.client.orchestration import PrefectClient
    from prefect.client.schemas.responses import DeploymentResponse

PAGE = 200


def configure(environment: Environment) -> str:
    """Point Prefect's client at the environment's API; returns its address.

    `local` takes address and credential from the running stack; elsewhere they are the caller's PREFECT_API_URL and
    PREFECT_API_KEY or PREFECT_API_AUTH_STRING.

    Raises:
        Refusal: the stack does not run, or PREFECT_API_URL is not set.
    """
    os.environ |= {"DO_NOT_TRACK": "1", "PREFECT_SERVER_ANALYTICS_ENABLED": "false"}
    if environment.is_local:
        from scripts.shared.local_settings import LocalSettings, no_proxy_here

        settings = LocalSettings.load()
        try:
            auth_string = settings.prefect_auth_string()
        except FileNotFoundError:
            raise Refusal("The local stack is not running: run `make up` first.") from None
        os.environ |= no_proxy_here()
        os.environ |= {"PREFECT_API_URL": settings.prefect_api_url, "PREFECT_API_AUTH_STRING": auth_string}
        # A developer's own profile must not decide where the local stack's flows go.
        os.environ["PREFECT_HOME"] = str(settings.directory / "prefect-client")
        os.environ.pop("PREFECT_API_KEY", None)
    if not os.environ.get("PREFECT_API_URL"):
        raise Refusal(f"PREFECT_API_URL is not set; expected the address of {environment.title}'s Prefect API.")
    return os.environ["PREFECT_API_URL"]


async def deployments_by_name(client: "PrefectClient") -> "dict[str, DeploymentResponse]":
    """Every deployment there is, by `<flow>/<deployment>`."""
    flows = {flow.id: flow.name for flow in await _all(client.read_flows)}
    return {f"{flows[each.flow_id]}/{each.name}": each for each in await _all(client.read_deployments)}


async def _all(read: Callable[..., Awaitable[list[Any]]]) -> list[Any]:
    """Everything of one kind: the API gives a page at a time."""
    found: list[Any] = []
    while page := await read(limit=PAGE, offset=len(found)):
        found += page
        if len(page) < PAGE:
            break
    return found
