"""What a person wants to know of each deployment at a glance: when it runs, whose it is, what it may do."""

from pathlib import Path
from typing import Any

from scripts.gate.permissions import flow_permissions
from scripts.shared import flow_secrets
from scripts.shared.environments import ROOT


def deployment_rows(deployments: list[dict[str, Any]], root: Path = ROOT) -> list[tuple[str, ...]]:
    """Name, schedules with their time zones, owner, own secrets and own AWS rights of each deployment."""
    rights: dict[str, list[str]] = {}
    for each in flow_permissions.declared(root):
        rights.setdefault(f"flows/{each['flow']}.py", []).extend(each["actions"])
    secrets = {f"flows/{flow}.py": names for flow, names in flow_secrets.declared(root).items()}
    return [
        (
            f"{each['flow_name']}/{each['name']}",
            ", ".join(map(_schedule, each["schedules"])) or ("by event" if each["triggers"] else "by hand"),
            ", ".join(tag for tag in each["tags"] if tag.startswith("owner:")),
            ", ".join(secrets.get(each["file"], ["no secrets"])),
            ", ".join(dict.fromkeys(rights.get(each["file"], ["no rights of its own"]))),
        )
        for each in deployments
    ]


def _schedule(schedule: dict[str, Any]) -> str:
    when = schedule["schedule"]
    how = when.get("cron") or when.get("rrule", "").replace("\n", " ") or f"every {when.get('interval', 0):g} s"
    return f"{how} {when['timezone']}{'' if schedule['active'] else ' (inactive)'}"
