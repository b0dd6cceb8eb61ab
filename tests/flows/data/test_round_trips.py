"""A value is kept as exactly what it is, or its row has a reason; and its text in the quarantine means the same."""

from __future__ import annotations

import json
import math
import re
import struct
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal, InvalidOperation
from typing import Any
from zoneinfo import ZoneInfo

import dataframely as dy
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.flows.data.conversion_given import COLUMNS, converted, texts

EXACT = settings(
    derandomize=True,
    max_examples=8,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
)
UTC_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECONDS = {"s": 10**6, "ms": 10**3, "us": 1}
KINDS = COLUMNS | {
    "tiny": dy.Int8(nullable=True),
    "unsigned": dy.UInt64(nullable=True),
    "long decimal": dy.Decimal(38, 20, nullable=True),
    "whole decimal": dy.Decimal(38, 0, nullable=True),
    "any category": dy.Categorical(nullable=True),
    "milliseconds": dy.Datetime(time_unit="ms", time_zone="UTC", nullable=True),
}
NUMBER_KINDS = ["whole", "tiny", "unsigned", "decimal", "long decimal", "whole decimal", "float"]
TEXT_KINDS = ["text", "category", "any category"]
TIME_KINDS = ["time", "milliseconds", "time without zone"]


def ints(bits: int, signed: bool = True) -> st.SearchStrategy[int]:
    low, high = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if signed else (0, 2**bits - 1)
    near = st.sampled_from([low, high, 0, 1, 2**24 + 1, 2**53, 2**53 + 1, -(2**53) - 1])
    return (
        st.integers(low, high) | st.integers(-300, 300) & near
        if False
        else (st.integers(low, high) | near.map(lambda n: min(max(n, low), high)) | st.integers(0, 100))
    )


def decimals(digits: int, scale: int) -> st.SearchStrategy[Decimal]:
    most = 10**digits - 1
    unscaled = (
        st.integers(-most, most) | st.integers(-(10**6), 10**6) | st.integers(-99, 99).map(lambda n: n * 10**scale)
    )
    return unscaled.filter(lambda n: abs(n) <= most).map(
        lambda n: Decimal((n < 0, tuple(map(int, str(abs(n)))), -scale))
    )


def floats(width: int) -> st.SearchStrategy[float]:
    narrow = {16: "e", 32: "f", 64: "d"}[width]
    cents = st.integers(-(10**9), 10**9).map(lambda n: n / 100) | st.integers(-(2**54), 2**54).map(float)

    def fits(value: float) -> bool:
        return width == 64 or abs(value) < 6e4

    rounded = cents.filter(fits).map(lambda v: struct.unpack(narrow, struct.pack(narrow, v))[0])
    return st.floats(width=width) | rounded | st.integers(-2000, 2000).map(float)


NUMBER_TEXT = (
    st.from_regex(r"[+-]?[0-9]{1,22}(\.[0-9]{0,6})?", fullmatch=True)
    | st.from_regex(r"[ +-]?[0-9_,]{0,4}[.]?[0-9]{0,25}([eE][+-]?[0-9]{1,3})?[ Lf]?", fullmatch=True)
    | st.floats().map(repr)
    | st.sampled_from(
        ["1e400", "1e-400", "Infinity", "-inf", "NaN", "\uff11\uff12", "\u0663", "0x1F", "--1", "1\n", "-0", "5e-324"]
    )
)
TIMES = st.datetimes(datetime(1, 1, 1), datetime(9999, 12, 31, 23, 59, 59, 999999))
OFFSETS = st.sampled_from(["", "Z", "+05:30", "-0500", "+00", "+01:00", "-18:59", "+25:00", "z", " +01:00", "+1"])
TIME_TEXT = st.builds(
    lambda moment, mark, form, end: moment.isoformat(mark, form)[: 40 if form else 26] + end,
    TIMES,
    st.sampled_from(["T", " ", "t", "_"]),
    st.sampled_from(["auto", "minutes", "seconds", "milliseconds", "microseconds", "hours"]),
    OFFSETS,
) | st.sampled_from(
    ["2013-02-30T00:00", "2013-01-01T24:00:00", "2013-01-01T23:59:60Z", "0000-01-01T00:00:00", "2013-01-01",
     "2013-01-01T00:00:00.1234567", "2013-01-01T00:00:00.1234560", "0001-01-01T00:00:00+10:00",
     "\uff12\uff10\uff11\uff13-01-01T00:00:00",
     "2013-01-01T00:00:00\n", "12013-01-01T00:00:00", "2013-1-1T00:00:00", "9999-12-31T23:59:59-01:00"]
)  # fmt: skip
SOURCES: dict[str, tuple[pa.DataType, st.SearchStrategy[Any], list[str]]] = {
    **{f"int{b}": (getattr(pa, f"int{b}")(), ints(b), [*NUMBER_KINDS, *TEXT_KINDS]) for b in (8, 16, 32, 64)},
    **{f"uint{b}": (getattr(pa, f"uint{b}")(), ints(b, False), [*NUMBER_KINDS, *TEXT_KINDS]) for b in (8, 16, 32, 64)},
    "halffloat": (pa.float16(), floats(16), NUMBER_KINDS),
    "float": (pa.float32(), floats(32), NUMBER_KINDS),
    "double": (pa.float64(), floats(64), NUMBER_KINDS),
    "decimal32": (pa.decimal32(9, 2), decimals(9, 2), NUMBER_KINDS),
    "decimal64": (pa.decimal64(18, 3), decimals(18, 3), NUMBER_KINDS),
    "decimal128": (pa.decimal128(38, 4), decimals(38, 4), NUMBER_KINDS),
    "decimal256": (pa.decimal256(76, 20), decimals(76, 20), NUMBER_KINDS),
    "number text": (pa.string(), NUMBER_TEXT, NUMBER_KINDS),
    "text": (pa.large_string(), st.text(st.characters(codec="utf-8")) | st.sampled_from(["new", "1"]), TEXT_KINDS),
    "view": (pa.string_view(), st.text(st.characters(codec="utf-8")) | st.sampled_from(["new", "1"]), TEXT_KINDS),
    "bytes": (pa.binary(), st.binary(max_size=6) | st.sampled_from([b"new", "é".encode()]), TEXT_KINDS),
    "time text": (pa.string(), TIME_TEXT, [*TIME_KINDS, "date"]),
}
PAIRS = [(source, kind) for source, (_, _, kinds) in SOURCES.items() for kind in kinds]


