"""One registration: what the code says against what Prefect holds, then the writes, in an order that is always safe."""

from dataclasses import dataclass, replace
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from scripts.gate.permissions import applied_rights
from scripts.registration import alerts, checks, limits, triggers, work_pool
from scripts.registration.actions import UNCHANGED, Action
from scripts.registration.api import Conflict, Prefect
from scripts.registration.blocks import block_action
from scripts.registration.deployments import Deployment, deployment, upsert
from scripts.registration.flow_import import Imported
from scripts.registration.registered import not_registered, prune, registered_under_names, registered_with_tag
from scripts.registration.stack import TAG_PREFIX, Stack
from scripts.shared.refusal import Refusal


@dataclass(frozen=True)
class Options:
    """What of it is to be done."""

    dry_run: bool = False
    only: str | None = None
    keep: bool = False
    full: bool = False
    tolerant: bool = False  # What is wrong is told and stays as it is registered; the rest is brought to what it is.


@dataclass
class Report:
    """What was found and done, for a person or for `--json`."""

    actions: list[Action]
    reads: int
    writes: int
    notes: list[str]
    repeated: int = 0  # Of the requests, those that Prefect was too busy to carry out and got again.
    imported: Imported | None = None  # With all that is wrong, if that was to be tolerated.


async def register(root: Path, imported: Imported, stack: Stack, options: Options, prefect: Prefect) -> Report:
    """Bring Prefect to what the code says.

    Raises:
        Refusal: the code is wrong and that is not tolerated (nothing is written), or Prefect refused or did not answer.
    """
    await prefect.check_version()
    wanted_limits, limit_problems = limits.read_limits(root)
    asks_for_queue = any(each["work_queue_name"] for each in imported.deployments)
    queues = await work_pool.queues(prefect, stack.pool) if asks_for_queue else {"default"}
    unapplied = applied_rights.problems(stack.declared, root)
    wrong = [
        *(each for each in unapplied if each.partition(":")[0] not in imported.broken),
        *checks.problems(imported.deployments, stack.template, queues, stack.pool),
    ]
    if stack.has_active_schedules:
        wrong += alerts.unpaged(imported.deployments, stack.alerts.named)
    imported = imported.with_problems(wrong)
    if problems := dict.fromkeys([*imported.problems, *limit_problems]):
        if not options.tolerant:
            raise Refusal("\n".join(problems), 1)
        options = replace(options, keep=True)
    deployments = [each for each in imported.deployments if each["file"] not in imported.broken]
    sound = {f"{each['flow_name']}/{each['name']}" for each in deployments}

    def is_meant(title: str) -> bool:
        return _is_meant(options, title) and (not problems or title in sound)

    blocks = []
    if stack.result_block:
        results = {"bucket_name": stack.results_bucket, "bucket_folder": "results"}
        blocks.append(await block_action(prefect, "s3-bucket", stack.result_block, results))
    there = await prefect.read_all("automations/filter")
    channel_blocks, automations = await alerts.alert_actions(
        prefect, stack.alerts, there, stack.title, stack.tag, stack.prefix
    )
    pool = await work_pool.work_pool_action(prefect, stack.pool, stack.template, stack.at_once)
    actions = [
        pool,
        *([] if limit_problems else await limits.limit_actions(prefect, f"{stack.prefix}-limits", wanted_limits)),
        *blocks,
        *channel_blocks,
        *await _deployments(prefect, [deployment(each, stack) for each in deployments], stack, options),
        *await triggers.trigger_actions(prefect, stack.title, deployments, there, is_meant),
        *automations,
    ]
    if not options.dry_run:
        await _write(actions)
    return Report(actions, prefect.reads, prefect.writes, list(stack.alerts.notes), prefect.busy, imported)


def _is_meant(options: Options, title: str, file: str = "") -> bool:
    """Whether ONLY, if it is given, matches the deployment's title, its flow or its file."""
    return not options.only or any(fnmatch(name, options.only) for name in (title, title.partition("/")[0], file))


async def _deployments(prefect: Prefect, everything: list[Deployment], stack: Stack, options: Options) -> list[Action]:
    """What is to be written, then what is to be deleted."""

    stale = everything if options.full else await not_registered(prefect, everything, stack.tag)
    registered = await registered_under_names(prefect, stale)
    ours = {title: each for title, each in registered.items() if stack.tag in each["tags"]}
    total = await prefect.read("deployments/count", deployments={"tags": {"all_": [stack.tag]}})
    if total != len(everything) - len(stale) + len(ours):  # There is one that is no longer in code.
        ours |= await registered_with_tag(prefect, stack.tag)
    _refuse_others(registered, stack)

    titles = {each.title for each in everything}
    selected = [each for each in everything if _is_meant(options, each.title, each.file)]
    gone = {
        title: each
        for title, each in ours.items()
        if title not in titles and _is_meant(options, title, each["entrypoint"].partition(":")[0])
    }
    if options.only and not selected and not gone:
        there = ", ".join(sorted({*titles, *ours}))
        raise Refusal(
            f'ONLY is "{options.only}"; expected a name that matches one of {there}, a flow of them or its file.'
        )
    upserts = [
        upsert(prefect, each, registered.get(each.title), stack.version)
        if each in stale
        else Action(each.title, UNCHANGED, is_deployment=True)
        for each in selected
    ]
    return upserts + (await prune(prefect, gone) if gone and not options.keep else [])


def _refuse_others(registered: dict[str, dict[str, Any]], stack: Stack) -> None:
    problems = [
        f"Deployment {title}: got one of {tag} in this Prefect; expected {stack.tag} to have a server or workspace of "
        "its own: is PREFECT_API_URL that of another environment?"
        for title, each in registered.items()
        for tag in each["tags"]
        if tag.startswith(TAG_PREFIX) and tag != stack.tag
    ]
    if problems:
        raise Refusal("\n".join(problems), 1)


async def _write(actions: list[Action]) -> None:
    """One after the other.

    Raises:
        Refusal: a write failed; the message says how many are done.
    """
    todo = [(action.what, action.write) for action in actions if action.write]
    for done, (what, write) in enumerate(todo):
        try:
            await write()
        except (Conflict, Refusal) as error:
            raise Refusal(
                f"{error}\n{done} of {len(todo)} writes are done. The next is {what}. Register again to continue."
            ) from None
