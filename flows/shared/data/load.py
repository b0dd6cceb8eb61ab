"""Loads a data set's landed files into its table, each file once.

Safe to run again, whenever it was stopped: rows are merged by key, and the watermark and the history move in the same
transaction, so a run that did not commit leaves nothing and one that did is not repeated.

A run takes the files whose S3 LastModified is in [last, upper), where `last` is the watermark and `upper` is S3's own
clock when the listing began, less `settle_seconds`. LastModified of a multipart upload is its *start*: such a file can
appear with a time that a watermark has passed already. Put landing files whole, in one request that takes less than
`settle_seconds`; `reconcile` finds what came late all the same.
"""

from __future__ import annotations

import hashlib
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import monotonic
from typing import Annotated, Any

from prefect import get_run_logger, task
from prefect.cache_policies import NO_CACHE
from prefect.runtime import flow_run
from pydantic import BaseModel, Field

from flows.shared import metrics, s3, snowflake, watermark
from flows.shared.data import history, quarantine, warehouse
from flows.shared.data.landing import Landing
from flows.shared.data.listing import Listing, StoredFile, list_landing, named_files
from flows.shared.data.validation import TooManyRejectedError, check_rejected
from flows.shared.errors import NETWORK_RETRIES, DataFlowsError
from flows.shared.moments import Moment as Moment
from flows.shared.moments import utc
from flows.shared.settings import SnowflakeSettings, StoreSettings

Percent = Annotated[float, Field(ge=0, le=100)]
Files = list[str] | None
TASK: dict[str, Any] = {**NETWORK_RETRIES, "tags": ["data-flows.warehouse"], "cache_policy": NO_CACHE}


class LandingSilentError(DataFlowsError):
    """Nothing landed for longer than the data set expects."""


class LoadResult(BaseModel, frozen=True):
    """What one run did. Rows read = inserted + updated + unchanged + quarantined.

    `rows_unchanged` counts also rows that a later one of the same key replaced within the run. `rows_vanished` were
    deleted because their file no longer has them. `files_set_aside` and `files_ignored`: file to why. `watermark`:
    how far the data set is loaded (UTC); a run of named files or of a past interval leaves it where it is.
    """

    files: int = 0
    files_set_aside: dict[str, str] = {}
    files_ignored: dict[str, str] = {}
    rows_read: int = 0
    rows_inserted: int = 0
    rows_updated: int = 0
    rows_unchanged: int = 0
    rows_vanished: int = 0
    rows_quarantined: int = 0
    columns_added: list[str] = []
    watermark: datetime

    def figures(self) -> dict[str, float]:
        """Its numbers, for the metrics: of files that were set aside or ignored their count."""
        own = self.model_dump(exclude={"watermark", "columns_added"})
        return {name: len(value) if isinstance(value, dict) else value for name, value in own.items()}


class Window(BaseModel, frozen=True):
    """The files of one load, oldest first. `moves`: whether the watermark goes from `last` to `upper` with it.

    `newest`: when the last of all files landed, as of `listed_at`.
    """

    last: datetime
    upper: datetime
    files: list[StoredFile]
    ignored: dict[str, str] = {}
    moves: bool = True
    newest: datetime | None = None
    listed_at: datetime | None = None

    def load_id(self, run_id: str) -> str:
        """Return what tells this load from every other one, also of the same flow run."""
        files = hashlib.sha256("\n".join(f"{each.key} {each.etag}" for each in self.files).encode()).hexdigest()[:12]
        return f"{run_id}/{self.upper.isoformat()}/{files}"


def load(
    landing: Landing,
    max_rejected_percent: float = 1.0,
    *,
    max_files_set_aside: int = 10,
    settle_seconds: int = 5,
    since: Moment = None,
    until: Moment = None,
    files: Files = None,
) -> LoadResult:
    """Load the files that landed since the last run. To be called in the body of a flow.

    More rejected rows than `max_rejected_percent`, or more than `max_files_set_aside` files that cannot be read: the
    run fails and nothing is loaded. Files younger than `settle_seconds` wait for the next run. With `since` or
    `until` the files of that interval of LastModified are loaded, with `files` those keys of the results bucket,
    landing files or rejected rows that were mended; neither moves the watermark.
    """
    started = monotonic()
    run_id = str(flow_run.id)
    window = find_files(landing, run_id, settle_seconds, since, until, files)
    result = LoadResult(watermark=window.last, files_ignored=window.ignored)
    log = get_run_logger()
    for key, why in window.ignored.items():
        log.warning("Ignored %s: %s", key, why)
    try:
        if window.files:
            result = load_files(landing, window, run_id, max_rejected_percent, max_files_set_aside)
    except TooManyRejectedError as error:
        result = result.model_copy(update=error.counts)
        raise
    except watermark.WatermarkMovedError as error:
        # Nobody has to do anything: the other run has loaded the files, and the next one goes on from there.
        log.warning("Nothing loaded: %s", error)
    finally:
        seconds = round(monotonic() - started, 3)
        metrics.report(flow_run.flow_name or landing.name, run_id, {**result.figures(), "seconds": seconds})
    for key, why in result.files_set_aside.items():
        log.warning("Set aside %s: %s", key, why)
    log.info("Loaded %s, now up to %s", result.figures(), result.watermark.isoformat())
    check_silence(landing, window)
    return result


