"""Export of a query's result from Snowflake to S3: one file, values exact, memory bounded by the result's batches."""

from __future__ import annotations

import re
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING

import dataframely as dy
from prefect import get_run_logger, task
from prefect.cache_policies import NO_CACHE
from prefect.runtime import flow_run
from pydantic import BaseModel

from flows.shared import metrics, own_copy, s3, snowflake
from flows.shared.data.columns import Column, Problems, columns_of
from flows.shared.data.export_files import opened
from flows.shared.data.export_values import ExportValueError, kept_rows, source_order
from flows.shared.data.formats import Csv, Format, JsonLines, Parquet, suffixes_of
from flows.shared.data.refused import DeclarationError
from flows.shared.errors import NETWORK_RETRIES, DataFlowsError
from flows.shared.settings import SnowflakeSettings, StoreSettings

if TYPE_CHECKING:
    from snowflake.connector import SnowflakeConnection


class NothingToExportError(DataFlowsError):
    """The query gives no rows; an exported file that is there stays as it is."""


class IncompleteResultError(ConnectionError):
    """Fewer or more rows came than the query has: a batch arrived damaged. Worth trying again."""


@dataclass(frozen=True)
class Export:
    """A file on S3 that holds what a query gives.

    `rows`: the file's columns with their types and checks; the query names each of them, in any case and order. A
    check sees one batch of the result, so it can be about one row only. `query`: one SELECT. `prefix`: where the file
    lies in the results bucket. `format`: of CSV the delimiter can be chosen. `file`: the file's name; .gz and .zst
    compress CSV and JSON lines. `may_be_empty`: no rows are a result like any other. `columns` are made from `rows`.

    Raises DeclarationError, with every problem in one message.
    """

    name: str
    rows: type[dy.Schema]
    query: str
    prefix: str
    format: Format = field(default_factory=Parquet)
    file: str = ""
    may_be_empty: bool = False
    columns: tuple[Column, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        problems = Problems()
        columns = columns_of(self.rows, {}, frozenset(), problems)
        problems.check(bool(self.rows.columns()), "rows: got no columns; expected at least one")
        problems.check(
            bool(re.fullmatch(r"[a-z][a-z0-9_]*", self.name)),
            f"name: got {self.name!r}; expected lower-case letters, digits and _",
        )
        problems.check(bool(self.query.strip()), "query: got nothing; expected a SELECT")
        problems.check(
            bool(re.fullmatch(r"export/([^/]+/)+", self.prefix)),
            f"prefix: got {self.prefix!r}; expected export/, a folder, and / at the end",
        )
        for name, column in self.rows.columns().items():
            problems.check(
                not getattr(column, "unique", False),
                f"{name}: got unique=True, which one batch cannot show; expected the query to see to it",
            )
        if not isinstance(self.format, Format):
            problems.found.append(f"format: got {self.format!r}; expected Parquet(), Csv() or JsonLines()")
        else:
            self._check_file(columns, problems)
        if problems.found:
            raise DeclarationError(f"Export {self.name}: " + "; ".join(problems.found) + ".")
        object.__setattr__(self, "columns", tuple(columns))

    def _check_file(self, columns: list[Column], problems: Problems) -> None:
        suffixes = suffixes_of(self.format)
        if not self.file:
            object.__setattr__(
                self, "file", self.name + (".jsonl" if isinstance(self.format, JsonLines) else suffixes[0])
            )
        problems.check(
            "/" not in self.file and self.file.endswith(suffixes) and self.file not in suffixes,
            f"file: got {self.file!r}; expected a name that ends with one of {', '.join(suffixes)}",
        )
        if isinstance(self.format, Csv):
            delimiter = self.format.delimiter
            problems.check(
                self.format == Csv(delimiter=delimiter) and len(delimiter) == 1 and delimiter not in '"\r\n',
                f"format: got {self.format}; expected Csv() or Csv(delimiter=…) with one character: an export is "
                "written by RFC 4180 in UTF-8",
            )
            problems.check(
                len(columns) != 1 or not columns[0].is_nullable,
                "rows: got one nullable column for CSV, whose null is an empty line; expected a second column, or "
                "another format",
            )

    @property
    def key(self) -> str:
        """The file's key in the results bucket; in a try as somebody, theirs."""
        return own_copy.key(self.prefix + self.file)


class ExportResult(BaseModel, frozen=True):
    """What one run wrote, and where."""

    rows_read: int
    rows_written: int
    uri: str


def export(what: Export) -> ExportResult:
    """Run the query, replace the exported file, and report the run's figures. To be called in a flow.

    Safe to run again: one query is of one moment, and the file is replaced whole. Whatever fails, a file that is there
    stays as it is. Raises ExportValueError for what is not declared, NothingToExportError, and the connector's and
    boto3's errors.
    """
    started = monotonic()
    flow, run_id = str(flow_run.flow_name), str(flow_run.id)
    result = export_file(what, flow, run_id)
    figures = {"rows_read": result.rows_read, "rows_written": result.rows_written, "rows_quarantined": 0}
    metrics.report(flow, run_id, {**figures, "seconds": round(monotonic() - started, 3)})
    get_run_logger().info("Wrote %s rows to %s", result.rows_written, result.uri)
    return result


@task(**NETWORK_RETRIES, tags=["data-flows.warehouse"], cache_policy=NO_CACHE)
def export_file(what: Export, flow: str, run_id: str) -> ExportResult:
    """Write the query's result to a local file and put that to S3."""
    bucket = StoreSettings.load().results_bucket
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, what.file)
        with snowflake.connect(SnowflakeSettings.load(), flow, run_id) as connection:
            rows = write_export(connection, what, path)
        if not rows and not what.may_be_empty:
            raise NothingToExportError(
                f"Export {what.name}: got no rows; expected some. Load what its query reads first, or declare "
                "may_be_empty=True."
            )
        s3.upload_file(s3.client(), bucket, what.key, path)
    return ExportResult(rows_read=rows, rows_written=rows, uri=f"s3://{bucket}/{what.key}")


def write_export(connection: SnowflakeConnection, what: Export, path: Path) -> int:
    """Write the query's result to a local file, batch by batch, and return the number of rows.

    Raises ExportValueError, and IncompleteResultError.
    """
    from snowflake.connector.errors import NotSupportedError

    rows = 0
    with connection.cursor() as cursor, opened(path, what.file, what.format, what.columns) as write:
        cursor.execute(what.query)
        try:
            order = source_order(cursor.description, what.columns)
            # At most a handful of batches is fetched ahead.
            for batch in cursor.fetch_arrow_batches():
                write(kept_rows(batch.select(order), what.columns, what.rows, rows))
                rows += batch.num_rows
        except ExportValueError as error:
            raise ExportValueError(f"Export {what.name}: {error}") from None
        except NotSupportedError:
            raise ExportValueError(
                f"Export {what.name}: got a statement whose result is no table; expected one SELECT as its query."
            ) from None
        # The connector counts rows that it gives one by one, but not those in Arrow batches.
        if rows != cursor.rowcount:
            raise IncompleteResultError(f"Export {what.name}: got {rows} rows; expected {cursor.rowcount}")
    return rows
