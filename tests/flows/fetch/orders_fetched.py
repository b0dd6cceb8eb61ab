"""The fetch of these tests, a run of it without Prefect's engine, and what lies in the bucket after it."""

import gzip
import json
from datetime import timedelta

import dataframely as dy

from flows.shared.data import load as loading
from flows.shared.data.columns import Written
from flows.shared.data.formats import JsonLines
from flows.shared.data.landing import Landing
from flows.shared.fetch import run as running
from flows.shared.fetch.declaration import Fetch
from flows.shared.fetch.pages import Cursor, KeySet, LinkHeader, Offset, PageNumber


class Order(dy.Schema):
    id = dy.Int64()
    amount = dy.Decimal(38, 2)
    changed_at = dy.Datetime(time_zone="UTC")
    version = dy.Int64()


ORDERS = Landing(
    name="orders",
    rows=Order,
    key=["id"],
    prefix="landing/orders/",
    table="ORDERS",
    format=JsonLines(),
    written={"changed_at": Written(name="changed")},
)
PAGERS = {
    "cursor": Cursor("cursor", at="data.next"),
    "link": LinkHeader(),
    "keys": KeySet("after", column="id"),
    "offset": Offset(limit=10, overlap=3),
    "number": PageNumber(),
}


def declare(**changes):
    """The declaration, with some of it changed."""
    declared = {
        "name": "orders_api", "landing": ORDERS, "rows": "data.rows", "pages": PAGERS["cursor"],
        "changed_at": "changed", "since": "since", "overlap": timedelta(0), "calls_per_second": 1000,
        "timeout_seconds": 0.5, "patience_seconds": 60,
    }  # fmt: skip
    return Fetch(**(declared | changes))


def run(what, url, run_id="run", end=None):
    """One run of the tasks; the intervals that it landed."""
    done = []
    while True:
        begun = running.begin_interval.fn(what, run_id, end)
        end = begun.end
        if begun.interval is None:
            return done
        files, rows = running.land_files.fn(what, url, begun.interval)
        running.note_landed.fn(what, begun.interval, run_id, {"files": files, "rows": rows})
        done.append(begun.interval)


def load(run_id="load"):
    """Load what has landed, as the flow does."""
    window = loading.find_files.fn(ORDERS, run_id, 0)
    return loading.load_files.fn(ORDERS, window, run_id, 0, 0) if window.files else None


def files(world):
    """The landed files' texts by key."""
    pages = world.s3.get_paginator("list_objects_v2").paginate(Bucket=world.bucket, Prefix=ORDERS.prefix)
    keys = [each["Key"] for page in pages for each in page.get("Contents", [])]
    bodies = {key: world.s3.get_object(Bucket=world.bucket, Key=key)["Body"].read() for key in keys}
    return {key: gzip.decompress(body).decode() for key, body in bodies.items()}


def landed(world):
    """The ids of all rows that landed, in order of files and lines."""
    return [json.loads(line)["id"] for _, text in sorted(files(world).items()) for line in text.splitlines()]
