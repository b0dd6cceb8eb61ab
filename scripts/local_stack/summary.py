"""What `make up` says at its end, good or bad: what is there, where to look, what to type next."""

import json
from collections import Counter

from scripts.gate import record
from scripts.local_stack.supervisor import supervision
from scripts.shared.environments import Environment
from scripts.shared.local_settings import LocalSettings
from scripts.shared.steps import shown

ADD_A_FLOW = "make new-flow NAME=orders/daily_orders"


def print_summary(
    environment: Environment, settings: LocalSettings, deployments: list[str], runs: dict[str, str], seconds: float
) -> None:
    """The closing summary of a run that went well: `deployments` are all there are, `runs` says how each run ended."""
    plan = json.loads((environment.directory / "plan.json").read_text())
    changes = Counter(
        "changed" if change["change"]["actions"] != ["no-op"] else "unchanged"
        for change in plan["resource_changes"]
        if change["mode"] == "managed"
    )
    gate = record.read(environment.directory / "gate.json")
    rows = {
        "Resources": f"{changes.total()} described, {changes['changed']} of them applied just now",
        "Gate": f"passed, {len(gate.rules)} checks: {shown(environment.directory / 'report.html')}",
        "Deployments": f"{len(deployments)} registered in work pool {environment.title}",
        **runs,
        "Prefect": f"{settings.prefect_url}, signing in with the content of {shown(settings.prefect_auth_file)}",
        "AWS": f"{settings.aws_endpoint_url} (AWS_ENDPOINT_URL), account {gate.account_id}",
    }
    width = max(map(len, rows)) + 1
    print()
    for name, value in rows.items():
        print(f"{name:<{width}} {value}")
    hints = (
        {
            f"make run FLOW={[*runs, *deployments][0]}": "another run through the agent",
            "make status": "what runs",
            "make logs NAME=agent": "what the agent says",
            "make down": "end all of it",
        }
        if deployments
        else {ADD_A_FLOW: "add a flow; there is none yet", "make down": "end all of it"}
    )
    width = max(map(len, hints)) + 2
    print(f"\nAll of it in {seconds:.0f} s. Next:")
    for command, purpose in hints.items():
        print(f"  {command:<{width}} {purpose}")


def print_remains(settings: LocalSettings) -> None:
    """After a failure or Ctrl-C: what still runs, and how to go on or end it."""
    running = [f"{part.name} (pid {part.pid})" for part in supervision.status(settings) if part.pid]
    print(f"\nStill running: {', '.join(running) or 'nothing'}. `make up` goes on from here, `make down` ends it.")
