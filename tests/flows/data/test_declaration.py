"""A declaration that cannot work is refused at import, with every problem in one message."""

from datetime import timedelta

import dataframely as dy
import polars as pl
import pytest
from orders import ORDERS, landing

from flows.shared.data.columns import Written
from flows.shared.data.formats import Csv, JsonLines, Parquet, suffixes_of
from flows.shared.data.refused import DeclarationError


def schema(**columns):
    return type("Rows", (dy.Schema,), {"order_id": dy.Int64(), **columns})


def test_columns_have_the_types_that_snowflake_keeps_them_as():
    assert [column.sql_type for column in ORDERS.columns] == [
        "NUMBER(38,0)", "VARCHAR", "NUMBER(18,2)", "TIMESTAMP_NTZ(6)", "DATE", "BOOLEAN", "FLOAT", "VARCHAR", "VARIANT",
    ]  # fmt: skip
    assert ORDERS.sql_key == ['"ORDER_ID"']


@pytest.mark.parametrize(
    ("column", "told"),
    [
        (dy.Float32(), "got Float32; expected Float64"),
        (dy.Time(), "got Time; expected a whole number"),
        (dy.List(dy.Int64()), "got List; expected"),
        (dy.Datetime(time_unit="ns"), "got nanoseconds; expected time_unit='us'"),
        (dy.Datetime(time_zone="Europe/Berlin"), "got the zone Europe/Berlin; expected UTC"),
        (dy.Decimal(38, 39), "expected at most 38 digits"),
        (dy.Int64(primary_key=True), "got primary_key=True"),
        (dy.Int64(unique=True), "got unique=True"),
        (dy.Int64(check=lambda _: pl.col("nowhere") > 0), "got a rule that cannot be evaluated"),
    ],
)
def test_a_column_that_cannot_be_kept_or_judged_is_refused(column, told):
    with pytest.raises(DeclarationError, match="Data set orders: ") as failure:
        landing(rows=schema(x=column))
    assert told in str(failure.value)


@pytest.mark.parametrize("name", ["source_file", "source_row", "loaded_at", "_reason", "Amount", "a-b"])
def test_a_name_that_is_taken_or_no_name_is_refused(name):
    with pytest.raises(DeclarationError, match=name):
        landing(rows=schema(**{name: dy.Int64()}))


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"key": []}, "key: got []"),
        ({"key": "order_id"}, "key: got 'order_id'; expected a list"),
        ({"key": ["id"]}, "key: got 'id', which is no usable column"),
        ({"key": ["note"]}, "note: got nullable=True"),
        ({"name": "Orders"}, "name: got 'Orders'"),
        ({"prefix": "orders/"}, "prefix: got 'orders/'"),
        ({"prefix": "landing/orders"}, "prefix: got 'landing/orders'"),
        ({"expected_every": timedelta(0)}, "expected_every: got 0:00:00"),
        ({"table": "orders"}, "table: got 'orders'"),
        ({"schema": "A.B"}, "schema: got 'A.B'"),
        ({"format": Csv(delimiter=";;")}, "delimiter=';;'; expected one character"),
        ({"format": Csv(decimal_mark=",", thousands_mark=",")}, "',' for decimal_mark and thousands_mark"),
        ({"format": Csv(encoding="utf-7.5")}, "encoding='utf-7.5'"),
        ({"written": {"x": Written()}}, "written: got x, which is no column"),
        ({"written": {"note": Written(name="status")}}, "written: got one name for two columns"),
        ({"written": {"note": Written(unit="s")}}, "note: got unit='s' for a text"),
        ({"written": {"note": Written(pattern="%Y")}}, "note: got a pattern for a text"),
        ({"written": {"note": Written(zone="UTC")}}, "note: got a zone for a text"),
        ({"written": {"ordered_at": Written(zone="Berlin")}}, "the zone 'Berlin'; expected a name such as"),
        ({"written": {"note": Written(true=("x",))}}, "note: got true= or false= for a text"),
        ({"written": {"is_gift": Written(true=("x",), false=("x",))}}, "got x for true and for false"),
    ],
    ids=lambda each: "" if isinstance(each, str) else str(each),
)
def test_what_cannot_work_is_told(changes, told):
    with pytest.raises(DeclarationError) as failure:
        landing(**changes)
    assert told in str(failure.value)


def test_every_problem_is_in_one_message():
    with pytest.raises(DeclarationError, match=r"prefix: .*table: .*key: "):
        landing(prefix="x", table="y", key=["z"])


def test_names_of_files_show_format_and_compression():
    assert suffixes_of(Parquet()) == (".parquet", ".pq")
    assert ".csv.gz" in suffixes_of(Csv())
    assert ".jsonl.zst" in suffixes_of(JsonLines())
