"""Every cell of the table in docs/conversions.md is what conversion does with good and with bad values."""

from __future__ import annotations

import json
import math
import re
import struct
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from flows.shared.data.conversion import refuse_types
from flows.shared.data.refused import FileRefusedError
from tests.flows.data.conversion_given import COLUMNS, batch_of, column_of, converted

PAGE = Path("docs/conversions.md").read_text()
KINDS = ["whole", "decimal", "float", "boolean", "text", "category", "date", "time", "json"]
UNITS = {"d": 86_400 * 10**9, "s": 10**9, "ms": 10**6, "us": 10**3, "ns": 1}
TRUE, FALSE = ("1", "yes"), ("0", "no")
BERLIN = ZoneInfo("Europe/Berlin")
REJECTED = object()


class Source(NamedTuple):
    """An array with what its values mean: numbers, text, bytes, dates, Moments or lists."""

    array: pa.Array
    values: list[Any]


class Moment(NamedTuple):
    """Nanoseconds since 1970, and the zone: None if not said."""

    nanoseconds: int
    zone: tzinfo | None = None


def plain(kind: pa.DataType, values: list[Any]) -> Source:
    return Source(pa.array([*values, None], kind), [*values, None])


def ints(kind: pa.DataType) -> Source:
    bits, signed = kind.bit_width, "u" not in str(kind)
    low, high = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if signed else (0, 2**bits - 1)
    near = [2, 100, 86_400, 2**24 + 1, 2**53 - 1, 2**53 + 1, 10**16, -1, -86_400, -100]
    return plain(kind, [0, 1, low, high, *(number for number in near if low <= number <= high)])


def floats(kind: pa.DataType) -> Source:
    letter = {16: "e", 32: "f", 64: "d"}[kind.bit_width]
    wanted = [0.0, 1.0, 2.0, 12.5, 0.25, 0.125, 0.1, -3.0, 1000.5, 2049.0, 2.0**24 + 2, 2.0**53 + 2, 86_400.0, 1e300]
    held = [struct.unpack(letter, struct.pack(letter, v))[0] for v in wanted if abs(v) < 60_000 or letter != "e"][
        : 14 if letter == "d" else 13
    ]
    return plain(kind, [*held, math.inf, -math.inf, math.nan])


def decimals(kind: pa.DataType) -> Source:
    """Of a type with three decimals, or with as many as it can have at most."""
    most = 10 ** (min(kind.precision, 38) - 1) - 1
    unscaled = [0, 1000, -1000, 100_000, 86_400_000, 100, 1250, -7125, most]
    if kind.bit_width in (32, 64):
        array = pa.array([*unscaled, None], pa.int32() if kind.bit_width == 32 else pa.int64()).view(kind)
    else:
        array = pa.array([*(Decimal(f"{number}e-{kind.scale}") for number in unscaled), None], kind)
    return Source(array, array.to_pylist())


TEXTS: dict[str, dict[str, Any]] = {
    "whole": {"12": 12, "-7": -7, "+1": 1, "1": 1, "0": 0, "12.0": 12, "9223372036854775807": 2**63 - 1},
    "decimal": {
        "12": Decimal(12), "-7": Decimal(-7), "+1": Decimal(1), "1": Decimal(1), "0": Decimal(0), "12.0": Decimal(12),
        "12.50": Decimal("12.5"),
    },
    "float": {
        "12": 12.0, "-7": -7.0, "+1": 1.0, "1": 1.0, "0": 0.0, "12.0": 12.0, "12.50": 12.5, "12.505": 12.505,
        "1e3": 1000.0, "inf": math.inf, "9223372036854775808": 2.0**63,
    },
    "boolean": {"true": True, "False": False, "1": True, "0": False, "yes": True, "no": False},
    "category": {"new": "new", "paid": "paid", "1": "1"},
    "date": {
        "2013-01-02": date(2013, 1, 2), "2013-01-02T00:00:00Z": date(2013, 1, 2), "0001-01-01": date(1, 1, 1),
        "2013-01-02T00:00:00+05:30": date(2013, 1, 2),
    },
    "time": {
        "2013-01-02T10:00:00Z": datetime(2013, 1, 2, 10, tzinfo=UTC),
        "2013-01-02 10:00": datetime(2013, 1, 2, 10, tzinfo=UTC),
        "2013-01-02T00:00:00Z": datetime(2013, 1, 2, tzinfo=UTC),
        "2013-01-02T00:00:00+05:30": datetime(2013, 1, 1, 18, 30, tzinfo=UTC),
        "2013-01-02T10:00:00.000001": datetime(2013, 1, 2, 10, 0, 0, 1, tzinfo=UTC),
    },
    "json": {text: text for text in (
        "12", "-7", "1", "0", "12.0", "12.50", "12.505", "1e3", "true", '{"a": [1]}', '"é"', "null",
        "9223372036854775807", "9223372036854775808", "123456789012345678.12", "[1]",
        "0.1000000000000000055", " 12", "12 ",
    )},
}  # fmt: skip
OTHER_TEXTS = [
    "9223372036854775808", "1e400", "123456789012345678.12", "[1]", "0.1000000000000000055", " 12", "12 ", "1_0",
    "0x1F", "TRUE ", "Yes", "New", "", "2013-02-30", "2013-01-02T24:00:00", "2013-01-02T10:00:00.0000001",
    "2013-13-01", '{"a":1,"a":2}', "[NaN]", "NaN ", "{", "null,", "\uff11",
]  # fmt: skip


