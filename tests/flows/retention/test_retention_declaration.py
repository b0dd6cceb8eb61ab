"""A rule that cannot work, or could delete what it should not, is refused when its file is imported."""

from datetime import UTC, datetime, timedelta

import pytest
from rules import NOW, objects_rule, rows_rule

from flows.shared.data.refused import DeclarationError
from flows.shared.retention.prefixes import dated
from flows.shared.retention.refused import RetentionRefusedError
from flows.shared.retention.run import moment_of


@pytest.mark.parametrize("declare", [rows_rule, objects_rule])
@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"name": "No name"}, "Retention No name: name: got 'No name'"),
        ({"keep": timedelta(0)}, r"keep: got datetime.timedelta\(0\); expected more than nothing"),
        ({"keep": timedelta(days=-1)}, "keep: got .*expected more than nothing"),
        ({"keep": timedelta(days=400_000)}, "keep: got .* at most 100 years"),
        ({"keep": 30}, "keep: got 30; expected .* such as timedelta"),
        ({"at_most": 0}, "at_most: got 0; expected a share between 0 and 1: never everything"),
        ({"at_most": 1}, "at_most: got 1; expected a share"),
        ({"at_most": 2, "keep": timedelta(0)}, "keep: got .*; at_most: got 2"),
    ],
)
def test_a_rule_that_cannot_work_is_refused(declare, changes, message):
    with pytest.raises(DeclarationError, match=message):
        declare(**changes)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"table": "visits; DROP"}, "table: got 'visits; DROP'; expected upper-case"),
        ({"column": ""}, "column: got ''; expected upper-case"),
        ({"schema": "a.b"}, "schema: got 'a.b'; expected upper-case"),
        *(({"table": name}, f"table: got {name}, by which runs know what is done")
          for name in ("LOAD_WATERMARKS", "LOAD_HISTORY", "RETENTION_HISTORY")),
        ({"batch": timedelta(0)}, "batch: got .*; expected a second or more"),
        ({"batch": 1000}, "batch: got 1000; expected a second or more"),
        ({"where": "BOT = %s"}, "where: got 'BOT = %s' with 0 values; expected %s for each"),
        ({"where": "BOT", "values": [True]}, "where: got 'BOT' with 1 values"),
        ({"where": "URL LIKE 'a%'"}, "where: got .* %% for a percent sign"),
        ({"values": "x"}, "values: got 'x'; expected a list"),
        ({"where": "BOT) OR (TRUE"}, r"where: got 'BOT\) OR \(TRUE', which cannot be read"),
        ({"where": "BOT; DELETE FROM X"}, "where: got .*expected one condition"),
        ({"where": "BOT AND"}, "where: got 'BOT AND', which cannot be read"),
        ({"where": "-- nothing"}, "where: got '-- nothing'"),
    ],
)  # fmt: skip
def test_a_table_that_cannot_be_meant_is_refused(changes, message):
    with pytest.raises(DeclarationError, match=message):
        rows_rule(**changes)


@pytest.mark.parametrize("where", ["BOT", "URL LIKE 'a%%' -- all of a", "ID IN (SELECT ID FROM X) OR (A = B)"])
def test_a_condition_may_be_any(where):
    assert rows_rule(where=where).where == where


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        *(({"prefix": prefix}, f"prefix: got '{prefix}'; expected landing/")
          for prefix in ("", "/", "export/", "export", "export/reports", "other/reports/", "export//", "quarantine/")),
        *(({"prefix": prefix}, f"prefix: got '{prefix}', by which runs know what is done")
          for prefix in ("results/", "results/push/", "results/x/", "quarantine/push/", "quarantine/push/customers/")),
        ({"batch": 0}, "batch: got 0; expected 1 to"),
        ({"date_in_key": "%m-%d"}, "date_in_key: got '%m-%d'; expected %Y"),
        ({"date_in_key": "%Y-%j"}, "date_in_key: got"),
        ({"date_in_key": "%Y%Y%m"}, "date_in_key: got"),
        ({"date_in_key": "day"}, "date_in_key: got 'day'"),
        ({"date_in_key": "%Y%"}, "date_in_key: got '%Y%'"),
    ],
)  # fmt: skip
def test_a_prefix_that_cannot_be_meant_is_refused(changes, message):
    with pytest.raises(DeclarationError, match=message):
        objects_rule(**changes)


@pytest.mark.parametrize(
    ("pattern", "key", "end"),
    [
        ("%Y-%m-%d", "2024-05-01.csv", datetime(2024, 5, 2)),
        ("year=%Y/month=%m/day=%d", "x/year=2024/month=02/day=29/a.csv", datetime(2024, 3, 1)),
        ("%Y%m%d%H", "a-2024123123.csv", datetime(2025, 1, 1)),
        ("%Y-%m", "2024-12.csv.gz", datetime(2025, 1, 1)),
        ("%Y-%m", "2024-11.csv.gz", datetime(2024, 12, 1)),
        ("%Y", "2024/a.csv", datetime(2025, 1, 1)),
        ("%d.%m.%Y", "01.05.2024.csv", datetime(2024, 5, 2)),
        ("%Y-%m-%d", "2024-05-01/sent-2024-06-01.csv", datetime(2024, 6, 2)),
        ("%Y-%m-%d", "2024-02-30.csv", None),
        ("%Y-%m-%d", "2024-05.csv", None),
        ("%Y%m%d", "120240501.csv", None),
        ("%Y", "9999/x", None),
        ("%Y", "x", None),
    ],
)
def test_an_object_is_as_young_as_the_last_moment_of_its_keys_date(pattern, key, end):
    at = dated(objects_rule(date_in_key=pattern), f"export/reports/{key}")
    assert at == (end and end.replace(tzinfo=UTC) - timedelta(microseconds=1))


def test_a_date_in_the_prefix_itself_is_none_of_the_object():
    rule = objects_rule(prefix="export/2099-01-01/")
    assert dated(rule, "export/2099-01-01/2024-05-01.csv").year == 2024


def test_ages_count_from_one_whole_second_of_utc():
    now = NOW.replace(microsecond=999)
    assert moment_of(None, now) == NOW
    assert moment_of(datetime.fromisoformat("2024-05-01T02:00:00+02:00"), now) == datetime(2024, 5, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("as_of", "message"),
    [
        (datetime(2024, 5, 1), "as_of: got 2024-05-01 00:00:00, without a zone"),
        (NOW + timedelta(seconds=1), "as_of: got .*, in the future"),
    ],
)
def test_a_moment_without_a_zone_or_in_the_future_is_refused(as_of, message):
    with pytest.raises(RetentionRefusedError, match=message):
        moment_of(as_of, NOW)
