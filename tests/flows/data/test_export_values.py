"""What is in Snowflake is in the exported file, of every kind; what is not declared ends the export by name."""

import json
import random
import re
from datetime import UTC, date, datetime
from decimal import Decimal
from math import inf, nan

import dataframely as dy
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from flows.shared import snowflake
from flows.shared.data import export as exporting
from flows.shared.data import export_values
from flows.shared.data.columns import Json
from flows.shared.data.export import Export, ExportValueError, write_export
from flows.shared.data.formats import Csv, JsonLines, Parquet
from flows.shared.settings import SnowflakeSettings


class Every(dy.Schema):
    whole = dy.Int64(nullable=True)
    small = dy.Int8(nullable=True)
    exact = dy.Decimal(38, 10, nullable=True)
    money = dy.Decimal(18, 2, nullable=True)
    ratio = dy.Float64(nullable=True)
    is_open = dy.Bool(nullable=True)
    note = dy.String(nullable=True)
    status = dy.Enum(["new", "paid"], nullable=True)
    day = dy.Date(nullable=True)
    moment = dy.Datetime(time_zone="UTC", nullable=True)
    from_zone = dy.Datetime(time_zone="UTC", nullable=True)
    wall_clock = dy.Datetime(time_unit="ms", nullable=True)
    document = Json(nullable=True)


SQL = """
SELECT * FROM (
SELECT 1 AS SORT, 9223372036854775807 AS WHOLE, -128 AS SMALL, 1234567890123456789012345678.1234567891::NUMBER(38,10)
    AS EXACT, 12.5::NUMBER(18,2) AS MONEY, 0.1::FLOAT AS RATIO, TRUE AS IS_OPEN, 'a,"b"' || CHR(10) || 'ü' AS NOTE,
    'paid' AS STATUS, '1582-10-14'::DATE AS DAY, '2024-03-31 02:30:00.123456'::TIMESTAMP_NTZ AS MOMENT,
    '2024-03-31 02:30:00.000001 +05:30'::TIMESTAMP_TZ AS FROM_ZONE, '9999-12-31 23:59:59.999'::TIMESTAMP_NTZ
    AS WALL_CLOCK, PARSE_JSON('{"price": 2.5, "text": "two  blanks \\\\" \\\\\\\\"}') AS DOCUMENT
UNION ALL SELECT 2, -9223372036854775808, 127, 0.0000000001, -0.01, 5e-324, FALSE, '', 'new', '0001-01-01'::DATE,
    '1969-12-31 23:59:59.999999'::TIMESTAMP_NTZ, '1500-01-01 00:00:00 +00:00'::TIMESTAMP_TZ,
    '0001-01-01'::TIMESTAMP_NTZ, PARSE_JSON('[1, null]')
UNION ALL SELECT 3, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL
) ORDER BY SORT
"""
FIRST = (
    9223372036854775807,
    -128,
    Decimal("1234567890123456789012345678.1234567891"),
    Decimal("12.50"),
    0.1,
    True,
    'a,"b"\nü',
    "paid",
    date(1582, 10, 14),
    datetime(2024, 3, 31, 2, 30, 0, 123456, tzinfo=UTC),
    datetime(2024, 3, 30, 21, 0, 0, 1, tzinfo=UTC),
    datetime(9999, 12, 31, 23, 59, 59, 999000),
    r'{"price":2.5,"text":"two  blanks \" \\"}',
)
SECOND = (
    -9223372036854775808,
    127,
    Decimal("0.0000000001"),
    Decimal("-0.01"),
    5e-324,
    False,
    "",
    "new",
    date(1, 1, 1),
    datetime(1969, 12, 31, 23, 59, 59, 999999, tzinfo=UTC),
    datetime(1500, 1, 1, tzinfo=UTC),
    datetime(1, 1, 1),
    "[1,null]",
)


@pytest.fixture
def connection(world):
    with snowflake.connect(SnowflakeSettings.load(), "test", "test") as connection:
        yield connection


