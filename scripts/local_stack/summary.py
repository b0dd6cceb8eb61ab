"""What `make up` prints at its end: what exists, where to look, what to type next; after a failure, what still runs."""

import json
from collections import Counter

from scripts.gate import record
from scripts.local_stack.supervisor import supervision
from scripts.shared.environments import Environment
from scripts.shared.local_settings import LocalSettings
from scripts.shared.steps import display_path

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
        "Resources": f"{changes.total()} in the plan, {changes['changed']} of them changed just now",
        "Gate": f"passed, {len(gate.rules)} checks: {display_path(environment.directory / 'report.html')}",
        "Deployments": f"{len(deployments)} registered in work pool {environment.title}",
        **runs,
        "Prefect": f"{settings.prefect_url}, `make open` signs in",
        "AWS": f"{settings.aws_endpoint_url} (AWS_ENDPOINT_URL), account {gate.account_id}",
    }
    width = max(map(len, rows)) + 1
    print()
    for name, value in rows.items():
        print(f"{name:<{width}} {value}")
    hints = (
        {
            f"make run FLOW={[*runs, *deployments][0]}": "run a flow again",
            "make status": "show what is running",
            "make logs NAME=agent": "follow the agent's log",
            "make down": "stop everything",
        }
        if deployments
        else {ADD_A_FLOW: "add a flow; there is none yet", "make down": "stop everything"}
    )
    width = max(map(len, hints)) + 2
    print(f"\nEverything took {seconds:.0f} s. Next:")
    for command, purpose in hints.items():
        print(f"  {command:<{width}} {purpose}")


def print_remains(settings: LocalSettings) -> None:
    """After a failure or Ctrl-C: what still runs, and how to go on or end it."""
    running = [f"{part.name} (pid {part.pid})" for part in supervision.status(settings) if part.pid]
    print(f"\nStill running: {', '.join(running) or 'nothing'}. `make up` continues from here, `make down` stops it.")
