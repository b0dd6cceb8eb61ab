"""Reading needs little memory however large a row group or a file is."""

import gzip
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

# Prints the rows read, and the peak above what the process had before, in MiB.
CHILD = """
import re, sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from landing_columns import columns
from flows.shared.data.formats import Csv, JsonLines, Parquet
from flows.shared.data.reading import read_slices

def memory(name):
    return int(re.search(name + r":\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) / 1024

path = Path(sys.argv[1])
dialect = {".parquet": Parquet(), ".csv": Csv(), ".jsonl": JsonLines()}[path.suffixes[0]]
before = memory("VmRSS")
rows = sum(piece.batch.num_rows for piece in read_slices(path, path.name, columns("a", "b", "c"), dialect))
print(rows, memory("VmHWM") - before)
"""


def rows_and_peak_mib(path):
    command = [sys.executable, "-c", CHILD, path, Path(__file__).parent]
    root = Path(__file__).parents[3]
    done = subprocess.run(command, check=True, capture_output=True, text=True, cwd=root)
    rows, peak = done.stdout.split()
    return int(rows), float(peak)


@pytest.fixture(scope="module")
def numbers():
    return np.random.default_rng(1).integers(0, 2**62, 1_000_000)


def test_one_large_row_group_is_read_in_slices(tmp_path, numbers):
    many = np.tile(numbers, 12)
    path = tmp_path / "x.parquet"
    texts = pa.array(numbers).cast(pa.string())
    table = pa.table({"a": many, "b": many[::-1], "c": pa.chunked_array([texts] * 12)})
    pq.write_table(table, path, row_group_size=len(many), use_dictionary=False)
    assert pq.ParquetFile(path).metadata.row_group(0).total_byte_size > 400 * 2**20
    rows, peak = rows_and_peak_mib(path)
    assert rows == len(many)
    assert peak < 200


@pytest.mark.parametrize("kind", ["csv", "jsonl"])
def test_compressed_text_is_read_in_slices(tmp_path, numbers, kind):
    path = tmp_path / f"x.{kind}.gz"
    line = "{},{},x\n" if kind == "csv" else '{{"a":{},"b":{},"c":"x"}}\n'
    block = "".join(line.format(number, number) for number in numbers[:200_000].tolist()).encode()
    with gzip.open(path, "wb", 1) as file:
        file.write(b"a,b,c\n" if kind == "csv" else b"")
        for _ in range(15 if kind == "csv" else 4):
            file.write(block)
    rows, peak = rows_and_peak_mib(path)
    assert rows == (3_000_000 if kind == "csv" else 800_000)
    assert peak < 100
