"""How commands reach an environment's Prefect API. Call `configure` before anything imports prefect."""

import os

from scripts.shared.environments import Environment
from scripts.shared.refusal import Refusal


def configure(environment: Environment) -> str:
    """Point Prefect's client at the environment's API; returns its address.

    `local` takes address and credential from the running stack; elsewhere they are the caller's PREFECT_API_URL and
    PREFECT_API_KEY or PREFECT_API_AUTH_STRING.

    Raises:
        Refusal: the stack does not run, or PREFECT_API_URL is not set.
    """
    os.environ |= {"DO_NOT_TRACK": "1", "PREFECT_SERVER_ANALYTICS_ENABLED": "false"}
    if environment.is_local:
        from scripts.local_stack.settings import LocalSettings, no_proxy_here

        settings = LocalSettings.load()
        try:
            auth_string = settings.prefect_auth_string()
        except FileNotFoundError:
            raise Refusal("The local stack does not run; expected it to: `make up` first.") from None
        os.environ |= no_proxy_here()
        os.environ |= {"PREFECT_API_URL": settings.prefect_api_url, "PREFECT_API_AUTH_STRING": auth_string}
        # A developer's own profile must not decide where the local stack's flows go.
        os.environ["PREFECT_HOME"] = str(settings.directory / "prefect-client")
        os.environ.pop("PREFECT_API_KEY", None)
    if not os.environ.get("PREFECT_API_URL"):
        raise Refusal(f"PREFECT_API_URL is not set; expected the address of {environment.title}'s Prefect API.")
    return os.environ["PREFECT_API_URL"]
