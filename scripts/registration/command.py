"""What the registration command does once its flows are being imported: the gate, the facts, the writes, the report."""

import asyncio
import json
from argparse import Namespace
from collections import Counter

from scripts.gate import applied_state, catalog, record
from scripts.gate.record import GateRecord
from scripts.registration.actions import PRUNE, UNCHANGED
from scripts.registration.alerts import Alerts
from scripts.registration.api import Prefect
from scripts.registration.flow_import import Imported
from scripts.registration.run import Options, Report, register
from scripts.registration.stack import Stack
from scripts.shared import prefect_api
from scripts.shared.environments import ROOT, Environment
from scripts.shared.guard import guard
from scripts.shared.image_digest import WORKING_TREE, image_digest

SHOWN_UNCHANGED = 20


def check_gate(environment: Environment, digest: str) -> GateRecord:
    """The record stored with the state, which passed and names this image.

    Raises:
        Refusal: nothing is applied, or the record does not fit.
    """
    stored = applied_state.read_record(environment)
    record.verify(stored, environment=environment.name, image_digest=digest, checks=catalog.check_names())
    return stored


async def run(imported: Imported, stack: Stack, options: Options) -> Report:
    """Register over a connection of its own."""
    async with Prefect() as prefect:
        return await register(ROOT, imported, stack, options, prefect)


def print_report(report: Report, *, dry_run: bool) -> None:
    """What is done to what and why, the requests it took, and its sum as the last line."""
    shown = [action for action in report.actions if action.kind != UNCHANGED]
    same = [action for action in report.actions if action.kind == UNCHANGED]
    rows = [(action.kind, action.what, action.reason) for action in shown]
    rows += [(UNCHANGED, action.what, "") for action in same[:SHOWN_UNCHANGED]]
    if len(same) > SHOWN_UNCHANGED:
        rows.append((UNCHANGED, f"and {len(same) - SHOWN_UNCHANGED} more", ""))
    width = max(len(what) for _, what, _ in rows)
    for kind, what, reason in rows:
        print(f"{kind:<9}  {what:<{width}}  {reason}".rstrip())
    print()
    for note in report.notes:
        print(note)
    repeated = f"; {report.repeated} of them again, as Prefect was busy" if report.repeated else ""
    print(f"requests: {report.reads} reads, {report.writes} writes{repeated}")
    kinds = Counter(action.kind for action in report.actions if action.is_deployment)
    written = kinds.total() - kinds[UNCHANGED] - kinds[PRUNE]
    pruned = f", {kinds[PRUNE]} {'to prune' if dry_run else 'pruned'}" if kinds[PRUNE] else ""
    print(
        f"{kinds.total() - kinds[PRUNE]} deployments: {written} {'to write' if dry_run else 'written'}, "
        f"{kinds[UNCHANGED]} unchanged{pruned}"
    )


def as_json(report: Report, environment: Environment, *, dry_run: bool) -> str:
    """The report for a program."""
    actions = [
        {"what": each.what, "action": each.kind, "reason": each.reason, "is_deployment": each.is_deployment}
        for each in report.actions
    ]
    requests = {"reads": report.reads, "writes": report.writes, "repeated": report.repeated}
    facts = {"environment": environment.name, "dry_run": dry_run, "requests": requests, "notes": report.notes}
    return json.dumps(facts | {"actions": actions}, indent=2)


def register_environment(arguments: Namespace, environment: Environment, imported: Imported) -> None:
    """Register an environment's flows and print what was done.

    Raises:
        Refusal: the gate did not pass what is applied, a deployment does not fit it, or Prefect refused.
    """
    digest = arguments.image_digest or source_digest(environment)
    commit = check_gate(environment, digest).commit
    if not arguments.dry_run:
        guard(environment, "register flows", calls_prefect=True)
    stack = applied_stack(environment, digest, commit)
    options = Options(arguments.dry_run, arguments.only, arguments.keep, arguments.full)
    report = asyncio.run(run(imported, stack, options))
    if arguments.json:
        print(as_json(report, environment, dry_run=options.dry_run))
    else:
        print_report(report, dry_run=options.dry_run)


def source_digest(environment: Environment) -> str:
    """What names the code that registration reads here."""
    return WORKING_TREE if environment.is_local else image_digest()


def applied_stack(environment: Environment, digest: str, commit: str) -> Stack:
    """What is applied; Prefect's client is pointed at its API.

    Raises:
        Refusal: nothing is applied, or Prefect's address is not known.
    """
    names = ("work_pool", "results_bucket", "facts", "flows")
    pool, bucket, facts, flows = applied_state.read_outputs(environment, *names)
    prefect_api.configure(environment)
    return Stack(
        title=facts["title"],
        pool=pool["name"],
        template=pool["base_job_template"],
        at_once=pool["concurrency_limit"],
        version=f"{digest.removeprefix('sha256:')[:12]} {commit[:12]}",
        has_active_schedules=facts["schedules"] == "active",
        results_bucket=bucket,
        result_block=facts["result_block"],
        alerts=Alerts.of(facts),
        declared=flows["declared"],
    )
