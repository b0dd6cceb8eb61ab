"""Make the shop's tables from its orders. Safe to run again: flows/shared/sql/run.py says why."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from prefect import flow
from prefect.schedules import Cron

from flows.shared.moments import Moment
from flows.shared.sql.run import SqlResult, run_sql

secrets = ["SNOWFLAKE_PRIVATE_KEY"]
SQL = Path(__file__).with_name("shop_tables_sql")
DAYS = 7


@flow(name="shop_tables")
def shop_tables(start: Moment = None, end: Moment = None, dry_run: bool = False) -> SqlResult:
    """Make the shop's tables, and the revenue of an interval's days anew.

    Args:
        start: First day; seven days before the end if it is not given.
        end: Day after the last one; today in UTC if it is not given.
        dry_run: Only tell the order of the SQL files.
    """
    start, end = whole_days(start, end, datetime.now(UTC))
    return run_sql(SQL, start=start, end=end, dry_run=dry_run)


def whole_days(start: Moment, end: Moment, now: datetime) -> tuple[datetime, datetime]:
    """Return the interval's borders, which are midnights if they are not given."""
    end = end or now.replace(hour=0, minute=0, second=0, microsecond=0)
    return start or end - timedelta(days=DAYS), end


deployments = [
    shop_tables.to_deployment(
        name="daily", schedule=Cron("15 5 * * *", timezone="UTC"), tags=["owner:data-platform", "run:up:4"]
    )
]

if __name__ == "__main__":  # An editor's play button, or `python -m`: docs/development.md.
    from scripts import try_flow

    try_flow.this_file()
