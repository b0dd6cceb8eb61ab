"""Calls of Prefect's API by a flow, with the credential that its run has."""

import base64

from prefect.settings import get_current_settings


def sign_in() -> dict[str, str]:
    """Return the header by which Prefect knows the flow run; none where it wants none."""
    api = get_current_settings().api
    if api.key:
        return {"Authorization": f"Bearer {api.key.get_secret_value()}"}
    if api.auth_string:
        return {"Authorization": f"Basic {base64.b64encode(api.auth_string.get_secret_value().encode()).decode()}"}
    return {}