@pytest.fixture
def write(connection, tmp_path):
    """Write the query's result by these columns, and return the file."""

    def write(rows, query, file_format=None):
        if isinstance(rows, dy.Column):
            rows = type("Rows", (dy.Schema,), {"x": rows})
        what = Export(name="every", rows=rows, query=query, prefix="export/every/", format=file_format or Parquet())
        write_export(connection, what, tmp_path / what.file)
        return tmp_path / what.file

    return write


def every(query=SQL):
    names = ", ".join(Every.columns()).upper()
    return query.replace("SELECT *", f"SELECT {names}", 1)


def test_every_kind_is_exact_in_parquet(write):
    path = write(Every, every())
    assert pl.read_parquet(path).rows() == [FIRST, SECOND, (None,) * len(FIRST)]


def test_the_files_schema_is_the_declared_one(write):
    class Rows(dy.Schema):
        a = dy.UInt16()
        b = dy.Decimal(20, 3)
        c = dy.Datetime(time_zone="UTC", nullable=True)
        d = dy.Datetime(time_unit="ms")
        e = dy.Float64()

    path = write(
        Rows,
        "SELECT 0.5::FLOAT AS E, 1 AS A, 7 AS B, '2024-01-01'::TIMESTAMP_NTZ AS D, NULL::TIMESTAMP_NTZ AS \"c\"",
    )
    assert pq.read_schema(path) == pa.schema(
        [
            pa.field("a", pa.uint16(), nullable=False),
            pa.field("b", pa.decimal128(20, 3), nullable=False),
            pa.field("c", pa.timestamp("us", "UTC")),
            pa.field("d", pa.timestamp("ms"), nullable=False),
            pa.field("e", pa.float64(), nullable=False),
        ]
    )
    assert pl.read_parquet(path).row(0) == (1, Decimal("7.000"), None, datetime(2024, 1, 1), 0.5)


def test_csv_is_exact_and_tells_null_from_an_empty_text(write):
    lines = write(Every, every(), Csv()).read_bytes().decode().split("\r\n")
    assert lines == [
        "whole,small,exact,money,ratio,is_open,note,status,day,moment,from_zone,wall_clock,document",
        '9223372036854775807,-128,1234567890123456789012345678.1234567891,12.50,0.1,true,"a,""b""\nü",paid,1582-10-14,'
        "2024-03-31T02:30:00.123456Z,2024-03-30T21:00:00.000001Z,9999-12-31T23:59:59.999,"
        r'"{""price"":2.5,""text"":""two  blanks \"" \\""}"',
        '-9223372036854775808,127,0.0000000001,-0.01,5e-324,false,"",new,0001-01-01,'
        '1969-12-31T23:59:59.999999Z,1500-01-01T00:00:00.000000Z,0001-01-01T00:00:00.000,"[1,null]"',
        "," * 12,
        "",
    ]


def test_json_lines_have_exact_numbers_and_documents(write):
    lines = write(Every, every(), JsonLines()).read_text(encoding="utf-8").splitlines()
    assert [list(json.loads(line)) for line in lines] == [list(Every.columns())] * 3
    first, second, third = (json.loads(line, parse_float=Decimal) for line in lines)
    assert [first[name] for name in ("whole", "exact", "money", "note")] == [FIRST[0], FIRST[2], FIRST[3], FIRST[6]]
    assert '"money":12.50,' in lines[0]
    assert first["document"] == {"price": Decimal("2.5"), "text": 'two  blanks " \\'}
    assert (second["moment"], second["wall_clock"]) == ("1969-12-31T23:59:59.999999Z", "0001-01-01T00:00:00.000")
    assert set(third.values()) == {None}