@task(**TASK)
def find_files(
    landing: Landing,
    run_id: str,
    settle_seconds: int,
    since: Moment = None,
    until: Moment = None,
    files: Files = None,
) -> Window:
    """Read the watermark, then list the files landed since, or those that were asked for."""
    with snowflake.connect(SnowflakeSettings.load(), landing.name, run_id) as connection:
        watermark.ensure(connection, landing.name)
        last = watermark.read(connection, landing.name).value
    client, bucket = s3.client(), StoreSettings.load().results_bucket
    if files:
        return Window(last=last, upper=last, files=named_files(client, bucket, landing, files), moves=False)
    listing = list_landing(client, bucket, landing)
    if since or until:
        window = _between(listing, utc(since or watermark.START), utc(until) if until else listing.began_at)
        return window.model_copy(update={"last": last, "upper": last, "moves": False})
    return window_of(listing, last, settle_seconds)


@task(**TASK)
def load_files(
    landing: Landing, window: Window, run_id: str, max_rejected_percent: float, max_files_set_aside: int
) -> LoadResult:
    """Validate, stage and merge the files of the window, and move the watermark, all or nothing."""
    from flows.shared.data.stage_files import stage_files  # It imports pyarrow, for which registration need not wait.

    client, bucket = s3.client(), StoreSettings.load().results_bucket
    load_id = window.load_id(run_id)
    with (
        snowflake.connect(SnowflakeSettings.load(), landing.name, run_id) as connection,
        tempfile.TemporaryDirectory() as place,
    ):
        history.ensure(connection)
        if (counts := history.details_of(connection, landing.name, load_id)) is not None:
            # An earlier attempt of this task committed, but the answer to its COMMIT was lost.
            return LoadResult(**counts, files_ignored=window.ignored)

        folder = Path(place)
        added = warehouse.prepare(connection, landing)
        warehouse.create_incoming(connection, landing)
        found = stage_files(connection, client, bucket, landing, window.files, folder, datetime.now(UTC))
        counts = {
            "files": len(found.taken),
            "files_set_aside": {each.file.key: each.reason for each in found.taken if each.reason},
            "files_ignored": window.ignored | found.changed,
            "rows_read": sum(each.rows_read for each in found.taken),
            "rows_quarantined": sum(each.rows_quarantined for each in found.taken),
        }
        check_rejected(counts, max_rejected_percent, max_files_set_aside, quarantine.address(bucket, landing))
        history.stage(connection, found.taken, folder)
        good = warehouse.copy_incoming(connection, found.rows)
        if good != (expected := counts["rows_read"] - counts["rows_quarantined"]):
            raise RuntimeError(f"{landing.name}: got {good} rows staged; expected {expected}, those read and kept.")

        with snowflake.transaction(connection):
            inserted, updated = warehouse.merge(connection, landing)
            vanished = warehouse.delete_vanished(connection, landing) if landing.replace_file else 0
            result = LoadResult(
                **counts,
                rows_inserted=inserted,
                rows_updated=updated,
                rows_unchanged=good - inserted - updated,
                rows_vanished=vanished,
                columns_added=added,
                watermark=window.upper,
            )
            details = result.model_dump(mode="json", exclude={"files_ignored"})
            began = window.last if window.moves else None
            history.write(connection, landing.name, load_id, run_id, began, details)
            if window.moves:
                watermark.advance(connection, landing.name, window.last, window.upper, run_id, details)
    return result


def check_silence(landing: Landing, window: Window) -> None:
    """Raise LandingSilentError if nothing landed for longer than the data set expects, so that somebody is told."""
    every, newest, now = landing.expected_every, window.newest, window.listed_at
    if every and now and (newest is None or now - newest > every):
        since = f"since {newest:%Y-%m-%d %H:%M} UTC" if newest else "ever"
        raise LandingSilentError(
            f"Data set {landing.name}: got no file below {landing.prefix} {since}; expected one every {every}; see "
            "whether its source still writes. What had landed is loaded."
        )


def window_of(listing: Listing, last: datetime, settle_seconds: int) -> Window:
    """The files of the listing in [last, upper); none, and upper = last, if the clock has not passed `last`."""
    window = _between(listing, last, max(last, listing.began_at - timedelta(seconds=settle_seconds)))
    newest = max((file.last_modified for file in listing.files), default=None)
    return window.model_copy(update={"newest": newest, "listed_at": listing.began_at})


def _between(listing: Listing, last: datetime, upper: datetime) -> Window:
    return Window(
        last=last,
        upper=upper,
        files=[file for file in listing.files if last <= file.last_modified < upper],
        ignored={file.key: why for file, why in listing.ignored if last <= file.last_modified < upper},
    )
