"""The flights data set: where it lands, its table, its columns and what a valid row is."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandera.polars as pa
    import polars as pl

LANDING = "landing/flights/"
TABLE = "FLIGHTS"
KEY = ["TIME_HOUR", "CARRIER", "FLIGHT"]
# As landed. No primary key: Snowflake does not enforce one, the MERGE does.
COLUMNS = {
    "TIME_HOUR": "TIMESTAMP_NTZ(6)",  # UTC
    "CARRIER": "VARCHAR",
    "FLIGHT": "NUMBER(38,0)",
    **dict.fromkeys(["YEAR", "MONTH", "DAY", "DEP_TIME", "SCHED_DEP_TIME", "DEP_DELAY"], "NUMBER(38,0)"),
    **dict.fromkeys(["ARR_TIME", "SCHED_ARR_TIME", "ARR_DELAY"], "NUMBER(38,0)"),
    **dict.fromkeys(["TAILNUM", "ORIGIN", "DEST"], "VARCHAR"),
    **dict.fromkeys(["AIR_TIME", "DISTANCE", "HOUR", "MINUTE"], "NUMBER(38,0)"),
}


def dtypes() -> dict[str, pl.DataType]:
    """Column to polars type of a landing file."""
    import polars as pl

    kinds = {"VARCHAR": pl.String(), "NUMBER(38,0)": pl.Int64(), "TIMESTAMP_NTZ(6)": pl.Datetime("us", "UTC")}
    return {column.lower(): kinds[sql_type] for column, sql_type in COLUMNS.items()}


def valid_flight() -> pa.DataFrameSchema:
    """What a valid flight is. Times of day are whole numbers HHMM, delays and air time minutes, distance miles."""
    import pandera.polars as pa
    import polars as pl

    needed = {
        "year": pa.Check.in_range(1900, 2100),
        "month": pa.Check.in_range(1, 12),
        "day": pa.Check.in_range(1, 31),
        "hour": pa.Check.in_range(0, 23),
        "minute": pa.Check.in_range(0, 59),
        "sched_dep_time": pa.Check.in_range(0, 2400),
        "sched_arr_time": pa.Check.in_range(0, 2400),
        "carrier": pa.Check.str_matches("^[A-Z0-9]{2}$"),
        "flight": pa.Check.in_range(1, 9999),
        "origin": pa.Check.str_matches("^[A-Z0-9]{3}$"),
        "dest": pa.Check.str_matches("^[A-Z0-9]{3}$"),
        "distance": pa.Check.gt(0),
        "time_hour": None,
    }
    known_if_flown = {
        "dep_time": pa.Check.in_range(0, 2400),
        "arr_time": pa.Check.in_range(0, 2400),
        "dep_delay": pa.Check.in_range(-24 * 60, 7 * 24 * 60),
        "arr_delay": pa.Check.in_range(-24 * 60, 7 * 24 * 60),
        "air_time": pa.Check.in_range(1, 24 * 60),
        "tailnum": None,
    }
    types = dtypes()
    delay_fits = pa.Check(
        lambda data: data.lazyframe.select(pl.col("dep_time").is_null() == pl.col("dep_delay").is_null()),
        name="dep_time and dep_delay: expected both or neither",
    )
    return pa.DataFrameSchema(
        {column: pa.Column(types[column], check) for column, check in needed.items()}
        | {column: pa.Column(types[column], check, nullable=True) for column, check in known_if_flown.items()},
        checks=delay_fits,
    )
