"""Delete the weather of more than 20 years ago: observations, and the files in which they landed.

Safe to run again: flows/shared/retention/run.py says why.
"""

from datetime import datetime, timedelta

from prefect import flow
from prefect.schedules import Cron

from flows.shared.retention.declaration import PrefixRule, Rule, TableRule
from flows.shared.retention.run import RetentionResult, retain

secrets = ["SNOWFLAKE_PRIVATE_KEY"]
permissions = [
    {
        "actions": ["s3:DeleteObject"],
        "resources": ["arn:{partition}:s3:::{prefix}-results-{account}/landing/weather/*"],
    }
]

YEARS = timedelta(days=20 * 365.25)
RULES: list[Rule] = [
    TableRule(
        name="observations",
        schema="OBSERVATIONS",
        table="WEATHER",
        column="OBSERVED_AT",
        keep=YEARS,
        batch=timedelta(days=31),
        at_most=0.1,
    ),
    PrefixRule(name="landed_files", prefix="landing/weather/", date_in_key="%Y-%m", keep=YEARS, at_most=0.1),
]


@flow(name="weather_retained")
def weather_retained(dry_run: bool = True, as_of: datetime | None = None) -> RetentionResult:
    """Delete observations and landed files of more than 20 years ago.

    Args:
        dry_run: Only count what would be deleted.
        as_of: The moment from which ages count, with its zone; now if it is not given.
    """
    return retain(RULES, dry_run=dry_run, as_of=as_of)


# Only here does it delete: a try, and a run without this parameter, counts.
deployments = [
    weather_retained.to_deployment(
        name="weekly",
        schedule=Cron("15 7 * * 0", timezone="UTC"),
        parameters={"dry_run": False},
        tags=["owner:data-platform"],
    )
]

if __name__ == "__main__":  # An editor's play button, or `python -m`: docs/development.md.
    from scripts import try_flow

    try_flow.this_file()
