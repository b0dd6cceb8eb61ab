"""Values of a query's result as an export declares them: each is kept exactly, or the export ends and names it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from flows.shared.data.columns import MOST_DIGITS, Column, Kind
from flows.shared.errors import DataFlowsError

if TYPE_CHECKING:
    import dataframely as dy
    import pyarrow as pa

    Array = pa.ChunkedArray[Any]

MOMENTS = ("TIMESTAMP_TZ", "TIMESTAMP_LTZ")
# The connector's names of Snowflake's types that can be a column of the kind; a moment, of columns in UTC only.
SOURCES: dict[Kind, tuple[str, ...]] = {
    "whole": ("FIXED",),
    "decimal": ("FIXED",),
    "float": ("REAL", "FIXED"),
    "boolean": ("BOOLEAN",),
    "text": ("TEXT",),
    "category": ("TEXT",),
    "date": ("DATE",),
    "time": ("TIMESTAMP_NTZ", *MOMENTS),
    "json": ("VARIANT", "OBJECT", "ARRAY"),
}
SQL_NAMES = {"FIXED": "NUMBER", "REAL": "FLOAT", "TEXT": "VARCHAR"}
# A number of 64 bits has at most 20 digits.
DIGITS_OF_64_BITS = 20
TEXT_IN_JSON = r'"(?:[^"\\]|\\.)*"'
SHOWN_CHARACTERS = 100


class ExportValueError(DataFlowsError):
    """The query gives what is not declared; the message names the column, the first such value and what to do."""


def arrow_schema(columns: Sequence[Column]) -> pa.Schema:
    """Return the exported files' Arrow schema: exactly what is declared, null only where it is declared."""
    import pyarrow as pa

    return pa.schema([pa.field(column.name, _arrow_type(column), nullable=column.is_nullable) for column in columns])


def source_order(description: Sequence[Any], columns: Sequence[Column]) -> list[int]:
    """Return where in the result each declared column stands, by the description of the cursor.

    Raises ExportValueError with every column that is missing, not declared, given twice, or of another type.
    """
    from snowflake.connector.constants import FIELD_ID_TO_NAME

    names = [str(given.name).lower() for given in description]
    declared = [column.name for column in columns]
    problems = [f"{name}: got no such column; expected what is declared" for name in declared if name not in names]
    for name in dict.fromkeys(names):
        if name not in declared:
            problems.append(f"{name}: got this column; expected no column that is not declared")
        elif names.count(name) > 1:
            problems.append(f"{name}: got it {names.count(name)} times; expected it once")
    for column in columns:
        if column.name in names:
            source = FIELD_ID_TO_NAME[description[names.index(column.name)].type_code]
            expected = _sources(column)
            if source not in expected:
                problems.append(
                    f"{column.name}: got {_sql_name(source)}; expected {' or '.join(map(_sql_name, expected))} for "
                    f"{_described(column)}"
                )
    if problems:
        raise ExportValueError(
            "; ".join(problems) + ". Name and cast columns in the query, or change what is declared."
        )
    return [names.index(name) for name in declared]


def kept_rows(batch: pa.Table, columns: Sequence[Column], rows: type[dy.Schema], before: int) -> pa.Table:
    """Return the batch, which has the declared columns in their order, exactly as it is declared.

    `before`: rows that came before, so that a value is named by its row. Raises ExportValueError.
    """
    import pyarrow as pa

    arrays = [_kept(array, column, before) for array, column in zip(batch.columns, columns, strict=True)]
    table = pa.Table.from_arrays(arrays, schema=arrow_schema(columns))
    _check_rows(table, columns, rows, before)
    return table


def _kept(array: Array, column: Column, before: int) -> Array:
    import pyarrow as pa
    import pyarrow.compute as pc

    if array.null_count and not column.is_nullable:
        row = before + pc.index(array.is_null(), True).as_py() + 1
        raise ExportValueError(
            f"{column.name}: got NULL in row {row} of the result; expected a value. Leave out or fill such rows in the "
            "query, or declare nullable=True."
        )
    convert = CONVERSIONS.get(column.kind, _as_it_is)
    target = _arrow_type(column)
    try:
        return convert(array, target)
    except pa.ArrowInvalid:
        row = _first_that_fails(array, lambda values: convert(values, target))
        raise ExportValueError(
            f"{column.name}: got {_shown(array[row])} in row {before + row + 1} of the result; expected what fits "
            f"{_described(column)}. Round or cast it in the query, or declare a wider type."
        ) from None


def _first_that_fails(array: Array, convert: Callable[[Array], Array]) -> int:
    """Return the index of the first value that cannot be converted: the end of the shortest part that fails."""
    import pyarrow as pa

    good, bad = 0, len(array)
    while bad - good > 1:
        middle = (good + bad) // 2
        try:
            convert(array.slice(good, middle - good))
            good = middle
        except pa.ArrowInvalid:
            bad = middle
    return good


def _as_it_is(array: Array, target: pa.DataType) -> Array:
    return array.cast(target)


def _decimals(array: Array, target: pa.DataType) -> Array:
    import pyarrow as pa

    if pa.types.is_integer(array.type):
        # Only from decimals does Arrow go by the values, not by the type's widest.
        array = array.cast(pa.decimal128(DIGITS_OF_64_BITS, 0))
    return array.cast(target)


