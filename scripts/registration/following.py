"""Before a run on the local stack, what is registered follows the working tree; what is wrong there is told."""

import asyncio
import sys

from scripts.registration.actions import UNCHANGED
from scripts.registration.command import applied_stack, check_gate, run, source_digest
from scripts.registration.flow_import import Imported
from scripts.registration.run import Options
from scripts.shared.environments import Environment
from scripts.shared.flow_runs import file_of
from scripts.shared.refusal import Refusal


def follow(environment: Environment, wanted: str, imported: Imported) -> None:
    """Register what has changed, and print it. A wrong file leaves its own flows as they are registered.

    Raises:
        Refusal: something is wrong with the flow that is `wanted`, or nothing can be registered.
    """
    digest = source_digest(environment)
    stack = applied_stack(environment, digest, check_gate(environment, digest).commit)
    report = asyncio.run(run(imported, stack, Options(tolerant=True)))
    for action in report.actions:
        if action.kind != UNCHANGED:
            print(f"{action.kind}  {action.what}  {action.reason}".rstrip(), flush=True)
    found = report.imported
    if not found or not found.problems:
        return
    told = "\n".join(found.problems)
    flow = wanted.partition("/")[0]
    files = {
        each["file"] for each in found.deployments if each["flow_name"].replace("-", "_") == flow.replace("-", "_")
    }
    if {file_of(flow), *files} & found.broken:
        raise Refusal(told, 1)
    print(f"{told}\nThese stay as they are registered; {wanted} is not of them.", file=sys.stderr, flush=True)
