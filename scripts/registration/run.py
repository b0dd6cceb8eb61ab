"""One registration: what the code says against what Prefect holds, then the writes, in an order that is always safe."""

import asyncio
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from scripts.registration import checks, limits, on_call, work_pool
from scripts.registration.actions import PRUNE, UNCHANGED, Action, carry_out
from scripts.registration.api import Conflict, Prefect
from scripts.registration.blocks import block_actions
from scripts.registration.deployments import (
    WORTH_READING,
    Wanted,
    held,
    held_under_names,
    owner_tag,
    prune,
    upsert,
    wanted,
    without_their_digest,
)
from scripts.registration.loading import Loading
from scripts.shared.environments import Environment
from scripts.shared.refusal import Refusal


@dataclass(frozen=True)
class Facts:
    """What registration needs to know of the environment as it was applied."""

    environment: Environment
    pool: str
    template: dict[str, Any]
    version: str
    results_bucket: str | None = None
    pager: on_call.Pager | None = None


@dataclass(frozen=True)
class Options:
    """What of it is to be done."""

    dry_run: bool = False
    only: str | None = None
    keep: bool = False
    full: bool = False


@dataclass
class Report:
    """What was found and done, for a person or for `--json`."""

    actions: list[Action]
    reads: int
    writes: int
    notes: list[str]
    repeated: int = 0  # Of the requests, those that Prefect was too busy to carry out and got again.


async def register(root: Path, loading: Loading, facts: Facts, options: Options, prefect: Prefect) -> Report:
    """Bring Prefect to what the code says.

    Raises:
        Refusal: the code is wrong (nothing is written), or Prefect refused or did not answer.
    """
    owned = owner_tag(facts.environment)

    def as_wanted(deployments: list[dict[str, Any]]) -> list[Wanted]:
        return [wanted(each, loading.closures[each["file"]], facts.environment, facts.pool) for each in deployments]

    # What needs no import comes first: flow files that changed are being imported meanwhile.
    await prefect.check_version()
    wanted_limits, limit_problems = limits.read_limits(root)
    first = await limits.limit_actions(prefect, wanted_limits)
    unchanged = as_wanted(loading.unchanged())
    stale = [*unchanged] if options.full else await without_their_digest(prefect, unchanged, owned)

    try:
        loaded = await asyncio.to_thread(loading.result)
    except asyncio.CancelledError:  # Ctrl-C; the thread waits for a process.
        loading.stop()
        raise
    asks_for_queue = any(each["work_queue_name"] for each in loaded.deployments)
    queues = await work_pool.queues(prefect, facts.pool) if asks_for_queue else {"default"}
    problems = [
        *loaded.problems,
        *limit_problems,
        *checks.problems(loaded.deployments, facts.template, queues, facts.pool),
    ]
    if problems:
        raise Refusal("\n".join(problems), 1)

    changed = as_wanted([each for each in loaded.deployments if each["file"] in loading.changed])
    # What changed since the last registration from here most likely differs: one of a hundred needs no search.
    is_searched = len(changed) > WORTH_READING and not options.full
    stale += await without_their_digest(prefect, changed, owned) if is_searched else changed
    everything = sorted([*unchanged, *changed], key=lambda each: each.file)
    upserts, prunes = await _deployments(prefect, everything, stale, owned, facts, options)
    is_on_call = any(on_call.TAG in each["tags"] for each in loaded.deployments)
    blocks = await block_actions(prefect, _blocks(facts, is_on_call=is_on_call))
    _, pager_block = blocks.get(on_call.block_name(facts.environment), (None, None))
    first = [
        await work_pool.work_pool_action(prefect, facts.pool, facts.template),
        *first,
        *(action for action, _ in blocks.values() if action.kind != PRUNE),
    ]
    last = [
        *await on_call.on_call_actions(prefect, facts.environment, facts.pager, pager_block, needed=is_on_call),
        *(action for action, _ in blocks.values() if action.kind == PRUNE),
    ]
    actions = [*first, *upserts, *prunes, *last]
    if not options.dry_run:
        await _write(prefect, first, upserts, prunes, last)
    note = "on call: PAGERDUTY_ROUTING_KEY is not set, so no page is sent that was not set up before"
    notes = [note] if is_on_call and facts.pager is None else []
    return Report(actions, prefect.reads, prefect.writes, notes, prefect.busy)


