"""The flights data set: where it lands, its table, its columns and what a good row is."""

import dataframely as dy
import polars as pl

from flows.shared.data.landing import Landing


class Flight(dy.Schema):
    """A scheduled flight. Times of day are numbers HHMM of local time, delays and air time minutes, distance miles."""

    time_hour = dy.Datetime(time_zone="UTC")
    carrier = dy.String(regex="^[A-Z0-9]{2}$")
    flight = dy.Int64(min=1, max=9999)
    year = dy.Int64(min=1900, max=2100)
    month = dy.Int64(min=1, max=12)
    day = dy.Int64(min=1, max=31)
    dep_time = dy.Int64(nullable=True, min=0, max=2400)
    sched_dep_time = dy.Int64(min=0, max=2400)
    dep_delay = dy.Int64(nullable=True, min=-24 * 60, max=7 * 24 * 60)
    arr_time = dy.Int64(nullable=True, min=0, max=2400)
    sched_arr_time = dy.Int64(min=0, max=2400)
    arr_delay = dy.Int64(nullable=True, min=-24 * 60, max=7 * 24 * 60)
    tailnum = dy.String(nullable=True)
    origin = dy.String(regex="^[A-Z0-9]{3}$")
    dest = dy.String(regex="^[A-Z0-9]{3}$")
    air_time = dy.Int64(nullable=True, min=1, max=24 * 60)
    distance = dy.Int64(min_exclusive=0)
    hour = dy.Int64(min=0, max=23)
    minute = dy.Int64(min=0, max=59)

    @dy.rule()
    def dep_time_and_dep_delay_are_both_known_or_neither(cls) -> pl.Expr:  # noqa: N805 (dataframely's form)
        return cls.dep_time.col.is_null() == cls.dep_delay.col.is_null()


FLIGHTS = Landing(
    name="flights",
    rows=Flight,
    key=["time_hour", "carrier", "flight"],
    prefix="landing/flights/",
    table="FLIGHTS",
)
