"""What a load costs: ours against the plain way, files of 1M rows x 19 columns into the embedded Snowflake.

    python -m benchmarks.load
    python -m benchmarks.load --rows 100000

The plain way is the one that Snowflake's documentation shows: pandas reads all files into one frame, write_pandas
brings it to a table, a MERGE takes it from there. It judges no row. Each way runs as a process of its own, from an
empty table, and tells seconds, CPU seconds and its peak memory, imports apart. Exit code 1 if a bound in brackets is
missed.
"""

import argparse
import io
import os
import sys
from itertools import count
from typing import Any, NamedTuple

from benchmarks.embedded import BUCKET, embedded, run_way

FILES = 8
BEGIN = """
import io, sys, time
import boto3, numpy, pandas, polars as pl, pyarrow.parquet, snowflake.connector
import dataframely as dy
from flows.shared import s3, snowflake as warehouse
from flows.shared.data import load as loading, stage_files
from flows.shared.data.landing import Landing
from flows.shared.settings import SnowflakeSettings

NUMBERS = [f"n{i:02}" for i in range(14)]
TEXTS = [f"t{i}" for i in range(4)]
Row = type("Row", (dy.Schema,), {
    "moment": dy.Datetime(time_zone="UTC"),
    **{name: dy.Int64(min=0, max=sys.maxsize) for name in NUMBERS},
    **{name: dy.String(max_length=20) for name in TEXTS},
})
DATA = Landing(name="rows", rows=Row, key=["n00"], prefix="landing/rows/", table="DATA_ROWS")
files, key = int(sys.argv[1]), "landing/{}/{}.parquet"
keys = [key.format("bad" if sys.argv[2] == "bad" else "rows", i) for i in range(files)]
started, used = time.monotonic(), time.process_time()
"""
OURS = (
    BEGIN
    + """
window = loading.find_files.fn(DATA, "benchmark", 0, files=keys)
percent = 100 if sys.argv[2] == "bad" else 0
result = loading.load_files.fn(DATA, window, "benchmark", percent, 0)
rows = result.rows_inserted + result.rows_quarantined
"""
)
BAD = OURS.replace('prefix="landing/rows/"', 'prefix="landing/bad/"')
PLAIN = (
    BEGIN
    + """
from snowflake.connector.pandas_tools import write_pandas
client = s3.client()
bodies = [client.get_object(Bucket="benchmark", Key=key)["Body"].read() for key in keys]
frame = pandas.concat(pandas.read_parquet(io.BytesIO(body)) for body in bodies)
frame["moment"] = frame["moment"].dt.tz_localize(None)
frame.columns = frame.columns.str.upper()
with warehouse.connect(SnowflakeSettings.load(), "benchmark", "benchmark") as connection:
    types = {"MOMENT": "TIMESTAMP_NTZ(6)"} | {n.upper(): "NUMBER(38,0)" for n in NUMBERS}
    types |= {n.upper(): "VARCHAR" for n in TEXTS}
    warehouse.create_table(connection, "DATA_ROWS", types)
    warehouse.create_table(connection, "INCOMING", types, kind="TEMPORARY")
    write_pandas(connection, frame, "INCOMING", use_logical_type=True)
    sql = warehouse.merge_sql("DATA_ROWS", "INCOMING", ["N00"], [n for n in types if n != "N00"], [], ["MOMENT DESC"])
    rows, _ = warehouse.merge(connection, sql)
"""
)
END = """
peak = next(int(line.split()[1]) / 1024 for line in open("/proc/self/status") if line.startswith("VmHWM"))
print(time.monotonic() - started, time.process_time() - used, peak, rows)
"""
DATABASES = count()


class Cost(NamedTuple):
    """Seconds, CPU seconds and peak MiB of one way."""

    seconds: float
    cpu: float
    peak_mib: float


def land(rows: int) -> None:
    """Put the files: below rows/ good ones, below bad/ one whose 14 numbers are all out of range."""
    import boto3
    import numpy as np
    import polars as pl

    client = boto3.client("s3")
    random = np.random.default_rng(7)

    def put(key: str, frame: pl.DataFrame) -> None:
        body = io.BytesIO()
        frame.write_parquet(body)
        client.put_object(Bucket=BUCKET, Key=key, Body=body.getvalue())

    for number in range(FILES):
        ids = np.arange(number * rows, (number + 1) * rows)
        columns: dict[str, Any] = {"moment": ids * 1_000_000, "n00": ids}
        columns |= {f"n{i:02}": random.integers(0, 10_000, rows) for i in range(1, 14)}
        columns |= {f"t{i}": random.choice([f"text {j} of {i}" for j in range(999)], rows) for i in range(4)}
        frame = pl.DataFrame(columns).with_columns(pl.col("moment").cast(pl.Datetime("us", "UTC")))
        put(f"landing/rows/{number}.parquet", frame)
        if number == 0:
            put("landing/bad/0.parquet", frame.with_columns(-pl.col("^n.*$") - 1))


def cost(what: str, program: str, files: int, rows: int) -> Cost:
    """Run a way in a database of its own."""
    kind, database = "bad" if program is BAD else "good", f"BENCHMARK_{next(DATABASES)}"
    *figures, loaded = run_way(what, program + END, str(files), kind, SNOWFLAKE_DATABASE=database)[-4:]
    if int(loaded) != files * rows:
        sys.exit(f"{what} took {loaded} rows; expected {files * rows}")
    found = Cost(*map(float, figures))
    print(f"  {what:<28} {found.seconds:7.1f} s {found.cpu:7.1f} s of CPU {found.peak_mib:7.0f} MiB", flush=True)
    return found


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000, help="rows of a file")
    rows = parser.parse_args().rows
    with embedded() as environment:
        os.environ |= environment
        land(rows)
        print(f"files of {rows} rows of 19 columns")
        one, plain_one = cost("1 file, ours", OURS, 1, rows), cost("1 file, plain", PLAIN, 1, rows)
        five, plain_five = cost("5 files, ours", OURS, 5, rows), cost("5 files, plain", PLAIN, 5, rows)
        all_files = cost(f"{FILES} files, ours", OURS, FILES, rows)
        bad = cost("1 file, 14 bad columns", BAD, 1, rows)
    bounds = [
        ("1 file, time against plain", one.seconds / plain_one.seconds, 1.4),
        ("5 files, time against plain", five.seconds / plain_five.seconds, 0.7),
        ("5 files, peak against 1 file", five.peak_mib / one.peak_mib, 1.2),
        (f"{FILES} files, peak in GiB", all_files.peak_mib / 1024, 1.0),
        ("14 bad columns, CPU seconds", bad.cpu, 8.0),
        ("14 bad columns, peak in GiB", bad.peak_mib / 1024, 1.5),
    ]
    print()
    for what, found, most in bounds:
        print(f"{what:<32} {found:6.2f}   (at most {most:g}){'' if found <= most else '   missed'}")
    sys.exit(any(found > most for _, found, most in bounds))


if __name__ == "__main__":
    main()
