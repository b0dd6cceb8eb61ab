"""Bring an environment's Prefect to what flows/ says: work pool, limits, deployments, on-call automations.

    python -m scripts.register_flows --env dev
    python -m scripts.register_flows --env dev --dry-run
    python -m scripts.register_flows --env dev --only 'flights_*' --keep --json

Refused unless the gate passed the infrastructure that is applied, and for the image whose flows these are. All flow
files are imported and checked before the first write. Interrupted anywhere, run it again.
"""

import argparse
import asyncio
import json
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

from scripts import gate_store, prefect_api
from scripts.environments import ROOT, Environment, find_environment
from scripts.image_digest import image_digest
from scripts.plan_checks import record, rules
from scripts.plan_checks.record import GateRecord
from scripts.refusal import run_command
from scripts.registration.actions import PRUNE, UNCHANGED
from scripts.registration.api import Prefect
from scripts.registration.loading import Loaded, load
from scripts.registration.on_call import Pager
from scripts.registration.run import Facts, Options, Report, register

SHOWN_UNCHANGED = 20


def check_gate(environment: Environment, digest: str) -> GateRecord:
    """The record stored with the state, which passed and names this image.

    Raises:
        Refusal: nothing is applied, or the record does not fit.
    """
    stored = gate_store.stored(environment)
    record.verify(stored, environment=environment.name, image_digest=digest, checks=rules.check_names())
    return stored


async def run(loaded: Loaded, facts: Facts, options: Options) -> Report:
    """Register over a connection of its own."""
    async with Prefect() as prefect:
        return await register(ROOT, loaded, facts, options, prefect)


def print_report(report: Report, *, dry_run: bool) -> None:
    """What is done to what and why, the requests it took, and its sum as the last line."""
    shown = [action for action in report.actions if action.kind != UNCHANGED]
    same = [action for action in report.actions if action.kind == UNCHANGED]
    rows = [(action.kind, action.what, action.reason) for action in shown]
    rows += [(UNCHANGED, action.what, "") for action in same[:SHOWN_UNCHANGED]]
    if more := len(same) - SHOWN_UNCHANGED if len(same) > SHOWN_UNCHANGED else 0:
        rows.append((UNCHANGED, f"and {more} more", ""))
    width = max(len(what) for _, what, _ in rows)
    for kind, what, reason in rows:
        print(f"{kind:<9}  {what:<{width}}  {reason}".rstrip())
    print()
    for note in report.notes:
        print(note)
    print(f"requests: {report.reads} reads, {report.writes} writes")
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
    requests = {"reads": report.reads, "writes": report.writes}
    facts = {"environment": environment.name, "dry_run": dry_run, "requests": requests, "notes": report.notes}
    return json.dumps(facts | {"actions": actions}, indent=2)


def main() -> None:
    """Register one environment's flows."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--env", required=True, metavar="ENV", help="environment, such as dev")
    parser.add_argument("--image-digest", help="image whose flows these are; without it, the sources' own digest")
    parser.add_argument("--dry-run", action="store_true", help="print the difference, write nothing")
    parser.add_argument("--only", metavar="GLOB", help="only what fits: a flow, <flow>/<deployment> or flows/<file>.py")
    parser.add_argument("--keep", action="store_true", help="keep deployments that are no longer in code")
    parser.add_argument("--full", action="store_true", help="compare every field, to find what was edited by hand")
    parser.add_argument("--json", action="store_true", help="print the report as JSON")
    arguments = parser.parse_args()
    environment = find_environment(arguments.env)
    environment.require_running()
    with ThreadPoolExecutor() as beside:  # Importing flows takes longest, and needs nothing of the rest.
        loading = beside.submit(load, environment.name, memory=environment.directory / "flows.json")
        digest = arguments.image_digest or image_digest()
        commit = check_gate(environment, digest).commit
        work_pool = gate_store.stored_output(environment, "work_pool")
        bucket = None if environment.is_local else gate_store.stored_output(environment, "results_bucket")
        loaded = loading.result()
    prefect_api.configure(environment)
    facts = Facts(
        environment=environment,
        pool=work_pool["name"],
        template=work_pool["base_job_template"],
        version=f"{digest.removeprefix('sha256:')[:12]} {commit[:12]}",
        results_bucket=bucket,
        pager=Pager.from_environment(),
    )
    options = Options(arguments.dry_run, arguments.only, arguments.keep, arguments.full)
    report = asyncio.run(run(loaded, facts, options))
    if arguments.json:
        print(as_json(report, environment, dry_run=options.dry_run))
    else:
        print_report(report, dry_run=options.dry_run)


if __name__ == "__main__":
    run_command(main)
