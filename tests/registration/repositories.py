"""A repository made for a test: flow files, and one call that registers them."""

import asyncio
import os
import time
from pathlib import Path
from textwrap import dedent

import httpx
from forked_import import imported
from patience import PATIENCE_SECONDS

from scripts.registration.api import Prefect
from scripts.registration.run import Options, Report, register
from scripts.registration.stack import Stack

TEMPLATE = {
    "job_configuration": {"cpu": "{{ cpu }}"},
    "variables": {
        "type": "object",
        "properties": {
            "cpu": {"type": "integer", "default": 1024},
            "memory": {"type": "integer", "default": 4096},
            "ephemeral_storage_gib": {"type": "integer", "default": 21, "minimum": 21, "maximum": 200},
            "env": {"type": "object"},
        },
    },
}
FLOW = '''
"""A flow file of a test."""

from datetime import timedelta

from prefect import flow
from prefect.schedules import Cron, Interval, RRule

{imports}

@flow(name="{name}")
def {name}(days: int = 1) -> None:
    """Flow {name}{about}.

    Args:
        days: How many.
    """


deployments = [{name}.to_deployment(name="hourly", {settings})]
'''
SETTINGS = 'schedule=Cron("5 * * * *", timezone="UTC"), tags=["owner:team"]'


class Repository:
    """A folder with flow files, registered for a stack of its own."""

    def __init__(self, root: Path, title: str) -> None:
        self.root, self.stack = root, Stack(title, title, TEMPLATE, "digest commit")
        for package in ("flows", "flows/shared"):
            self.file(f"{package}/__init__.py", "")

    def flow(self, name: str, settings: str = SETTINGS, imports: str = "", about: str = "") -> None:
        """Write flows/<name>.py with one flow and one deployment `hourly`."""
        self.file(f"flows/{name}.py", FLOW.format(name=name, settings=settings, imports=imports, about=about))

    def file(self, path: str, content: str) -> None:
        """Write any file."""
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        (self.root / path).write_text(dedent(content).lstrip())

    def register(self, transport: httpx.AsyncBaseTransport | None = None, **options) -> Report:
        """Register what is there."""
        found = imported(self.root)

        async def run() -> Report:
            async with Prefect(transport) as prefect:
                return await register(self.root, found, self.stack, Options(**options), prefect)

        return asyncio.run(run())

    def actions(self, **options) -> dict[str, str]:
        """What registering did, by name: `create`, `update: <why>`, …; what was right already is left out."""
        return {
            action.what: f"{action.kind}: {action.reason}" if action.reason else action.kind
            for action in self.register(**options).actions
            if action.kind != "unchanged"
        }

    def held(self) -> dict[str, dict]:
        """Deployments of this stack's work pool as Prefect holds them."""
        flows = {each["id"]: each["name"] for each in self.ask("flows/filter", limit=200)}
        pool = {"name": {"any_": [self.stack.title]}}
        found = self.ask("deployments/filter", work_pools=pool, limit=200)
        return {f"{flows[each['flow_id']]}/{each['name']}": each for each in found}

    def ask(self, path: str, method: str = "POST", **content):
        """One request to Prefect, again while SQLite is busy."""
        address = f"{os.environ['PREFECT_API_URL']}/{path}"
        while True:
            answer = httpx.request(method, address, json=content or {}, timeout=PATIENCE_SECONDS, trust_env=False)
            if answer.status_code != httpx.codes.SERVICE_UNAVAILABLE:
                break
            time.sleep(0.2)
        assert answer.is_success, answer.text
        return answer.json() if answer.content else None
