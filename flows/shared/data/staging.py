"""Good rows on their way into Snowflake: Parquet files of bounded size on the stage of INCOMING."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl
import polars.selectors as cs

from flows.shared import snowflake
from flows.shared.data.columns import Column
from flows.shared.data.landing import SOURCE_ROW
from flows.shared.data.listing import StoredFile
from flows.shared.data.warehouse import INCOMING

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    from snowflake.connector import SnowflakeConnection

# What is held in memory before it is written and put.
ROWS_AT_ONCE = 1_000_000
BYTES_AT_ONCE = 64 * 1024**2


class Stager:
    """Collects frames, and puts them as one Parquet file when there are enough.

    Leaving the block without an error puts what is left. `rows`: how many were added.
    """

    def __init__(
        self, connection: SnowflakeConnection, folder: Path, columns: tuple[Column, ...], at: datetime
    ) -> None:
        self._connection, self._folder, self._columns, self._at = connection, folder, columns, at
        self._frames: list[pl.DataFrame] = []
        self._files = 0
        self._rows_held = self._bytes_held = 0
        self.rows = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self._put()

    def add(self, frame: pl.DataFrame, file: StoredFile, row_numbers: pl.Series) -> None:
        """Add good rows of one file, in the declared types, with their numbers in it."""
        if frame.is_empty():
            return
        self._frames.append(
            frame.with_columns(
                pl.lit(file.key).alias("source_file"),
                pl.lit(file.last_modified.replace(tzinfo=None)).cast(pl.Datetime("us")).alias("source_modified"),
                pl.lit(self._at.replace(tzinfo=None)).cast(pl.Datetime("us")).alias("loaded_at"),
                row_numbers.cast(pl.Int64).alias(SOURCE_ROW.lower()),
            )
        )
        self.rows += frame.height
        self._rows_held += frame.height
        self._bytes_held += int(frame.estimated_size())
        if self._rows_held >= ROWS_AT_ONCE or self._bytes_held >= BYTES_AT_ONCE:
            self._put()

    def _put(self) -> None:
        if not self._frames:
            return
        path = self._folder / f"rows-{self._files:05}.parquet"
        frame = staged(pl.concat(self._frames))
        self._frames, self._rows_held, self._bytes_held = [], 0, 0
        frame.write_parquet(path, compression="zstd", compression_level=1)
        snowflake.put_parquet(self._connection, path, INCOMING)
        path.unlink()
        self._files += 1


def staged(frame: pl.DataFrame) -> pl.DataFrame:
    """The rows as COPY reads them: names in upper case, times in UTC without a zone, categories as text."""
    return frame.with_columns(
        cs.datetime().dt.replace_time_zone(None).dt.cast_time_unit("us"),
        (cs.categorical() | cs.enum()).cast(pl.String),
        # Parquet's unsigned numbers are read as signed ones by some.
        cs.by_dtype(pl.UInt64).cast(pl.Decimal(20, 0)),
    ).rename(str.upper)
