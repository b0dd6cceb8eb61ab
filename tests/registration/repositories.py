"""A repository made for a test: flow files, and one call that registers them."""

import asyncio
import importlib
import os
import sys
import time
from pathlib import Path
from textwrap import dedent

import httpx

from scripts.registration import importing
from scripts.registration.api import Prefect
from scripts.registration.loading import Loading
from scripts.registration.run import Facts, Options, Report, register
from scripts.shared.environments import Environment

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
    """Flow {name}.

    Args:
        days: How many.
    """


deployments = [{name}.to_deployment(name="hourly", {settings})]
'''
SETTINGS = 'schedule=Cron("5 * * * *", timezone="UTC"), tags=["owner:team"]'


class Repository:
    """A folder with flow files, registered in an environment of its own."""

    def __init__(self, root: Path, environment: Environment) -> None:
        self.root, self.environment = root, environment
        (root / "flows" / "shared").mkdir(parents=True)
        for package in ("flows", "flows/shared"):
            (root / package / "__init__.py").touch()
        self.facts = Facts(environment, environment.title, TEMPLATE, "digest commit")

    def flow(self, name: str, settings: str = SETTINGS, imports: str = "") -> None:
        """Write flows/<name>.py with one flow and one deployment `hourly`."""
        self.file(f"flows/{name}.py", FLOW.format(name=name, settings=settings, imports=imports))

    def file(self, path: str, content: str) -> None:
        """Write any file."""
        (self.root / path).write_text(dedent(content).lstrip())

    def register(self, transport: httpx.AsyncBaseTransport | None = None, **options) -> Report:
        """Register what is there."""

        async def run() -> Report:
            with Loading(self.environment.name, self.root, self.environment.directory / "flows.json") as loading:
                async with Prefect(transport) as prefect:
                    return await register(self.root, loading, self.facts, Options(**options), prefect)

        return asyncio.run(run())

    def actions(self, **options) -> dict[str, str]:
        """What registering did, by name: `create`, `update: <why>`, …; what was right already is left out."""
        return {
            action.what: f"{action.kind}: {action.reason}" if action.reason else action.kind
            for action in self.register(**options).actions
            if action.kind != "unchanged"
        }

    def held(self) -> dict[str, dict]:
        """Deployments of this environment's work pool as Prefect holds them."""
        flows = {each["id"]: each["name"] for each in self.ask("flows/filter", limit=200)}
        pool = {"name": {"any_": [self.environment.title]}}
        found = self.ask("deployments/filter", work_pools=pool, limit=200)
        return {f"{flows[each['flow_id']]}/{each['name']}": each for each in found}

    def ask(self, path: str, method: str = "POST", **content):
        """One request to Prefect, again while SQLite is busy."""
        address = f"{os.environ['PREFECT_API_URL']}/{path}"
        while True:
            answer = httpx.request(method, address, json=content or {}, timeout=60, trust_env=False)
            if answer.status_code != httpx.codes.SERVICE_UNAVAILABLE:
                break
            time.sleep(0.2)
        assert answer.is_success, answer.text
        return answer.json() if answer.content else None


class ImportedHere:
    """Answers as `Imports` does, without its process: that costs seconds, and test_loading.py tries it."""

    def __init__(self, files, _, root):
        self._files, self._root = files, root

    def stop(self):
        pass

    def answers(self):
        ours = {name: sys.modules.pop(name) for name in list(sys.modules) if name.partition(".")[0] == "flows"}
        sys.path.insert(0, str(self._root))
        sys.dont_write_bytecode, before = True, sys.dont_write_bytecode
        importlib.invalidate_caches()
        try:
            return [(file, importing.look_at(file, self._root)) for file in self._files]
        finally:
            sys.dont_write_bytecode = before
            sys.path.remove(str(self._root))
            for name in [name for name in sys.modules if name.partition(".")[0] == "flows"]:
                del sys.modules[name]
            sys.modules |= ours