def text_values() -> list[str]:
    return list(dict.fromkeys([*(text for known in TEXTS.values() for text in known), *OTHER_TEXTS]))


def texts(kind: pa.DataType) -> Source:
    """With one value that is not UTF-8, and one that is too long."""
    raw = {pa.string(): pa.binary(), pa.large_string(): pa.large_binary(), pa.string_view(): pa.binary_view()}[kind]
    values = [*text_values(), b"\xff\xfe", None]
    encoded = [value.encode() if isinstance(value, str) else value for value in values]
    return Source(pa.array(encoded, raw).view(kind), values)


def binaries(kind: pa.DataType) -> Source:
    if pa.types.is_fixed_size_binary(kind):
        return plain(kind, [b"new", b"[1]", b"\xff\xfe\xfd"])
    return plain(kind, [*(text.encode() for text in text_values()), b"\xff\xfe"])


# The first and the last nanosecond of the years 1 to 9999, and what lies around them.
FIRST, LAST = -62_135_596_800 * 10**9, 253_402_300_800 * 10**9 - 1
INSTANTS = [0, 1, 86_400 * 10**9, 45_296_789_012_345, 45_296_789_012_000, -86_400 * 10**9, FIRST, FIRST - 10**9,
            LAST + 1, 1_364_688_000 * 10**9, 1_364_682_600 * 10**9, 1_364_684_400 * 10**9]  # fmt: skip


