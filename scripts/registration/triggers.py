"""Event triggers of deployments: each an automation of Prefect that starts a run of its deployment."""

from collections.abc import Callable
from typing import Any
from urllib.parse import quote

from scripts.registration.actions import Action
from scripts.registration.api import Prefect
from scripts.registration.automations import Completion, automation_actions


async def trigger_actions(
    prefect: Prefect,
    stack: str,
    deployments: list[dict[str, Any]],
    automations_there: list[dict[str, Any]],
    is_meant: Callable[[str], bool],
) -> list[Action]:
    """What brings the triggers of the code's `deployments`, and removes those that are no longer in code.

    Those of deployments that are not meant, by their titles, stay as they are.
    """
    prefix = f"{stack} trigger: "
    titles = {f"{each['flow_name']}/{each['name']}": each["triggers"] for each in deployments}
    wanted = {
        (name := f"{prefix}{title}: {each['name']}"): each | {"name": name}
        for title, triggers in titles.items()
        for each in triggers
        if is_meant(title)
    }
    owner = {name: name.removeprefix(prefix).rpartition(": ")[0] for name in wanted}
    registered = [
        each
        for each in automations_there
        if each["name"].startswith(prefix) and is_meant(each["name"].removeprefix(prefix).rpartition(": ")[0])
    ]
    return await automation_actions(prefect, wanted, registered, _with_deployment(prefect, owner))


def _with_deployment(prefect: Prefect, owner: dict[str, str]) -> Completion:
    """Adds the id of the deployment that is run."""

    async def complete(automation: dict[str, Any]) -> dict[str, Any] | None:
        flow, _, name = owner[automation["name"]].partition("/")
        found = await prefect.read(f"deployments/name/{quote(flow, safe='')}/{quote(name, safe='')}")
        if found is None:
            return None
        return automation | {"actions": [each | {"deployment_id": found["id"]} for each in automation["actions"]]}

    return complete