def _floats(array: Array, target: pa.DataType) -> Array:
    """Floats, and numbers that are the same when they are read back from the float's shortest text."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if pa.types.is_floating(array.type):
        kept = array.cast(target)
        back = kept.cast(array.type)
        # NaN is not equal to itself.
        is_same = pc.or_(pc.equal(back, array), pc.is_nan(array))
    else:
        numbers = _decimals(array, pa.decimal128(MOST_DIGITS, getattr(array.type, "scale", 0)))
        # Arrow's own cast of decimals to floats misses the nearest one by a bit, in one value of five.
        kept = numbers.cast(pa.string()).cast(target)
        is_same = pc.equal(kept.cast(pa.string()).cast(numbers.type), numbers)
    if not pc.all(is_same, min_count=0).as_py():
        raise pa.ArrowInvalid("not the same when read back")
    return kept


def _times(array: Array, target: pa.DataType) -> Array:
    """Times without a zone are UTC where a moment is declared; a moment is the same in another zone."""
    import pyarrow as pa

    if isinstance(target, pa.TimestampType) and target.tz and not array.type.tz:
        array = array.cast(pa.timestamp(array.type.unit, target.tz))
    return array.cast(target)


def _documents(array: Array, target: pa.DataType) -> Array:
    """JSON without the blanks and line ends between its parts, its numbers as they are written."""
    import pyarrow as pa
    import pyarrow.compute as pc

    compact = pc.replace_substring_regex(array, rf"({TEXT_IN_JSON})|\s+", r"\1")
    bare = pc.replace_substring_regex(compact, TEXT_IN_JSON, "")
    # What a VARIANT may hold and JSON has no word for.
    if pc.any(pc.match_substring_regex(bare, "undefined|NaN|[Ii]nf")).as_py():
        raise pa.ArrowInvalid("not JSON")
    return compact.cast(target)


CONVERSIONS: dict[Kind, Callable[[Array, pa.DataType], Array]] = {
    "decimal": _decimals,
    "float": _floats,
    "time": _times,
    "json": _documents,
}


def _check_rows(table: pa.Table, columns: Sequence[Column], rows: type[dy.Schema], before: int) -> None:
    """Check what is declared beside the types. Rules of the whole schema see one batch at a time."""
    import polars as pl

    frame = pl.DataFrame(table)
    for column in columns:
        if column.kind == "category":
            values = frame[column.name]
            known = values.cast(column.dtype, strict=False)
            if known.null_count() != values.null_count():
                row = (known.is_null() & values.is_not_null()).arg_max() or 0
                _refuse(column.name, values[row], f"one of {_categories(column)}", f" in row {before + row + 1}")
            frame = frame.with_columns(known)
    _, failure = rows.filter(frame)
    if not len(failure):
        return
    rule = next(iter(failure.counts()))
    name, _, check = rule.rpartition("|")
    first = failure.details().filter(pl.col(rule) == "invalid").head(1)
    if name in frame.columns:
        _refuse(name, first[name][0], _check_in_words(rows.columns()[name], check), "")
    _refuse(rule, first.select(frame.columns).row(0, named=True), "a row that meets this rule", "")


def _check_in_words(column: dy.Column, check: str) -> str:
    if check in ("nan", "inf"):
        return f"a number, without allow_{check}=True"
    limit = getattr(column, check, None)
    return f"what meets {check}" if limit is None or callable(limit) else f"{check}={limit}"


def _refuse(name: str, value: Any, expected: str, where: str) -> None:
    text = str(value)[:SHOWN_CHARACTERS]
    raise ExportValueError(
        f"{name}: got {text}{where}; expected {expected}, as declared. Leave out or mend such rows in the query, or "
        "change what is declared."
    )


def _categories(column: Column) -> str:
    return ", ".join(getattr(column.dtype, "categories", []))


def _arrow_type(column: Column) -> pa.DataType:
    import polars as pl
    import pyarrow as pa

    match column.dtype:
        case pl.Decimal() as decimal:
            return pa.decimal128(decimal.precision or MOST_DIGITS, decimal.scale)
        case pl.Datetime() as time:
            return pa.timestamp(time.time_unit, time.time_zone)
    if column.kind in ("text", "category", "json"):
        return pa.string()
    arrow_type: pa.DataType = pl.Series([], dtype=column.dtype).to_arrow().type
    return arrow_type


def _sources(column: Column) -> tuple[str, ...]:
    sources = SOURCES[column.kind]
    is_wall_clock = column.kind == "time" and not getattr(column.dtype, "time_zone", None)
    return tuple(source for source in sources if not (is_wall_clock and source in MOMENTS))


def _sql_name(source: str) -> str:
    return SQL_NAMES.get(source, source)


def _described(column: Column) -> str:
    return "Json" if column.kind == "json" else str(column.dtype)


def _shown(value: pa.Scalar[Any]) -> str:
    import pyarrow as pa

    # Python has no nanoseconds and no times after the year 9999.
    text = value.cast(pa.string()) if pa.types.is_temporal(value.type) else value
    return str(text)[:SHOWN_CHARACTERS]
