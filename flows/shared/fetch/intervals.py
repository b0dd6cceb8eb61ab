"""Intervals of a fetch, by two watermarks in LOAD_WATERMARKS.

`<name>.begun` says up to where an interval was begun, `<name>.landed` up to where all files are there. Where they
differ, an interval was interrupted: the next run fetches it once more, with the same borders, into the same files.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from flows.shared import snowflake, watermark
from flows.shared.fetch.declaration import Fetch
from flows.shared.moments import utc

if TYPE_CHECKING:
    from snowflake.connector import SnowflakeConnection


class Interval(BaseModel, frozen=True):
    """Rows that changed in [last, upper), UTC; from the beginning if `last` is watermark.START."""

    last: datetime
    upper: datetime

    @property
    def file_name(self) -> str:
        """The beginning of its files' names."""
        return f"{self.last:%Y%m%dT%H%M%S}-{self.upper:%Y%m%dT%H%M%S}"


def now(connection: SnowflakeConnection) -> datetime:
    """The warehouse's clock, in whole seconds."""
    [(found,)] = snowflake.execute(connection, "SELECT SYSDATE()")
    return utc(found).replace(microsecond=0)


def open_interval(connection: SnowflakeConnection, what: Fetch, end: datetime, run_id: str) -> Interval | None:
    """The interval that was interrupted, else the next one up to `end`; None if there is none.

    Raises WatermarkMovedError if another run begins it at the same time.
    """
    for name in (begun_name := f"{what.name}.begun", landed_name := f"{what.name}.landed"):
        watermark.ensure(connection, name)
    begun, landed = watermark.read(connection, begun_name), watermark.read(connection, landed_name)
    if landed.value < begun.value:
        return Interval(**begun.details)
    last = max(landed.value, utc(what.begin)) if what.begin else landed.value
    upper = min(end, last + what.interval) if what.interval else end
    if upper <= last:
        return None
    interval = Interval(last=last, upper=upper)
    with snowflake.transaction(connection):
        watermark.advance(connection, begun_name, begun.value, upper, run_id, interval.model_dump(mode="json"))
    return interval


def close_interval(connection: SnowflakeConnection, what: Fetch, interval: Interval, run_id: str, details: Any) -> None:
    """Note that all files of the interval are there, unless it is noted already."""
    landed = watermark.read(connection, name := f"{what.name}.landed")
    if landed.value < interval.upper:
        with snowflake.transaction(connection):
            watermark.advance(connection, name, landed.value, interval.upper, run_id, details)
