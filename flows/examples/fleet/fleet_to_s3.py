"""Export the fleet by maker from Snowflake to S3. Safe to run again: the file of that fixed name is replaced whole."""

import dataframely as dy
from prefect import flow

from flows.shared.data.export import Export, ExportResult, export

secrets = ["SNOWFLAKE_PRIVATE_KEY"]


class Maker(dy.Schema):
    """The planes of one maker; years are those in which they were built, as far as known."""

    maker = dy.String()
    planes = dy.Int64(min=1)
    seats = dy.Int64(min=1)
    first_year = dy.Int64(nullable=True)
    last_year = dy.Int64(nullable=True)


FLEET_BY_MAKER = Export(
    name="fleet_by_maker",
    rows=Maker,
    prefix="export/fleet_by_maker/",
    query="SELECT MAKER, PLANES, SEATS, FIRST_YEAR, LAST_YEAR FROM ANALYTICS.FLEET_BY_MAKER ORDER BY MAKER",
)


@flow(name="fleet_to_s3")
def fleet_to_s3() -> ExportResult:
    """Export the fleet by maker from Snowflake to S3 as Parquet."""
    return export(FLEET_BY_MAKER)


deployments = [
    fleet_to_s3.to_deployment(name="in_chain", tags=["owner:data-platform"], concurrency_limit=1),
]

if __name__ == "__main__":  # An editor's play button, or `python -m`: docs/development.md.
    from scripts import try_flow

    try_flow.this_file()
