"""Deletes what declared rules say is over: rows of Snowflake tables, objects of the results bucket.

Safe to run again, whenever it was stopped: what is deleted goes in batches, oldest first, and the next run goes on with
what is left. All rules are counted and judged before anything is deleted.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from time import monotonic
from typing import Any

from prefect import get_run_logger, task
from prefect.cache_policies import NO_CACHE
from prefect.runtime import flow_run
from pydantic import BaseModel

from flows.shared import metrics, s3, snowflake
from flows.shared.errors import NETWORK_RETRIES
from flows.shared.moments import Moment
from flows.shared.retention import prefixes, tables
from flows.shared.retention.declaration import PrefixRule, Rule, TableRule
from flows.shared.retention.prefixes import Found, Objects
from flows.shared.retention.refused import RetentionRefusedError, too_many
from flows.shared.retention.tables import Rows
from flows.shared.settings import SnowflakeSettings, StoreSettings

# Listings are long, and of no use to another run.
TASK: dict[str, Any] = {**NETWORK_RETRIES, "cache_policy": NO_CACHE, "persist_result": False}
WAREHOUSE: dict[str, Any] = {**TASK, "tags": ["data-flows.warehouse"]}


class RuleResult(BaseModel, frozen=True):
    """What one rule did. `after` = `before` - `deleted` + `arrived`.

    `unit`: rows or objects. `expired`: older than `cutoff` (UTC) when they were counted. `deleted`: none in a dry run.
    `arrived`: what came meanwhile, less what others deleted. `without_time`: those without a time, which stay.
    """

    rule: str
    place: str
    unit: str
    cutoff: datetime
    before: int
    expired: int
    deleted: int
    arrived: int
    after: int
    without_time: int


class RetentionResult(BaseModel, frozen=True):
    """What one run did, rule by rule."""

    dry_run: bool
    rules: list[RuleResult]


def retain(rules: Sequence[Rule], *, dry_run: bool = True, as_of: Moment = None) -> RetentionResult:
    """Delete what the rules say is over, or only count it. To be called in the body of a flow.

    `as_of`: the moment from which ages count, now unless it is given; with its zone, and not in the future. Raises
    RetentionRefusedError before anything is deleted, with a line for each rule that does not fit; errors of connector
    and boto3.
    """
    started, log = monotonic(), get_run_logger()
    flow, run_id = str(flow_run.flow_name), str(flow_run.id)
    moment = moment_of(as_of, datetime.now(UTC))
    counted = count_rules(rules, moment, flow, run_id, dry_run=dry_run)
    results = []
    for rule, found in counted:
        unit, cutoff = unit_of(rule), moment - rule.keep
        log.info(
            "%s: %s of %s %s of %s are older than %s UTC and %s deleted",
            *(rule.name, found.expired, found.before, unit, rule.place, f"{cutoff:%Y-%m-%d %H:%M:%S}"),
            "would be" if dry_run else "are now",
        )
        deleted, after = (0, found.before) if dry_run else _carried_out(rule, found, cutoff, flow, run_id)
        results.append(
            RuleResult(
                rule=rule.name,
                place=rule.place,
                unit=unit,
                cutoff=cutoff,
                before=found.before,
                expired=found.expired,
                deleted=deleted,
                arrived=after - found.before + deleted,
                after=after,
                without_time=found.without_time,
            )
        )
    _report(flow, run_id, results, monotonic() - started)
    return RetentionResult(dry_run=dry_run, rules=results)


def moment_of(as_of: Moment, now: datetime) -> datetime:
    """The moment from which ages count, in whole seconds, as S3 has them. Raises RetentionRefusedError."""
    if as_of is not None and as_of.tzinfo is None:
        raise RetentionRefusedError(f"as_of: got {as_of}, without a zone; expected one, such as {as_of}+00:00.")
    if as_of is not None and as_of > now:
        raise RetentionRefusedError(f"as_of: got {as_of}, in the future; expected a moment up to now, {now}.")
    return (as_of or now).astimezone(UTC).replace(microsecond=0)


def count_rules(
    rules: Sequence[Rule], moment: datetime, flow: str, run_id: str, *, dry_run: bool
) -> list[tuple[Rule, Rows | Objects]]:
    """Count what is there and what is over. Raises RetentionRefusedError with every rule that does not fit."""
    names = [rule.name for rule in rules]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise RetentionRefusedError(f"Retention: got the name {', '.join(twice)} twice; expected one for each rule.")
    counted: list[tuple[Rule, Rows | Objects]] = []
    problems = []
    for rule in rules:
        cutoff = moment - rule.keep
        try:
            found: Rows | Objects = (
                count_rows(rule, cutoff, flow, run_id, dry_run=dry_run)
                if isinstance(rule, TableRule)
                else list_objects(rule, cutoff)
            )
        except RetentionRefusedError as error:
            problems.append(str(error))
            continue
        counted.append((rule, found))
        if found.expired > rule.at_most * found.before:
            problems.append(too_many(rule, unit_of(rule), found.expired, found.before, cutoff))
    if problems:
        raise RetentionRefusedError("\n".join([*problems, "Nothing was deleted."]))
    return counted


def unit_of(rule: Rule) -> str:
    """What the rule counts."""
    return "rows" if isinstance(rule, TableRule) else "objects"


def _carried_out(rule: Rule, found: Rows | Objects, cutoff: datetime, flow: str, run_id: str) -> tuple[int, int]:
    """Delete what was counted; return how many were deleted and how many are there then."""
    if isinstance(rule, TableRule):
        assert isinstance(found, Rows)
        return delete_rows(rule, cutoff, found, flow, run_id), count_all_rows(rule, flow, run_id)
    assert isinstance(found, Objects)
    parts = (found.over[start : start + rule.batch] for start in range(0, found.expired, rule.batch))
    return sum(delete_objects(rule, part) for part in parts), count_all_objects(rule)


@task(**WAREHOUSE)
def count_rows(rule: TableRule, cutoff: datetime, flow: str, run_id: str, *, dry_run: bool) -> Rows:
    """Count a table's rows and those that are over."""
    with snowflake.connect(SnowflakeSettings.load(), flow, run_id) as connection:
        return tables.count(connection, rule, cutoff, run_id, dry_run=dry_run)