def moments(kind: pa.DataType, zone: tzinfo | None = None) -> Source:
    unit = UNITS[kind.unit]
    numbers = [number for number in (instant // unit for instant in INSTANTS) if abs(number) < 2**63]
    values = [Moment(number * unit, zone) for number in numbers]
    return Source(pa.array([*numbers, None], pa.int64()).view(kind), [*values, None])


def days(kind: pa.DataType) -> Source:
    numbers = [0, 1, 15_706, -719_162, -719_163, 2_932_896, 2_932_897]
    values = [Moment(number * UNITS["d"]) for number in numbers]
    unit = 1 if kind == pa.date32() else 86_400_000
    stored = pa.array([*(number * unit for number in numbers), None], pa.int32() if unit == 1 else pa.int64())
    return Source(stored.view(kind), [*values, None])


def int96() -> Source:
    times = [datetime(1970, 1, 1), datetime(2013, 1, 1, 5, 15, 0, 1), datetime(2013, 1, 2)]
    sink = pa.BufferOutputStream()
    table = pa.table({"v": pa.array(times, pa.timestamp("us"))})
    pq.write_table(table, sink, use_deprecated_int96_timestamps=True)
    read = pq.ParquetFile(pa.BufferReader(sink.getvalue()), coerce_int96_timestamp_unit="us").read()
    # The last: beyond the year 9999, as another tool could write it.
    late = pa.array([LAST // 1000 + 1], pa.int64()).view(pa.timestamp("us"))
    values = [Moment((time - datetime(1970, 1, 1)) // timedelta(microseconds=1) * 1000) for time in times]
    return Source(pa.concat_arrays([read["v"].combine_chunks(), late]), [*values, Moment(LAST + 1)])


def nested(kind: pa.DataType, values: list[Any]) -> Source:
    return Source(pa.array([*values, None], kind), [*values, None])


LISTS = [[1.5, None], [2.0, 0.1], [math.inf, 1.0]]
ZONES = {"UTC": UTC, "+05:30": timezone(timedelta(hours=5, minutes=30)), "Europe/Berlin": BERLIN}
SOURCES: dict[str, Callable[[], list[Source]]] = {
    **{name: lambda name=name: [ints(getattr(pa, name)())] for name in
       ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64")},
    **{f"float{bits}": lambda bits=bits: [floats(getattr(pa, f"float{bits}")())] for bits in (16, 32, 64)},
    **{f"decimal{bits}": lambda bits=bits, digits=digits: [
        decimals(getattr(pa, f"decimal{bits}")(digits, scale)) for scale in (3, digits)]
       for bits, digits in ((32, 9), (64, 18), (128, 38), (256, 76))},
    "bool": lambda: [plain(pa.bool_(), [True, False])],
    **{name: lambda name=name: [texts(getattr(pa, name)())] for name in ("string", "large_string", "string_view")},
    **{name: lambda name=name: [binaries(getattr(pa, name)())] for name in ("binary", "large_binary", "binary_view")},
    "fixed_size_binary": lambda: [binaries(pa.binary(3))],
    "date32": lambda: [days(pa.date32())],
    "date64": lambda: [days(pa.date64())],
    **{f"timestamp[{unit}]": lambda unit=unit: [moments(pa.timestamp(unit))] for unit in ("s", "ms", "us", "ns")},
    **{f"timestamp[{unit}, zone]": lambda unit=unit: [
        moments(pa.timestamp(unit, name), zone) for name, zone in ZONES.items()] for unit in ("s", "ms", "us", "ns")},
    "INT96": lambda: [int96()],
    "time32": lambda: [plain(pa.time32("s"), [1])],
    "time64": lambda: [plain(pa.time64("us"), [1])],
    "duration": lambda: [plain(pa.duration("us"), [1])],
    "month_day_nano_interval": lambda: [plain(pa.month_day_nano_interval(), [(1, 2, 3)])],
    "struct": lambda: [nested(pa.struct({"a": pa.float64(), "b": pa.string()}), [
        {"a": 1.5, "b": "é"}, {"a": None, "b": None}, {"a": math.inf, "b": ""}])],
    "list": lambda: [nested(pa.list_(pa.float64()), [*LISTS, []])],
    "large_list": lambda: [nested(pa.large_list(pa.float64()), [*LISTS, []])],
    "fixed_size_list": lambda: [nested(pa.list_(pa.float64(), 2), LISTS)],
    "list_view": lambda: [nested(pa.list_view(pa.float64()), [*LISTS, []])],
    "map": lambda: [nested(pa.map_(pa.string(), pa.int64()), [
        [("a", 1)], [("a", 1), ("b", None)], [("a", 1), ("a", 2)]])],
    "null": lambda: [Source(pa.nulls(3), [None] * 3)],
}  # fmt: skip


def expected(value: Any, array: pa.Array, kind: str, unit: str) -> Any:
    """Return what the value is in the column, or REJECTED, by another way than the conversion's."""
    if value is None or (isinstance(value, float) and math.isnan(value) and kind != "float"):
        return None
    match value:
        case bool():
            return value if kind == "boolean" else json.dumps(value)
        case bytes():
            try:
                value = value.decode()
            except UnicodeDecodeError:
                return REJECTED
    if isinstance(value, str):
        return value if kind == "text" else TEXTS[kind].get(value, REJECTED)
    if isinstance(value, Moment):
        return of_moment(value, kind)
    if isinstance(value, int | float | Decimal):
        return of_number(value, array.type, kind, unit)
    return value if all(map(math.isfinite, flat(value))) and is_once(value) else REJECTED


def flat(value: Any) -> list[float]:
    items = value.values() if isinstance(value, dict) else value
    return [item for item in items if isinstance(item, float)]


def is_once(value: Any) -> bool:
    return not any(isinstance(item, tuple) for item in value) or len(dict(value)) == len(value)


def of_moment(moment: Moment, kind: str) -> Any:
    if moment.nanoseconds % 1000 or not FIRST <= moment.nanoseconds <= LAST:
        return REJECTED
    time = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=moment.nanoseconds // 1000)
    if kind == "time":
        return time
    try:
        local = time.astimezone(moment.zone or UTC)
    except OverflowError:
        return REJECTED
    return local.date() if local.time() == datetime.min.time() else REJECTED


def of_number(value: Any, kind: pa.DataType, column: str, unit: str) -> Any:
    is_float = isinstance(value, float)
    kind = kind.value_type if pa.types.is_dictionary(kind) else kind
    if is_float and not math.isfinite(value):
        return value if column == "float" else REJECTED
    bits = max(32, kind.bit_width)  # A float16's spelling is that of the float32.
    most = {16: 2**11, 32: 2**24, 64: 2**53}[kind.bit_width] if is_float else None
    match column:
        case "whole":
            is_kept = value == int(value) and -(2**63) <= value < 2**63 and (most is None or abs(value) <= most)
            return int(value) if is_kept else REJECTED
        case "decimal":
            said = shortest(value, bits) if is_float else Decimal(value)
            digits = len(said.normalize().as_tuple().digits)
            is_sure = (
                not is_float
                or digits <= {16: 3, 32: 6, 64: 15}[kind.bit_width]
                or (value == int(value) and abs(value) <= most)
            )
            return said if is_sure and Fraction(said) * 100 % 1 == 0 and abs(said) < 10**16 else REJECTED
        case "float":
            near = float(value)
            return near if Fraction(value) in (Fraction(near), Fraction(repr(near))) else REJECTED
        case "boolean":
            return {1: True, 0: False}.get(value, REJECTED)
        case "text":
            return str(value)
        case "category":
            return "1" if value == 1 else REJECTED
        case "json":
            said = shortest(value, bits) if is_float else Decimal(value)
            return said if -said.as_tuple().exponent <= 37 and Fraction(said).numerator < 10**38 else REJECTED
    if unit == "d" and value != int(value):
        return REJECTED
    nanoseconds = Fraction(shortest(value, bits) if is_float and bits == 64 else value) * UNITS[unit]
    return of_moment(Moment(int(nanoseconds)), column) if nanoseconds.denominator == 1 else REJECTED


def shortest(value: float, bits: int) -> Decimal:
    letter = {16: "e", 32: "f", 64: "d"}[bits]
    for digits in range(1, 18):
        text = f"{value:.{digits}g}"
        if struct.unpack(letter, struct.pack(letter, float(text)))[0] == value:
            return Decimal(text)
    raise AssertionError(value)


def read_table() -> dict[tuple[str, str], tuple[str, str]]:
    """Return for each source and kind the cell's word and its note."""
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")] for line in PAGE.splitlines() if line.startswith("| `")
    ]
    assert f"| from | {' | '.join(KINDS)} |" in PAGE
    cells = {}
    for names, *words in rows:
        for name in re.findall("`([^`]+)`", names):
            for kind, word in zip(KINDS, words, strict=True):
                assert (name, kind) not in cells
                found = re.fullmatch(r"(exact|converted|checked|refused|as its values)(?: \(([0-9]+)\))?", word)
                assert found, word
                cells[name, kind] = (found[1], found[2] or "")
    return cells


TABLE = read_table()
CELLS = [cell for cell in TABLE if cell[0] != "dictionary"]


def outcome(source: Source, kind: str) -> str:
    """Return the cell that the source's values show, and assert that each is what was expected of it."""
    column = column_of(kind, **({"true": TRUE, "false": FALSE} if kind == "boolean" else {}))
    is_number = isinstance(source.values[0], int | float | Decimal) and not isinstance(source.values[0], bool)
    units = ["s", "d", "ns"] if kind in ("date", "time") and is_number else [""]
    kept = rejected = 0
    is_changed = False
    for unit in units:
        written = column.written.__dict__ | ({"unit": unit} if unit else {})
        try:
            refuse_types(batch_of(source.array).schema, [column_of(kind, **written)])
        except FileRefusedError:
            with pytest.raises(FileRefusedError, match=r"^v: got "):
                converted(source.array, kind, **written)
            return "refused"
        values, reasons = converted(source.array, kind, **written)
        for value, given, reason in zip(values, source.values, reasons, strict=True):
            wanted = expected(given, source.array, kind, unit)
            if wanted is REJECTED:
                assert value is None, f"{given!r} is kept as {value!r}"
                assert reason, f"{given!r} is lost"
                rejected += 1
                continue
            assert reason is None, f"{given!r}: {reason}"
            wanted_is_nan = isinstance(given, float) and math.isnan(given)
            if wanted_is_nan and kind == "float":
                assert math.isnan(value)
            elif kind == "json" and not isinstance(wanted, str) and wanted is not None:
                document = json.loads(value, object_pairs_hook=list, parse_int=Decimal, parse_float=Decimal)
                assert document == as_pairs(wanted)
            else:
                assert value == wanted
                assert type(value) is type(wanted)
            kept += value is not None
            is_changed |= bool(value != given) and not wanted_is_nan
    if rejected:
        return "checked" if kept else "rejected"
    return "converted" if is_changed else "exact"


def as_pairs(value: Any) -> Any:
    if isinstance(value, dict):
        return [(name, as_pairs(item)) for name, item in value.items()]
    if isinstance(value, list):
        return [(item[0], as_pairs(item[1])) if isinstance(item, tuple) else as_pairs(item) for item in value]
    return Decimal(repr(value)) if isinstance(value, float) else value


@pytest.mark.parametrize(("name", "kind"), CELLS, ids=[f"{name}-{kind}" for name, kind in CELLS])
def test_a_cell_is_what_conversion_does(name: str, kind: str) -> None:
    word, _ = TABLE[name, kind]
    seen = {outcome(source, kind) for source in SOURCES[name]()}
    if word == "checked":  # Sources of which some are exact, such as decimals of few digits, may be among them.
        assert "checked" in seen or len(seen) > 1
        assert seen & {"checked", "rejected"}
        assert "refused" not in seen
    elif word == "converted":
        assert "converted" in seen
        assert seen <= {"converted", "exact"}
    else:
        assert seen == {word}


@pytest.mark.parametrize("name", SOURCES)
def test_a_dictionary_is_read_as_its_values(name: str) -> None:
    assert {TABLE["dictionary", kind] for kind in KINDS} == {("as its values", "")}
    for source in SOURCES[name]():
        indices = [at if value.is_valid else None for at, value in enumerate(source.array)]
        array = pa.DictionaryArray.from_arrays(pa.array(indices, pa.int32()), source.array, safe=False)
        for kind in KINDS:
            assert outcome(Source(array, source.values), kind) == outcome(source, kind)


def test_the_table_has_a_row_for_every_source_type() -> None:
    assert {name for name, _ in TABLE} == {*SOURCES, "dictionary"}


def test_each_note_is_there_once_and_a_cell_refers_to_it() -> None:
    notes = re.findall(r"^([0-9]+)\. ", PAGE, re.MULTILINE)
    assert notes == [str(number) for number in range(1, len(notes) + 1)]
    assert {note for _, note in TABLE.values() if note} == set(notes)
    assert all(after == before + 1 for before, after in pairwise(map(int, notes)))
    assert all(note for word, note in TABLE.values() if word == "converted")


@pytest.mark.parametrize("name", [name for name, kind in CELLS if kind == "date" and TABLE[name, kind][1] == "3"])
@pytest.mark.parametrize("kind", ["date", "time"])
def test_numbers_are_no_times_without_a_declared_unit(name: str, kind: str) -> None:
    for source in SOURCES[name]():
        with pytest.raises(FileRefusedError, match=r"Written\(unit=…\)"):
            refuse_types(batch_of(source.array).schema, [column_of(kind)])


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_a_time_of_a_zone_is_no_time_without_one(unit: str) -> None:
    for source in SOURCES[f"timestamp[{unit}, zone]"]():
        with pytest.raises(FileRefusedError, match="expected times without a zone"):
            converted(source.array, "time without zone")


def test_the_kinds_are_the_columns_of_the_table() -> None:
    assert {*KINDS, "time without zone"} == set(COLUMNS)
