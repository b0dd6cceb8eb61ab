"""An export's memory does not grow with its rows: a process exports batches that are made as it reads."""

import subprocess
import sys

import pytest

from scripts.shared.environments import ROOT

PROGRAM = """
import resource, sys, tempfile
from pathlib import Path
from types import SimpleNamespace

import dataframely as dy
import numpy as np
import pyarrow as pa

from flows.shared.data.export import Export, write_export
from flows.shared.data.formats import Csv, JsonLines, Parquet

BATCH_ROWS = 50_000

class Rows(dy.Schema):
    number = dy.Int64(min=0)
    amount = dy.Decimal(18, 2)
    ratio = dy.Float64(nullable=True)
    note = dy.String()
    ordered_at = dy.Datetime(time_zone="UTC")

class Cursor:
    # The connector's types FIXED, REAL, TEXT and TIMESTAMP_NTZ.
    description = [
        SimpleNamespace(name=name, type_code=code)
        for name, code in [("NUMBER", 0), ("AMOUNT", 0), ("RATIO", 1), ("NOTE", 2), ("ORDERED_AT", 8)]
    ]

    def __init__(self, rows):
        self.rowcount = rows

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def execute(self, _):
        pass

    def fetch_arrow_batches(self):
        for start in range(0, self.rowcount, BATCH_ROWS):
            numbers = np.arange(start, start + BATCH_ROWS)
            yield pa.table(
                {
                    "NUMBER": pa.array(numbers.astype(np.int32)),
                    "AMOUNT": pa.array(numbers).cast(pa.decimal128(19, 0)).cast(pa.decimal128(38, 2)),
                    "RATIO": pa.array(numbers / 7),
                    "NOTE": pa.array(numbers).cast(pa.string()),
                    "ORDERED_AT": pa.array(numbers * 1_000_000, pa.timestamp("ns")),
                }
            )

rows, kind = int(sys.argv[1]), sys.argv[2]
file_format = {"parquet": Parquet, "csv": Csv, "jsonl": JsonLines}[kind]()
what = Export(name="rows", rows=Rows, query="SELECT", prefix="export/rows/", format=file_format)
with tempfile.TemporaryDirectory() as folder:
    written = write_export(SimpleNamespace(cursor=lambda: Cursor(rows)), what, Path(folder, what.file))
assert written == rows
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""


def peak_mib(rows, kind):
    command = [sys.executable, "-c", PROGRAM, str(rows), kind]
    return int(subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout)


@pytest.mark.parametrize("kind", ["parquet", "csv", "jsonl"])
def test_five_times_the_rows_take_no_more_memory(kind):
    one, five = peak_mib(500_000, kind), peak_mib(2_500_000, kind)
    assert five <= 1.2 * one, f"{kind}: {one} MiB, of five times the rows {five} MiB"
