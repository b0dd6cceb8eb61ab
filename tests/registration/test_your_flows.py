"""The flows of this repository, whatever flows there are, are registered, and then nothing is left to do."""

import asyncio
from typing import Any

from repositories import TEMPLATE

from scripts.gate.permissions import applied_rights
from scripts.registration.api import Prefect
from scripts.registration.flow_import import FlowImport, Imported
from scripts.registration.run import Options, register
from scripts.registration.stack import Stack
from scripts.shared.environments import ROOT


def applied() -> dict[str, Any]:
    """What Terraform says of the flows once all that they declare is applied."""
    return {
        flow: {"definition": f"flow-{number}", "secrets": secrets, "permissions": permissions}
        for number, (flow, (secrets, permissions)) in enumerate(applied_rights.declared().items())
    }


def kinds_of_deployments(imported: Imported) -> list[str]:
    """What one registration does with each deployment."""

    async def run() -> list[str]:
        async with Prefect() as prefect:
            stack = Stack("YourFlows-Test", "YourFlows-Test", TEMPLATE, "digest commit", declared=applied())
            report = await register(ROOT, imported, stack, Options(), prefect)
        return [action.kind for action in report.actions if action.is_deployment]

    return asyncio.run(run())


def test_they_are_registered_once(prefect_server):
    with FlowImport("local") as flow_import:
        imported = flow_import.result()
    number = len(imported.deployments)
    assert kinds_of_deployments(imported) == ["create"] * number
    assert kinds_of_deployments(imported) == ["unchanged"] * number
    assert kinds_of_deployments(Imported([], [])) == ["prune"] * number