def same_number(value: Any, source: Any, source_type: pa.DataType) -> bool:
    """Whether a kept number is the source's: as numbers, for floats as the same float, for text as its digits."""
    if isinstance(source, str):
        source = Decimal(source)
        value = Decimal(repr(value)) if isinstance(value, float) else Decimal(value)
        return value == source or (value.is_nan() and source.is_nan())
    if isinstance(source, float):
        if math.isnan(source):
            return isinstance(value, float) and math.isnan(value)
        if isinstance(value, Decimal) and source != value:
            letter = {16: "e", 32: "f", 64: "d"}[source_type.bit_width]
            return bool(struct.unpack(letter, struct.pack(letter, float(value)))[0] == source)
    if isinstance(value, float) and isinstance(source, Decimal):
        return Decimal(repr(value)) == source
    return bool(value == source)


def narrow_repr(value: float) -> Decimal:
    """Return the shortest decimal that is the Float32 value."""
    for digits in range(1, 10):
        text = f"{value:.{digits}g}"
        if struct.unpack("f", struct.pack("f", float(text)))[0] == value:
            return Decimal(text)
    return Decimal(value)


def same(value: Any, source: Any, kind: str, source_type: pa.DataType) -> bool:
    """Whether a kept value is exactly the source's."""
    if kind in NUMBER_KINDS:
        if kind == "narrow float" and isinstance(source, str | Decimal) and math.isfinite(value):
            return narrow_repr(value) == Decimal(source)
        try:
            return same_number(value, source, source_type)
        except InvalidOperation:
            return False
    if kind in TEXT_KINDS:
        return bool(value == (source.decode() if isinstance(source, bytes) else str(source)))
    told = datetime.fromisoformat(re.sub(r"(\.[0-9]{6})0+(?![0-9])", r"\1", source))
    if kind == "date":
        return (told.hour, told.minute, told.second, told.microsecond) == (0, 0, 0, 0) and value == told.date()
    if kind == "time without zone":
        return told.tzinfo is None and value == told
    return bool(value == (told if told.tzinfo else told.replace(tzinfo=UTC)))


def check(array: pa.Array, kind: str, is_same: Callable[[Any, Any], bool], **written: Any) -> None:
    """Every value is kept as it is or has a reason, now and when its text is read again."""
    column = KINDS[kind]
    values, reasons = converted(array, column, **written)
    again, reasons_again = converted(pa.array(texts(array, column, **written), pa.string()), column, **written)
    for source, value, reason, second, second_reason in zip(
        array.to_pylist(), values, reasons, again, reasons_again, strict=True
    ):
        is_missing = source is None or (isinstance(source, float) and math.isnan(source) and "float" not in kind)
        if is_missing:
            assert (value, reason, second, second_reason) == (None, None, None, None)
        elif value is None:
            assert reason, f"{source!r} is lost"
            assert reason.startswith("v: got ")
            if not isinstance(source, bytes):
                assert second_reason, f"{source!r} is kept in the second try, as {second!r}"
        else:
            assert reason is None
            assert is_same(value, source), f"{source!r} became {value!r}"
            assert second == value or (value != value and second != second), f"{source!r} read again: {second_reason}"


