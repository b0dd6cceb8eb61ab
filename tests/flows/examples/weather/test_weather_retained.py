"""Weather of more than 20 years ago goes, in the table and in landed files, and no other does."""

from datetime import UTC, datetime

import pytest

from flows.examples.weather.weather_retained import RULES, deployments, permissions, weather_retained

AS_OF = datetime(2024, 5, 10, tzinfo=UTC)
MONTHS = [f"{month // 12}-{month % 12 + 1:02}" for month in range(2003 * 12 + 11, 2012 * 12 + 3)]  # 100 months


def test_it_may_delete_below_the_prefixes_of_its_rules_only():
    allowed = [resource.partition("-results-{account}/")[2] for each in permissions for resource in each["resources"]]
    assert allowed == [f"{rule.prefix}*" for rule in RULES if hasattr(rule, "prefix")]


@pytest.mark.usefixtures("prefect_server")
def test_what_is_too_old_goes_when_the_deployment_says_so(world):
    world.query("CREATE SCHEMA OBSERVATIONS")
    world.query("CREATE TABLE OBSERVATIONS.WEATHER (ORIGIN VARCHAR, OBSERVED_AT TIMESTAMP_NTZ(6))")
    rows = ", ".join(f"('EWR', '{month}-15 00:00:00')" for month in MONTHS)
    world.query(f"INSERT INTO OBSERVATIONS.WEATHER VALUES {rows}")  # noqa: S608
    for month in MONTHS:
        world.s3.put_object(Bucket=world.bucket, Key=f"landing/weather/{month}.csv.gz", Body=b"x")
    counted = weather_retained(as_of=AS_OF)
    assert [(each.before, each.expired, each.deleted) for each in counted.rules] == [(100, 5, 0), (100, 5, 0)]
    [deployment] = deployments
    done = weather_retained(**deployment.parameters, as_of=AS_OF)
    assert [(each.deleted, each.after) for each in done.rules] == [(5, 95), (5, 95)]
    assert world.query("SELECT MIN(OBSERVED_AT) FROM OBSERVATIONS.WEATHER") == [(datetime(2004, 5, 15),)]
    assert world.s3.list_objects_v2(Bucket=world.bucket)["Contents"][0]["Key"] == "landing/weather/2004-05.csv.gz"