@task(**WAREHOUSE)
def delete_rows(rule: TableRule, cutoff: datetime, found: Rows, flow: str, run_id: str) -> int:
    """Delete rows batch after batch; return how many this run has deleted."""
    with snowflake.connect(SnowflakeSettings.load(), flow, run_id) as connection:
        return tables.delete(connection, rule, cutoff, found, run_id)


@task(**WAREHOUSE)
def count_all_rows(rule: TableRule, flow: str, run_id: str) -> int:
    """Count a table's rows."""
    with snowflake.connect(SnowflakeSettings.load(), flow, run_id) as connection:
        return tables.count_all(connection, rule)


@task(**TASK)
def list_objects(rule: PrefixRule, cutoff: datetime) -> Objects:
    """Count the objects below a prefix, and name those that are over."""
    return prefixes.count(s3.client(), StoreSettings.load().results_bucket, rule, cutoff)


@task(**TASK)
def delete_objects(rule: PrefixRule, batch: list[Found]) -> int:
    """Delete a batch of objects; tried again, it finds those gone that it has deleted."""
    return prefixes.delete(s3.client(), StoreSettings.load().results_bucket, rule, batch)


@task(**TASK)
def count_all_objects(rule: PrefixRule) -> int:
    """Count the objects below a prefix."""
    return prefixes.count_all(s3.client(), StoreSettings.load().results_bucket, rule)


def _report(flow: str, run_id: str, results: Sequence[RuleResult], seconds: float) -> None:
    figures = {
        f"{unit}_{what}": sum(getattr(each, what) for each in results if each.unit == unit)
        for unit in dict.fromkeys(each.unit for each in results)
        for what in ("before", "expired", "deleted", "after")
    }
    metrics.report(flow, run_id, {**figures, "seconds": round(seconds, 3)})
    lines = [each.model_dump(mode="json") for each in results]
    metrics.store_table(f"{flow}-retention", lines, f"What the last run of {flow} deleted")