async def _deployments(
    prefect: Prefect, everything: list[Wanted], stale: list[Wanted], owned: str, facts: Facts, options: Options
) -> tuple[list[Action], list[Action]]:
    """What is to be written, and what is to be deleted after that; only `stale` ones are looked at."""

    def is_meant(title: str, file: str) -> bool:
        return not options.only or any(fnmatch(name, options.only) for name in (title, title.partition("/")[0], file))

    selected = [each for each in everything if is_meant(each.title, each.file)]
    if options.full:
        ours = await held(prefect, deployments={"tags": {"all_": [owned]}})
        others = await held_under_names(prefect, [each for each in selected if each.title not in ours])
    else:
        found = await held_under_names(prefect, stale)
        ours = {title: each for title, each in found.items() if owned in each["tags"]}
        others = {title: each for title, each in found.items() if title not in ours}
        total = await prefect.read("deployments/count", deployments={"tags": {"all_": [owned]}})
        if total != len(everything) - len(stale) + len(ours):  # One that is no longer in code.
            ours |= await held(prefect, deployments={"tags": {"all_": [owned]}})
    if foreign := {
        title: tag
        for title, each in others.items()
        for tag in each["tags"]
        if tag != owned and tag.startswith(owned.partition(":")[0] + ":")
    }:
        raise Refusal(
            "\n".join(
                f"Deployment {title}: got one of {tag} in this Prefect; expected {owned} to have a server or workspace "
                "of its own: is PREFECT_API_URL that of another environment?"
                for title, tag in foreign.items()
            ),
            1,
        )
    titles = {each.title for each in everything}
    gone = {
        title: each
        for title, each in ours.items()
        if title not in titles and is_meant(title, each["entrypoint"].partition(":")[0])
    }
    if options.only and not selected and not gone:
        there = ", ".join(sorted({*titles, *ours}))
        raise Refusal(f'ONLY is "{options.only}"; expected it to fit a flow, a deployment or a file of {there}.')
    written = {each.title for each in stale}
    return (
        [
            upsert(prefect, each, (ours | others).get(each.title), facts.version)
            if each.title in written
            else Action(each.title, UNCHANGED, is_deployment=True)
            for each in selected
        ],
        [] if options.keep else await prune(prefect, gone),
    )


def _blocks(facts: Facts, *, is_on_call: bool) -> dict[str, tuple[str, dict[str, Any] | None]]:
    """Blocks by name: where results go, and what tells PagerDuty."""
    blocks: dict[str, tuple[str, dict[str, Any] | None]] = {}
    if facts.results_bucket:
        data = {"bucket_name": facts.results_bucket, "bucket_folder": "results"}
        blocks[f"{facts.environment.title.lower()}-results"] = ("s3-bucket", data)
    if facts.pager or not is_on_call:
        data = on_call.pager_block(facts.pager) if is_on_call else None
        blocks[on_call.block_name(facts.environment)] = ("custom-webhook", data)
    return blocks


async def _write(prefect: Prefect, *stages: list[Action]) -> None:
    """Stage by stage: what deployments need, deployments, then what no longer has to be there.

    Raises:
        Refusal: a write failed; the message says how many are done.
    """
    todo = [[action for action in stage if action.write] for stage in stages]
    done: list[Action] = []
    try:
        for number, actions in enumerate(todo):
            if number in (0, len(todo) - 1):
                for action in actions:
                    await action.write()
                    done.append(action)
            else:
                await carry_out(actions, prefect, done)
    except (Conflict, Refusal) as error:
        left = [action.what for actions in todo for action in actions if action not in done]
        raise Refusal(
            f"{error}\n{len(done)} of {len(done) + len(left)} writes are done and stay; the first left is {left[0]}. "
            "Register again: it goes on from there."
        ) from None