@pytest.mark.parametrize("character", ["\\", '"', "\x00", "\x1f", "\u2028", "😀", "/", "\t", "{", "\ufeff"])
def test_json_lines_keep_every_character(write, character):
    code = f"CHR({ord(character)})" if character != "\x00" else "'\\\\0'"
    text = character if character != "\x00" else "\\0"
    [line] = write(dy.String(), f"SELECT 'a' || {code} || 'b' AS X", JsonLines()).read_bytes().decode().split("\n")[:-1]
    assert json.loads(line) == {"x": f"a{text}b"}


REFUSED = [
    (dy.Int8(), "SELECT 128 AS X", "x: got 128 in row 1 of the result; expected what fits Int8"),
    (dy.UInt8(), "SELECT -1 AS X", "got -1 in row 1 of the result; expected what fits UInt8"),
    (dy.Int64(), "SELECT 9223372036854775808 AS X", "got 9223372036854775808 in row 1"),
    (dy.Int64(), "SELECT 1.5::NUMBER(5,1) AS X", "got 1.5 in row 1 of the result; expected what fits Int64"),
    (dy.Int64(), "SELECT 1::FLOAT AS X", "got FLOAT; expected NUMBER for Int64"),
    (dy.Decimal(5, 2), "SELECT 1000.00::NUMBER(10,2) AS X", "got 1000.00 in row 1 of the result; expected what fits"),
    (dy.Decimal(5, 2), "SELECT 1.001::NUMBER(10,3) AS X", "got 1.001 in row 1"),
    (dy.Decimal(5, 2), "SELECT 1000 AS X", "got 1000 in row 1"),
    (dy.Float64(), "SELECT 12345678901234567.1::NUMBER(38,1) AS X", "got 12345678901234567.1 in row 1"),
    (dy.Float64(), "SELECT 9007199254740993 AS X", "got 9007199254740993 in row 1"),
    (dy.Float64(), "SELECT 'NaN'::FLOAT AS X", "got nan; expected a number, without allow_nan=True"),
    (dy.Bool(), "SELECT 1 AS X", "got NUMBER; expected BOOLEAN"),
    (dy.String(), "SELECT 1 AS X", "got NUMBER; expected VARCHAR"),
    (dy.String(), "SELECT PARSE_JSON('1') AS X", "got VARIANT; expected VARCHAR"),
    (Json(), "SELECT '{}' AS X", "got VARCHAR; expected VARIANT or OBJECT or ARRAY for Json"),
    (dy.Enum(["a", "b"]), "SELECT 'c' AS X", "got c in row 1; expected one of a, b"),
    (dy.Date(), "SELECT '2024-01-01'::TIMESTAMP_NTZ AS X", "got TIMESTAMP_NTZ; expected DATE"),
    (dy.Datetime(), "SELECT '2024-01-01'::DATE AS X", "got DATE; expected TIMESTAMP_NTZ"),
    (
        dy.Datetime(),
        "SELECT '2024-01-01 00:00:00 +01:00'::TIMESTAMP_TZ AS X",
        "got TIMESTAMP_TZ; expected TIMESTAMP_NTZ",
    ),
    (
        dy.Datetime(time_unit="ms"),
        "SELECT '2024-01-01 00:00:00.000001'::TIMESTAMP_NTZ AS X",
        "got 2024-01-01 00:00:00.000001",
    ),
    (dy.Int64(), "SELECT NULL::NUMBER AS X", "got NULL in row 1 of the result; expected a value"),
    (dy.Int64(min=3), "SELECT 2 AS X", "got 2; expected min=3"),
    (dy.Decimal(5, 2, max=Decimal(3)), "SELECT 4::NUMBER(5,2) AS X", "got 4.00; expected max=3"),
    (dy.String(regex="^a$"), "SELECT 'b' AS X", r"got b; expected regex=^a$"),
    (dy.Int64(), "SELECT 1 AS Y", "x: got no such column; expected what is declared; y: got this column"),
    (dy.Int64(), "SELECT 1 AS X, 2 AS X", "x: got it 2 times; expected it once"),
]


