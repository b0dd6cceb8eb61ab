"""Declarations decide how values are read; what cannot be kept has a reason, what cannot be read is refused."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import dataframely as dy
import polars as pl
import pyarrow as pa
import pytest

from flows.shared.data import conversion, rules
from flows.shared.data.columns import Column, Json, Problems, Written, columns_of
from flows.shared.data.conversion import as_text, convert, refuse_types
from flows.shared.data.formats import Csv, Parquet
from flows.shared.data.refused import FileRefusedError
from tests.flows.data.conversion_given import batch_of, column_of, converted, texts

COMMA = Csv(decimal_mark=",", thousands_mark=".")


def of_texts(
    values: list[Any], kind: str | dy.Column, dialect: Any = None, **written: Any
) -> tuple[list[Any], list[Any]]:
    return converted(pa.array(values, pa.string()), kind, dialect, **written)


# Patterns.


def test_a_date_is_read_by_its_pattern_and_by_iso_8601() -> None:
    values, reasons = of_texts(["31.01.2013", "2013-01-31", "01/31/2013", None], "date", pattern="%d.%m.%Y")
    assert values == [date(2013, 1, 31), date(2013, 1, 31), None, None]
    assert reasons == [None, None, "v: got '01/31/2013'; expected a day as %d.%m.%Y or as yyyy-mm-dd", None]


@pytest.mark.parametrize(
    ("pattern", "text", "hour"),
    [
        ("%d.%m.%Y %H:%M:%S", "31.01.2013 17:05:06", 17),
        ("%d %b %Y %I:%M:%S %p", "31 Jan 2013 05:05:06 PM", 17),
        ("%Y%m%d %H%M%S %z", "20130131 170506 +0530", 11),
    ],
)
def test_a_time_is_read_by_its_pattern(pattern: str, text: str, hour: int) -> None:
    values, reasons = of_texts([text], "time", pattern=pattern)
    minute = 35 if "%z" in pattern else 5
    assert (values, reasons) == ([datetime(2013, 1, 31, hour, minute, 6, tzinfo=UTC)], [None])


@pytest.mark.parametrize(
    "text",
    [
        "31.02.2013",
        "31.01.13",
        "31.01.2013 ",
        "31.13.2013",
        "31.01.0000",
        "\u0663\u0661.\u0660\u0661.\u0662\u0660\u0661\u0663",
    ],
)
def test_what_the_pattern_does_not_say_is_not_read(text: str) -> None:
    values, (reason,) = of_texts([text], "date", pattern="%d.%m.%Y")
    assert values == [None]
    assert reason


def test_digits_of_other_scripts_are_no_digits() -> None:
    values, (reason,) = of_texts(["31 Jan \u0662\u0660\u0661\u0663"], "date", pattern="%d %b %Y")
    assert values == [None]
    assert reason


def test_an_offset_before_utc_is_added() -> None:
    values, _ = of_texts(["2013-01-01T05:00:00-05:30", "2013-01-01T05:00:00+05:30"], "time")
    assert values == [datetime(2013, 1, 1, 10, 30, tzinfo=UTC), datetime(2012, 12, 31, 23, 30, tzinfo=UTC)]


def test_times_of_two_offsets_are_each_converted_to_utc() -> None:
    given = ["01.02.2013 10:00 +0100", "01.02.2013 10:00 -0500"]
    values, _ = of_texts(given, "time", pattern="%d.%m.%Y %H:%M %z")
    assert values == [datetime(2013, 2, 1, 9, tzinfo=UTC), datetime(2013, 2, 1, 15, tzinfo=UTC)]


def test_the_quarantine_keeps_a_typed_time_in_the_pattern_of_the_column() -> None:
    moment = pa.array([datetime(2013, 1, 31, 17, 5, 6)], pa.timestamp("us"))
    assert texts(moment, "time", pattern="%d.%m.%Y %H:%M:%S") == ["31.01.2013 17:05:06"]
    # Which the pattern cannot say in full.
    assert texts(moment, "time", pattern="%d.%m.%Y") == ["2013-01-31T17:05:06"]


# Zones.

GAP, OVERLAP = datetime(2013, 3, 31, 2, 30), datetime(2013, 10, 27, 2, 30)
WINTER, SUMMER = datetime(2013, 1, 1, 12), datetime(2013, 7, 1, 12)
ONCE = "shown once by clocks in Europe/Berlin"


@pytest.mark.parametrize(
    "kind", [pa.timestamp("s"), pa.timestamp("ms"), pa.timestamp("us"), pa.timestamp("ns")], ids=str
)
def test_a_wall_clock_time_is_converted_to_utc_or_quarantined_where_clocks_change(kind: pa.DataType) -> None:
    values, reasons = converted(pa.array([WINTER, SUMMER, GAP, OVERLAP, None], kind), "time", zone="Europe/Berlin")
    assert values == [datetime(2013, 1, 1, 11, tzinfo=UTC), datetime(2013, 7, 1, 10, tzinfo=UTC), None, None, None]
    expected = f"expected a time of the years 1 to 9999, in whole microseconds, {ONCE}"
    assert reasons[:2] == [None, None]
    assert reasons[2:] == [
        f"v: got 2013-03-31T02:30:00; {expected}",
        f"v: got 2013-10-27T02:30:00; {expected}",
        None,
    ]


def test_a_text_without_an_offset_is_of_the_declared_zone_and_one_with_an_offset_is_not() -> None:
    given = ["2013-07-01T12:00:00", "2013-07-01T12:00:00Z", "2013-03-31T02:30:00", "2013-03-31T02:30:00Z"]
    values, reasons = of_texts(given, "time", zone="Europe/Berlin")
    assert [value and value.day * 100 + value.hour for value in values] == [110, 112, None, 3102]
    assert [bool(reason) for reason in reasons] == [False, False, True, False]
    assert reasons[2].endswith(f"expected a time as yyyy-mm-ddThh:mm:ss, in whole microseconds, {ONCE}")


def test_texts_that_all_lack_an_offset_are_of_the_declared_zone() -> None:
    values, reasons = of_texts(["2013-07-01T12:00:00", "2013-10-27T02:30:00"], "time", zone="Europe/Berlin")
    assert values == [datetime(2013, 7, 1, 10, tzinfo=UTC), None]
    assert reasons[0] is None
    assert reasons[1]


def test_a_time_in_the_pattern_is_of_the_declared_zone() -> None:
    given = ["01.07.2013 12:00", "31.03.2013 02:30", "27.10.2013 02:30"]
    values, reasons = of_texts(given, "time", zone="Europe/Berlin", pattern="%d.%m.%Y %H:%M")
    assert values == [datetime(2013, 7, 1, 10, tzinfo=UTC), None, None]
    assert [bool(reason) for reason in reasons] == [False, True, True]


def test_numbers_since_1970_are_of_utc_whatever_zone_is_declared() -> None:
    values, _ = of_texts(["3600", "1970-01-01T01:00:00"], "time", zone="Europe/Berlin", unit="s")
    assert values == [datetime(1970, 1, 1, 1, tzinfo=UTC), datetime(1970, 1, 1, 0, tzinfo=UTC)]


# Booleans.


def test_a_boolean_is_true_and_false_in_any_case_and_what_is_declared() -> None:
    given = ["true", "FALSE", "yes", "no", "Yes", "1", "", None]
    values, reasons = of_texts(given, "boolean", true=("yes",), false=("no",))
    assert values == [True, False, True, False, None, None, None, None]
    assert reasons[4:] == [
        f"v: got {text!r}; expected true or false, or one of yes, no" for text in ("Yes", "1", "")
    ] + [None]


@pytest.mark.parametrize("kind", [pa.int8(), pa.uint64(), pa.float32(), pa.float64()], ids=str)
def test_a_number_is_a_boolean_only_by_its_declared_spelling(kind: pa.DataType) -> None:
    array = pa.array([1, 0, 2, None], kind)
    assert converted(array, "boolean", true=("1",), false=("0",))[0] == [True, False, None, None]
    values, reasons = converted(array, "boolean")
    assert values == [None] * 4
    assert [bool(reason) for reason in reasons] == [True, True, True, False]


def test_a_declared_spelling_goes_before_the_word_itself() -> None:
    assert of_texts(["true", "TRUE"], "boolean", false=("true",))[0] == [False, True]


# Decimal and thousands marks.


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("1.234,5", Decimal("1234.50")),
        ("1234,5", Decimal("1234.50")),
        ("-1.234.567", Decimal("-1234567.00")),
        ("0,50", Decimal("0.50")),
        ("1,234.5", None),
        ("12.34,5", None),
        ("1.23", None),
        ("1..234", None),
        (".234", None),
        ("1,2,3", None),
        ("1,234", None),
    ],
)
def test_a_decimal_comma_and_thousands_points_are_read_or_the_row_is_quarantined(text: str, wanted: Any) -> None:
    values, (reason,) = of_texts([text], "decimal", COMMA)
    assert values == [wanted]
    expected = "a number with at most 16 digits before and 2 after the mark ,"
    assert reason == (None if wanted is not None else f"v: got '{text}'; expected {expected}")


def test_a_point_is_no_mark_where_a_comma_is_declared() -> None:
    assert of_texts(["1,5", "1.5", "1.234"], "decimal", Csv(decimal_mark=","))[0] == [Decimal("1.50"), None, None]


def test_marks_hold_for_whole_numbers_floats_and_times_in_a_unit() -> None:
    assert of_texts(["1.234", "1.234,0", "12.34"], "whole", COMMA)[0] == [1234, 1234, None]
    assert of_texts(["1.234,5", "1234.5"], "float", COMMA)[0] == [1234.5, None]
    assert of_texts(["1.234,5"], "time", COMMA, unit="s")[0] == [datetime(1970, 1, 1, 0, 20, 34, 500_000, tzinfo=UTC)]


@pytest.mark.parametrize("mark", ["'", " ", "\u00a0", "\u202f", "|", "$"])
def test_any_character_can_be_the_thousands_mark(mark: str) -> None:
    values, _ = of_texts([f"1{mark}234", f"12{mark}34", f"{mark}234"], "whole", Csv(thousands_mark=mark))
    assert values == [1234, None, None]


def test_without_a_declared_mark_a_point_stands_before_the_decimals() -> None:
    assert of_texts(["1.23", "1,23", "1,234.50"], "decimal")[0] == [Decimal("1.23"), None, None]


# Text and JSON.


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string(), pa.binary()], ids=str)
def test_a_text_is_kept_up_to_snowflakes_longest(kind: pa.DataType) -> None:
    longest = 16_777_216
    # Its length counts in bytes: é is two.
    given = ["x" * longest, "é" * (longest // 2) + "x"]
    values, reasons = converted(pa.array(given, kind), "text")
    assert values[0] == given[0]
    assert values[1] is None
    assert reasons == [
        None,
        "v: got '" + "é" * 60 + "'… (8388609 characters); expected UTF-8 text of at most 16777216 bytes",
    ]


def test_a_json_document_longer_than_a_variant_is_quarantined() -> None:
    given = json.dumps(["x" * 16_777_213])
    values, (reason,) = of_texts([given], "json")
    assert values == [None]
    assert reason.endswith("at most 16777216 bytes")


DIGITS = "1" * 38


@pytest.mark.parametrize(
    "text",
    ['{"a": 1, "b": [true, null, "é"]}', DIGITS, f"-{DIGITS}", f"0.{'1' * 37}", "1.5e3", '"\\ud83d\\ude00"', " [1] ",
     '{"a": {"a": 1}}', "1e15"],
)  # fmt: skip
def test_a_json_document_is_kept_as_its_text(text: str) -> None:
    assert of_texts([text], "json") == ([text], [None])


@pytest.mark.parametrize(
    "text",
    ['{"a": 1, "a": 2}', '[{"b": {"a": 1, "a": 1}}]', "NaN", "[Infinity]", "-Infinity", DIGITS + "1", f"[0.{'1' * 38}]",
     f"{'1' * 20}.{'1' * 19}", "1e400", "1.2345678901234567890e3", '"\\ud83d"', "", "{", "[1] [2]", "'a'", '"a\nb"',
     "01", "[" * 100_000],
)  # fmt: skip
def test_what_is_no_exact_json_document_is_quarantined(text: str) -> None:
    values, (reason,) = of_texts([text], "json")
    assert values == [None]
    assert "; expected one JSON document with each name once, numbers of at most 38 digits" in reason


def test_a_map_is_a_json_object_and_one_with_a_key_twice_is_quarantined() -> None:
    kind = pa.map_(pa.string(), pa.int64())
    given = pa.array([[("a", 1), ("b", None)], [], [("a", 1), ("a", 1)], None], kind)
    values, reasons = converted(given, "json")
    assert values == ['{"a":1,"b":null}', "{}", None, None]
    assert reasons[2].startswith("v: got [('a', 1), ('a', 1)]; expected one JSON document")
    assert [reasons[0], reasons[1], reasons[3]] == [None, None, None]
    assert converted(given[1:2], "json") == (["{}"], [None])
    assert converted(given[2:], "json")[0] == [None, None]


def test_values_inside_a_struct_are_written_exactly() -> None:
    kind = pa.struct({
        "at": pa.timestamp("us", "Europe/Berlin"), "day": pa.date32(), "cost": pa.decimal128(38, 2), "n": pa.uint64(),
        "tags": pa.list_(pa.string()), "f": pa.float64(),
    })  # fmt: skip
    moment = datetime(2013, 7, 1, 10, tzinfo=UTC)
    given = {
        "at": moment,
        "day": date(2013, 7, 1),
        "cost": Decimal("0.10"),
        "n": 2**64 - 1,
        "tags": ['"', None],
        "f": 1e-7,
    }
    (value,), _ = converted(pa.array([given], kind), "json")
    assert value == (
        '{"at":"2013-07-01T12:00:00+02:00","day":"2013-07-01","cost":0.10,"n":18446744073709551615,'
        '"tags":["\\"",null],"f":0.0000001}'
    )


@pytest.mark.parametrize(
    ("kind", "problem"),
    [
        (pa.struct({"a": pa.binary()}), "binary has no exact JSON text"),
        (pa.list_(pa.duration("us")), "duration[us] has no exact JSON text"),
        (pa.map_(pa.int64(), pa.int64()), "a map with keys of int64 has no exact JSON text"),
        (pa.struct([("a", pa.int64()), ("a", pa.int64())]), "a struct with a name twice has no exact JSON text"),
        (pa.list_(pa.struct({"t": pa.time64("us")})), "time64[us] has no exact JSON text"),
    ],
    ids=str,
)
def test_a_nested_type_with_a_part_that_json_cannot_say_is_refused(kind: pa.DataType, problem: str) -> None:
    with pytest.raises(FileRefusedError) as refused:
        refuse_types(pa.schema({"v": kind}), [column_of("json")])
    assert problem in str(refused.value)


# Whole batches.


class Order(dy.Schema):
    order_id = dy.Int64()
    amount = dy.Decimal(18, 2, nullable=True)
    note = dy.String(nullable=True)
    payload = Json(nullable=True)


def columns(**written: Written) -> list[Column]:
    problems = Problems()
    found = columns_of(Order, written, frozenset(), problems)
    assert not problems.found
    return found


def test_a_reason_names_every_column_of_the_row_in_their_order() -> None:
    batch = pa.RecordBatch.from_pydict({"order_id": ["1", "x", "y"], "amount": ["1.5", "1.505", "2"]})
    frame, reasons = convert(batch, columns()[:2], Parquet())
    assert frame.rows() == [(1, Decimal("1.50")), (None, None), (None, Decimal("2.00"))]
    whole = "expected a whole number from -9223372036854775808 to 9223372036854775807"
    decimal = "expected a number with at most 16 digits before and 2 after the point"
    assert reasons.to_list() == [
        None,
        f"order_id: got 'x'; {whole}; amount: got '1.505'; {decimal}",
        f"order_id: got 'y'; {whole}",
    ]


def test_a_column_that_the_batch_lacks_is_null_and_no_reason() -> None:
    batch = pa.RecordBatch.from_pydict({"order_id": [1, 2], "of no column": [3, 4]})
    frame, reasons = convert(batch, columns(), Parquet())
    assert frame.schema == {"order_id": pl.Int64, "amount": pl.Decimal(18, 2), "note": pl.String, "payload": pl.String}
    assert frame.rows() == [(1, None, None, None), (2, None, None, None)]
    assert reasons.to_list() == [None, None]
    assert as_text(batch, columns()).rows() == [("1", None, None, None), ("2", None, None, None)]


def test_a_column_is_found_by_its_name_in_the_file_and_reasons_name_the_declared_column() -> None:
    batch = pa.RecordBatch.from_pydict({"Order ID": ["1", "x"]})
    frame, reasons = convert(batch, columns(order_id=Written(name="Order ID"))[:1], Parquet())
    assert frame["order_id"].to_list() == [1, None]
    assert reasons[1].startswith("order_id: got 'x'; expected ")


def test_a_batch_without_rows_is_converted_to_no_rows() -> None:
    frame, reasons = convert(pa.RecordBatch.from_pydict({"order_id": pa.array([], pa.string())}), columns(), Parquet())
    assert (len(frame), len(reasons)) == (0, 0)


def test_a_refusal_names_every_column_that_cannot_be_read() -> None:
    schema = pa.schema({"order_id": pa.bool_(), "amount": pa.date32(), "note": pa.string()})
    with pytest.raises(FileRefusedError) as refused:
        refuse_types(schema, columns())
    assert str(refused.value) == (
        "order_id: got bool; expected whole numbers, or floats, decimals or text that hold such for a whole column; "
        "amount: got date32[day]; expected decimals or whole numbers, or floats or text that hold such for a decimal "
        "column. Write the file in such types, or declare the columns as they are."
    )


def test_two_columns_of_one_name_are_refused() -> None:
    with pytest.raises(FileRefusedError, match="order_id: got 2 columns of that name; expected one"):
        refuse_types(pa.schema([("order_id", pa.int64()), ("order_id", pa.int64())]), columns())


@pytest.mark.parametrize("key", ["org.apache.spark.legacyDateTime", "org.apache.spark.legacyINT96"])
def test_days_of_sparks_old_calendar_are_refused_only_if_a_declared_column_has_such(key: str) -> None:
    old = pa.schema({"v": pa.timestamp("us")}, {key: ""})
    with pytest.raises(FileRefusedError, match=f"v: got days of Spark's old calendar \\({key}"):
        refuse_types(old, [column_of("time")])
    refuse_types(pa.schema({"v": pa.string()}, {key: ""}), [column_of("time")])
    refuse_types(pa.schema({"v": pa.int64()}, {key: ""}), [column_of("whole")])


# What libraries raise.


class PanicException(BaseException):
    """Named as native code's own."""


