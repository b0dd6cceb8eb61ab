"""The planes data set: one CSV file with all planes, which replaces itself when it lands again."""

import dataframely as dy

from flows.shared.data.formats import Csv
from flows.shared.data.landing import Landing


class Plane(dy.Schema):
    """A plane with the year in which it was built, and its cruising speed in miles an hour."""

    tailnum = dy.String()
    year = dy.Int64(nullable=True, min=1900, max=2100)
    type = dy.String()
    manufacturer = dy.String()
    model = dy.String()
    engines = dy.Int64(min=1)
    seats = dy.Int64(min=1)
    speed = dy.Int64(nullable=True, min=1)
    engine = dy.String()


PLANES = Landing(
    name="planes",
    rows=Plane,
    key=["tailnum"],
    prefix="landing/planes/",
    format=Csv(null=("", "NA")),
    table="PLANES",
    replace_file=True,
)
