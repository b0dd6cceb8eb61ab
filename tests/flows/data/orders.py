# ruff: noqa: S608 - names in statements are constants of the tests.
"""The data set of these tests, short ways to land its files, and to run a load without Prefect's engine."""

import gzip
import json
from datetime import UTC, datetime
from decimal import Decimal

import dataframely as dy
import polars as pl

from flows.shared.data import load as loading
from flows.shared.data.columns import Json, Written
from flows.shared.data.formats import Csv, JsonLines
from flows.shared.data.landing import Landing

PREFIX = "landing/orders/"


class Order(dy.Schema):
    order_id = dy.Int64(min=1)
    status = dy.Enum(["new", "paid", "sent"])
    amount = dy.Decimal(18, 2, min=Decimal(0))
    ordered_at = dy.Datetime(time_zone="UTC")
    ships_on = dy.Date(nullable=True)
    is_gift = dy.Bool(nullable=True)
    weight = dy.Float64(nullable=True)
    note = dy.String(nullable=True)
    details = Json(nullable=True)

    @dy.rule()
    def what_is_sent_has_a_day(cls):  # noqa: N805
        return (cls.status.col != "sent") | cls.ships_on.col.is_not_null()


def landing(**changes):
    """The declaration, with some of it changed."""
    declared = {"name": "orders", "rows": Order, "key": ["order_id"], "prefix": PREFIX, "table": "ORDERS"}
    return Landing(**(declared | changes))


ORDERS = landing()
ORDERS_CSV = landing(
    format=Csv(delimiter=";", decimal_mark=","), written={"is_gift": Written(true=("yes",), false=("no",))}
)
ORDERS_JSON = landing(format=JsonLines())
# In the dialect of ORDERS_CSV.
CSV = """order_id;status;amount;ordered_at;ships_on;is_gift;weight;note;details
1;new;12,50;2024-05-01T12:00:00Z;;no;0,5;;
2;sent;1234,00;2024-05-01 14:00:00+02:00;2024-05-02;yes;1;"a;""b""
c";"{""a"": 1}"
"""
NOON = datetime(2024, 5, 1, 12, tzinfo=UTC)


def order(order_id, **changes):
    """One good row."""
    row = {
        "order_id": order_id,
        "status": "new",
        "amount": Decimal("12.50"),
        "ordered_at": NOON,
        "ships_on": None,
        "is_gift": False,
        "weight": 0.5,
        "note": None,
        "details": None,
    }
    return row | changes


TYPES = {
    "order_id": pl.Int64,
    "status": pl.String,
    "amount": pl.Decimal(18, 2),
    "ordered_at": pl.Datetime("us", "UTC"),
    "ships_on": pl.Date,
    "is_gift": pl.Boolean,
    "weight": pl.Float64,
    "note": pl.String,
    "details": pl.String,
}


def frame(*rows, **types):
    """Rows as a landing file has them."""
    return pl.DataFrame(list(rows), schema=TYPES | types, orient="row")


def put(world, name, body):
    """Put a landing file: a frame as Parquet, text or bytes as they are."""
    if isinstance(body, pl.DataFrame):
        world.put(f"{PREFIX}{name}", body)
    else:
        data = body.encode() if isinstance(body, str) else body
        world.s3.put_object(Bucket=world.bucket, Key=f"{PREFIX}{name}", Body=data)


def land(world, **files):
    """Put files named by what they hold, such as `day1` for day1.parquet; wait until S3's clock is past them."""
    for name, body in files.items():
        put(world, f"{name}.parquet", body)
    world.wait()


def run(data_set=ORDERS, run_id="run-1", *, percent=1.0, set_aside=10, settle_seconds=0, **interval):
    """One run of the loader's two tasks, without Prefect's engine."""
    window = loading.find_files.fn(data_set, run_id, settle_seconds, **interval)
    if not window.files:
        return loading.LoadResult(watermark=window.last, files_ignored=window.ignored)
    return loading.load_files.fn(data_set, window, run_id, percent, set_aside)


def rows(world, columns="ORDER_ID", table="ORDERS"):
    """The table's rows in order of the id."""
    return world.query(f"SELECT {columns} FROM {table} ORDER BY ORDER_ID")


def quarantined(world):
    """The rejected rows, in order of their keys."""
    return world.read("quarantine/rows/orders/")


def objects(world, prefix):
    """Key to body of what is below the prefix."""
    found = world.s3.list_objects_v2(Bucket=world.bucket, Prefix=prefix).get("Contents", [])
    return {o["Key"]: world.s3.get_object(Bucket=world.bucket, Key=o["Key"])["Body"].read() for o in found}


def json_lines(*documents):
    return "".join(json.dumps(each, default=str) + "\n" for each in documents)


def zipped(text):
    return gzip.compress(text.encode(), mtime=0)