@pytest.mark.parametrize(("source", "kind"), PAIRS, ids=[f"{s} as {k}" for s, k in PAIRS])
def test_a_value_is_kept_exactly_or_has_a_reason(source: str, kind: str) -> None:
    source_type, values, _ = SOURCES[source]

    @EXACT
    @given(st.lists(st.none() | values, min_size=10, max_size=40))
    def holds(sample: list[Any]) -> None:
        array = pa.array(sample, source_type)
        check(array, kind, lambda value, given_: same(value, given_, kind, source_type))

    holds()


ZONES = ["", "UTC", "Z", "+05:30", "-08:00", "Europe/Berlin", "America/New_York", "Asia/Kathmandu"]


def moment_of(number: int, unit: str) -> datetime | None:
    """Return the moment of a number since 1970, or None if no datetime is it."""
    microseconds, rest = divmod(number, 1000) if unit == "ns" else (number * MICROSECONDS[unit], 0)
    try:
        return None if rest else UTC_EPOCH + timedelta(microseconds=microseconds)
    except OverflowError:
        return None


def zone_named(name: str) -> Any:
    if name in ("", "Z", "UTC"):
        return UTC
    if name[0] in "+-":
        sign = -1 if name[0] == "-" else 1
        return timezone(sign * timedelta(hours=int(name[1:3]), minutes=int(name[4:])))
    return ZoneInfo(name)