@pytest.mark.parametrize(("column", "query", "message"), REFUSED, ids=[case[1] for case in REFUSED])
def test_what_is_not_declared_ends_the_export_by_name(write, column, query, message):
    with pytest.raises(ExportValueError, match=re.escape(message)) as raised:
        write(column, query)
    assert str(raised.value).startswith("Export every: ")


def test_columns_are_refused_before_rows_are_read(write, monkeypatch):
    monkeypatch.setattr(exporting, "kept_rows", None)
    with pytest.raises(ExportValueError, match="y: got this column"):
        write(dy.Int64(), "SELECT 1 AS X, 'a' AS Y")


def test_a_value_is_named_by_its_row_in_the_whole_result(write):
    with pytest.raises(ExportValueError, match="got 40000 in row 110001 of the result"):
        write(dy.Int16(), "SELECT IFF(range = 110000, 40000, 1) AS X FROM range(120000) ORDER BY range")
    with pytest.raises(ExportValueError, match="got NULL in row 60001 of the result"):
        write(dy.Int64(), "SELECT IFF(range = 60000, NULL, 1) AS X FROM range(120000) ORDER BY range")


@pytest.mark.parametrize("value", [nan, inf])
def test_json_lines_have_no_word_for_what_is_no_number(write, value):
    with pytest.raises(ExportValueError, match="x: got NaN or infinity; expected a number"):
        write(dy.Float64(allow_nan=True, allow_inf=True), f"SELECT '{value}'::FLOAT AS X", JsonLines())


def kept(column, array):
    """The array as an export of this one column keeps it."""
    rows = type("Rows", (dy.Schema,), {"x": column})
    what = Export(name="x", rows=rows, query="SELECT", prefix="export/x/")
    [values] = export_values.kept_rows(pa.table({"x": array}), what.columns, rows, 0).columns
    return values.to_pylist()


def test_documents_lose_blanks_between_their_parts_and_nothing_else():
    pretty = '{\n  "a b": [1.50, 1e400,\t12345678901234567890123],\r\n  "c": "d  \\\\",  "e\\" ": "undefined"\n}'
    compact = r'{"a b":[1.50,1e400,12345678901234567890123],"c":"d  \\","e\" ":"undefined"}'
    assert kept(Json(nullable=True), pa.array([pretty, None, "null"])) == [compact, None, "null"]


@pytest.mark.parametrize("document", ["[1, undefined]", '{"a": NaN}', "[-Infinity]"])
def test_a_variant_that_is_no_json_is_refused(document):
    with pytest.raises(ExportValueError, match="in row 2 of the result; expected what fits Json"):
        kept(Json(), pa.array(["[]", document]))


def test_moments_of_another_zone_are_the_same_in_utc():
    times = pa.array([0, -1, None], pa.timestamp("us", "Europe/Berlin"))
    assert kept(dy.Datetime(time_zone="UTC", nullable=True), times) == [
        datetime(1970, 1, 1, tzinfo=UTC),
        datetime(1969, 12, 31, 23, 59, 59, 999999, tzinfo=UTC),
        None,
    ]


def test_times_beyond_pythons_years_are_named():
    with pytest.raises(ExportValueError, match=r"got 1970-01-01 00:00:00\.000000001 in row 2"):
        kept(dy.Datetime(), pa.array([1000, 1], pa.timestamp("ns")))
    with pytest.raises(ExportValueError, match="in row 1 of the result; expected what fits Datetime"):
        kept(dy.Datetime(), pa.array([2**60], pa.timestamp("s")))


def test_a_number_is_the_nearest_float_or_refused():
    numbers = random.Random(1)  # noqa: S311 (no secret)
    for scale in (0, 2, 6, 14):
        values = [Decimal(numbers.randrange(-(10**15), 10**15)).scaleb(-scale) for _ in range(2000)]
        floats = kept(dy.Float64(), pa.array(values, pa.decimal128(38, scale)))
        assert floats == [float(value) for value in values]