@pytest.mark.parametrize(
    "error",
    [
        pa.ArrowInvalid("first line\nsecond line"),
        pa.ArrowNotImplementedError("first line"),
        pl.exceptions.ComputeError("first line"),
        pl.exceptions.PanicException("first line"),
        PanicException("first line"),
        KeyError("first line"),
        OverflowError("first line"),
        RecursionError("first line"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_what_a_library_raises_is_a_refusal_that_names_the_column(error: BaseException, monkeypatch: Any) -> None:
    def fail(*_: Any) -> Any:
        raise error

    monkeypatch.setitem(rules.READERS["whole"], "text", fail)
    with pytest.raises(FileRefusedError) as refused:
        of_texts(["1"], "whole")
    told = str(refused.value)
    assert told.startswith(f"v: got values that cannot be read ({type(error).__name__}: ")
    assert "first line" in told
    assert "second line" not in told
    assert told.endswith("; expected a whole column. Write the file again.")
    assert refused.value.__cause__ is error


@pytest.mark.parametrize(
    "error", [MemoryError(), OSError("disk"), TimeoutError(), KeyboardInterrupt(), SystemExit()], ids=repr
)
def test_what_is_of_the_machine_or_a_person_is_no_refusal(error: BaseException, monkeypatch: Any) -> None:
    def fail(*_: Any) -> Any:
        raise error

    monkeypatch.setitem(rules.READERS["whole"], "text", fail)
    with pytest.raises(type(error)):
        of_texts(["1"], "whole")


def test_the_quarantines_text_is_made_even_if_a_library_fails(monkeypatch: Any) -> None:
    def fail(*_: Any, **__: Any) -> Any:
        raise PanicException("broken")

    monkeypatch.setattr(conversion, "text_values", fail)
    assert as_text(batch_of(pa.array([1, None])), [column_of("whole")])["v"].to_list() == ["1", None]