def numbers_in(unit: str) -> st.SearchStrategy[int]:
    per_day = 86_400 * {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}[unit]
    days = st.integers(-30_000, 60_000)
    hours = st.sampled_from([-5, -1, 0, 0, 5, 24])
    return st.integers(-(2**63), 2**63 - 1) | st.builds(lambda d, h: d * per_day + h * per_day // 24, days, hours)


@pytest.mark.parametrize(
    ("seconds", "day"),
    [
        (5_182_873_200, None),  # 2134-03-29 01:00 in Berlin, whose summer time Polars does not know that late.
        (5_182_869_600, date(2134, 3, 29)),
        (-2_422_054_409, None),  # Local mean time, with an offset of 53 minutes and 28 seconds.
    ],
)
def test_clocks_of_long_ago_and_of_the_far_future_are_known(seconds: int, day: date | None) -> None:
    array = pa.array([seconds], pa.int64()).cast(pa.timestamp("s", "Europe/Berlin"))
    assert converted(array, "date")[0] == [day]
    [moment] = converted(array, "time")[0]
    assert moment == UTC_EPOCH + timedelta(seconds=seconds)
    assert converted(pa.array(texts(array, "time"), pa.string()), "time")[0] == [moment]


@pytest.mark.parametrize("zone", ["+05:30", "Europe/Berlin", "Asia/Kathmandu"])
def test_a_moment_of_the_year_9999_whose_clocks_show_10000_is_kept(zone: str) -> None:
    moment = datetime(9999, 12, 31, 23, 30, tzinfo=UTC)
    array = pa.array([moment], pa.timestamp("us", "UTC")).cast(pa.timestamp("us", zone))
    assert converted(pa.array(texts(array, "time"), pa.string()), "time")[0] == [moment]


@pytest.mark.parametrize(
    ("local", "moment"),
    [
        ("2134-07-01T12:00:00", datetime(2134, 7, 1, 10, tzinfo=UTC)),
        ("2134-12-01T12:00:00", datetime(2134, 12, 1, 11, tzinfo=UTC)),
        ("2134-03-28T02:30:00", None),  # Clocks are put on over it,
        ("2134-10-31T02:30:00", None),  # and back over this one.
    ],
)
def test_a_wall_clock_time_of_the_far_future_is_its_moment_or_has_a_reason(local: str, moment: datetime | None) -> None:
    values, reasons = converted(pa.array([local]), "time", zone="Europe/Berlin")
    assert values == [moment]
    assert bool(reasons[0]) is (moment is None)


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_a_timestamp_is_the_same_moment_or_has_a_reason(unit: str, zone: str) -> None:
    @EXACT
    @given(st.lists(st.none() | numbers_in(unit), max_size=20))
    def holds(sample: list[int | None]) -> None:
        array = pa.array(sample, pa.int64()).cast(pa.timestamp(unit, zone or None))
        moments = [None if number is None else moment_of(number, unit) for number in sample]
        for kind in ["time", "milliseconds", *([] if zone else ["time without zone"])]:
            values, reasons = converted(array, KINDS[kind])
            again, _ = converted(pa.array(texts(array, KINDS[kind]), pa.string()), KINDS[kind])
            for number, moment, value, reason, second in zip(sample, moments, values, reasons, again, strict=True):
                naive = kind == "time without zone" and moment
                wanted = moment.replace(tzinfo=None) if naive and moment else moment
                if kind == "milliseconds" and wanted and wanted.microsecond % 1000:
                    wanted = None
                assert (value, second) == (wanted, wanted)
                assert bool(reason) == (number is not None and wanted is None)
        dates, reasons = converted(array, "date")
        for number, moment, value, reason in zip(sample, moments, dates, reasons, strict=True):
            if value is None:
                assert bool(reason) == (number is not None)
            else:
                local = moment.astimezone(zone_named(zone)) if moment else None
                assert local
                assert (local.hour, local.minute, local.second, local.microsecond) == (0, 0, 0, 0)
                assert value == local.date()

    holds()


@pytest.mark.parametrize("source_type", [pa.int64(), pa.float64(), pa.decimal128(38, 6), pa.string()], ids=str)
@pytest.mark.parametrize("unit", ["d", "s", "ms", "us", "ns"])
def test_a_number_in_a_declared_unit_is_its_moment_or_has_a_reason(unit: str, source_type: pa.DataType) -> None:
    per_unit = Decimal({"d": 86_400 * 10**6, "s": 10**6, "ms": 10**3, "us": 1}.get(unit, 0)) or Decimal("0.001")
    now = int(Decimal(1_357_016_400 * 10**6) / per_unit)

    @EXACT
    @given(
        st.lists(st.integers(-(10**9), 10**9) | st.integers(now - 10**6, now + 10**6), max_size=20), st.integers(0, 6)
    )
    def holds(sample: list[int], decimals_: int) -> None:
        numbers = [Decimal(n) / 10**decimals_ for n in sample]
        if source_type == pa.int64():
            numbers = [Decimal(n) for n in sample]
        as_source = {pa.float64(): float, pa.string(): lambda n: format(n, "f"), pa.int64(): int}
        array = pa.array([as_source.get(source_type, Decimal)(n) for n in numbers], source_type)
        values, reasons = converted(array, "time", unit=unit)
        again, _ = converted(pa.array(texts(array, "time", unit=unit), pa.string()), "time", unit=unit)
        for number, value, reason, second in zip(numbers, values, reasons, again, strict=True):
            exact = number * per_unit
            if value is None:
                assert reason
                in_range = abs(exact) < 10**17 * Decimal("0.6")
                is_whole = number == int(number)
                is_sure = abs(number) <= 2**53 if source_type == pa.float64() and is_whole else is_whole
                assert exact != int(exact) or not in_range or not is_sure
            else:
                assert value == second == UTC_EPOCH + timedelta(microseconds=int(exact))
                assert exact == int(exact)

    holds()


@pytest.mark.parametrize("source_type", [pa.date32(), pa.date64()], ids=str)
def test_a_date_is_the_same_day_or_has_a_reason(source_type: pa.DataType) -> None:
    @EXACT
    @given(st.lists(st.dates(), max_size=20), st.sampled_from([-(2**31), 2**31 - 1, 2_932_897, -719_163]))
    def holds(sample: list[date], far: int) -> None:
        array = pa.array(sample, source_type)
        assert converted(array, "date") == (sample, [None] * len(sample))
        assert converted(pa.array(texts(array, "date"), pa.string()), "date")[0] == sample
        beyond = pa.array([far], pa.int32()).cast(pa.date32()).cast(source_type)
        values, reasons = converted(beyond, "date")
        assert values == [None]
        assert reasons[0]

    holds()


JSON_LEAVES = st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.text(st.characters(codec="utf-8"))


@EXACT
@given(
    st.lists(
        st.none()
        | st.fixed_dictionaries({"a": st.lists(st.integers(-99, 2**62)), "b": st.text(st.characters(codec="utf-8"))})
    )
)
def test_a_nested_value_is_the_json_of_the_same_value(sample: list[Any]) -> None:
    array = pa.array(sample, pa.struct([("a", pa.list_(pa.int64())), ("b", pa.string())]))
    for part, given_ in ((array, sample), (array[1:], sample[1:])):
        values, reasons = converted(part, "json")
        assert [value if value is None else json.loads(value) for value in values] == given_
        assert not any(reasons)
        assert converted(pa.array(texts(part, "json"), pa.string()), "json")[0] == values


@EXACT
@given(st.recursive(JSON_LEAVES, lambda of: st.lists(of) | st.dictionaries(st.text(st.characters(codec="utf-8")), of)))
def test_a_json_text_is_kept_as_it_is(document: Any) -> None:
    for text in (json.dumps(document), json.dumps(document, ensure_ascii=False, indent=1)):
        assert converted(pa.array([text]), "json") == ([text], [None])
