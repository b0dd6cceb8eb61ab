"""The weather data set: CSV files as a spreadsheet in Europe writes them, in local times."""

import dataframely as dy

from flows.shared.data.columns import Written
from flows.shared.data.formats import Csv
from flows.shared.data.landing import Landing


class Observation(dy.Schema):
    """One hour's weather at an airport. Fahrenheit, percent, degrees, miles an hour, inches, millibars, miles."""

    origin = dy.Enum(["EWR", "JFK", "LGA"])
    observed_at = dy.Datetime(time_zone="UTC")
    temp = dy.Decimal(5, 2, nullable=True)
    dewp = dy.Decimal(5, 2, nullable=True)
    humid = dy.Decimal(5, 2, nullable=True, min=0, max=100)
    wind_dir = dy.Int64(nullable=True, min=0, max=360)
    wind_speed = dy.Float64(nullable=True, min=0)
    precip = dy.Decimal(4, 2, min=0)
    pressure = dy.Decimal(6, 1, nullable=True, min=800, max=1100)
    visib = dy.Decimal(5, 2, min=0)


WEATHER = Landing(
    name="weather",
    rows=Observation,
    key=["origin", "observed_at"],
    prefix="landing/weather/",
    format=Csv(delimiter=";", decimal_mark=",", null=("", "NA")),
    written={"observed_at": Written(name="observed_local", pattern="%d.%m.%Y %H:%M", zone="America/New_York")},
    schema="OBSERVATIONS",
    table="WEATHER",
    replace_file=True,
)
