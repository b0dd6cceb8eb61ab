"""What an export costs the task that runs it: ours against pandas, 1M rows of 6 columns from the embedded Snowflake.

    python -m benchmarks.export
    python -m benchmarks.export --rows 100000

Each way runs as a process of its own and tells the CPU that it used, its imports apart: a task loads its libraries
once, whatever it exports. The plain way is `fetch_pandas_all`, `to_csv`, `gzip` and one put, with amounts as the floats
that the connector makes of them by itself.
Exit code 1 if ours takes more than 1/8 of the CPU.
"""

import argparse
import os
import sys

from benchmarks.embedded import BUCKET, embedded, run_way

LEAST_TIMES = 8
ATTEMPTS = 3
TABLE = """
CREATE TABLE ORDERS AS SELECT
    range AS ORDER_ID,
    (range * 7919 % 1000003)::NUMBER(18,2) AS AMOUNT,
    (range % 1013)::FLOAT / 7 AS RATIO,
    'customer ' || range % 10007 AS CUSTOMER,
    DATEADD(second, range, '2020-01-01'::TIMESTAMP_NTZ) AS ORDERED_AT,
    range % 3 = 0 AS IS_PAID
FROM range({rows})
"""
QUERY = "SELECT ORDER_ID, AMOUNT, RATIO, CUSTOMER, ORDERED_AT, IS_PAID FROM ORDERS"
# Each prints its CPU seconds: loading, then working.
END = "print(loaded, time.process_time() - loaded, rows)"
OURS = f"""
import time
import boto3, dataframely as dy, pandas, polars, pyarrow.parquet, snowflake.connector
from flows.shared.data.export import Export, export_file

class Order(dy.Schema):
    order_id = dy.Int64(min=0)
    amount = dy.Decimal(18, 2)
    ratio = dy.Float64()
    customer = dy.String()
    ordered_at = dy.Datetime(time_zone="UTC")
    is_paid = dy.Bool()

what = Export(name="orders", rows=Order, query={QUERY!r}, prefix="export/orders/")
loaded = time.process_time()
rows = export_file.fn(what, "benchmark", "benchmark").rows_written
{END}
"""
PANDAS = f"""
import gzip, time
import boto3, dataframely, pandas, polars, pyarrow.parquet, snowflake.connector
from flows.shared import s3
from flows.shared.data.export import export_file
from flows.shared.settings import SnowflakeSettings
from flows.shared.snowflake import connect

loaded = time.process_time()
with connect(SnowflakeSettings.load(), "benchmark", "benchmark") as connection, connection.cursor() as cursor:
    connection.arrow_number_to_decimal_setter = False
    frame = cursor.execute({QUERY!r}).fetch_pandas_all()
rows = len(frame)
assert str(frame['AMOUNT'].dtype) == 'float64'
body = gzip.compress(frame.to_csv(index=False).encode())
s3.client().put_object(Bucket={BUCKET!r}, Key="export/orders/orders.csv.gz", Body=body)
{END}
"""


def make_table(rows: int) -> None:
    """The table ORDERS."""
    from flows.shared.settings import SnowflakeSettings
    from flows.shared.snowflake import connect, execute

    with connect(SnowflakeSettings.load(), "benchmark", "benchmark") as connection:
        execute(connection, TABLE.format(rows=rows))


def cpu_seconds(what: str, program: str, rows: int) -> float:
    """CPU of a way's work, the median of its attempts."""
    works = []
    for _ in range(ATTEMPTS):
        loading, work, written = run_way(what, program)[-3:]
        if int(written) != rows:
            sys.exit(f"{what} exported {written} rows; expected {rows}")
        works.append((float(work), float(loading)))
    seconds, loading_seconds = sorted(works)[ATTEMPTS // 2]
    print(f"  {what:<28} {seconds:7.2f} s of CPU   (and {loading_seconds:.1f} s for its imports)", flush=True)
    return seconds


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000, help="rows to export")
    rows = parser.parse_args().rows
    with embedded() as environment:
        os.environ |= environment
        make_table(rows)
        print(f"{rows} rows of 6 columns")
        ours, pandas = cpu_seconds("ours, Parquet", OURS, rows), cpu_seconds("pandas, CSV and gzip", PANDAS, rows)
    print(f"\npandas against ours {pandas / ours:31.1f} times   (at least {LEAST_TIMES})")
    sys.exit(pandas / ours < LEAST_TIMES)


if __name__ == "__main__":
    main()
