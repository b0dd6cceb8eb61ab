"""Every row is either valid or rejected with a reason, also when its values are of another type."""

from datetime import UTC, datetime

import pandera.errors
import pandera.polars as pa
import polars as pl
import pytest

from flows.shared.validation import (
    REASON,
    TooManyRejectedError,
    WrongColumnsError,
    check_rejected,
    conform,
    split,
)

DTYPES = {"number": pl.Int64(), "at": pl.Datetime("us", "UTC")}
SCHEMA = pa.DataFrameSchema({"number": pa.Column(pl.Int64, pa.Check.gt(0)), "at": pa.Column(DTYPES["at"])})
NOON = datetime(2013, 1, 1, 12, tzinfo=UTC)


def test_types_that_convert_without_loss_are_taken():
    """Floats as pandas writes whole numbers with gaps, narrower integers, other time units, columns in other order."""
    frame = pl.DataFrame(
        {"at": [NOON, NOON], "number": [15.0, float("nan")], "more": [1, 2]},
        schema_overrides={"at": pl.Datetime("ns", "UTC")},
    )
    conformed = conform(frame, DTYPES, "file")
    assert conformed.to_dict(as_series=False) == {"number": [15, None], "at": [NOON, NOON], REASON: [None, None]}
    assert conformed.schema["at"] == pl.Datetime("us", "UTC")


def test_values_that_do_not_convert_reject_their_row_and_are_quoted():
    frame = pl.DataFrame({"number": ["1", "two", "3"], "at": [NOON] * 3})
    valid, rejected = split(conform(frame, DTYPES, "file"), SCHEMA)
    assert valid["number"].to_list() == [1, 3]
    assert rejected[REASON].to_list() == ["number: two is not Int64; number: got nothing; expected not_nullable"]
    broken = conform(pl.DataFrame({"number": [1.5], "at": [NOON]}), DTYPES, "file")
    assert broken[REASON].to_list() == ["number: 1.5 is not Int64"]


def test_a_row_has_all_its_reasons_and_rows_keep_their_order():
    frame = conform(pl.DataFrame({"number": [3, -1, 2, 0], "at": [NOON, None, NOON, NOON]}), DTYPES, "file")
    valid, rejected = split(frame, SCHEMA)
    assert valid["number"].to_list() == [3, 2]
    assert REASON not in valid.columns
    assert rejected["number"].to_list() == [-1, 0]
    first, second = (set(reason.split("; ")) for reason in rejected[REASON])
    assert first >= {"number: got -1", "at: got nothing"}
    assert second == {"number: got 0", "expected greater_than(0)"}


def test_without_rows_nothing_is_rejected():
    valid, rejected = split(conform(pl.DataFrame(schema=DTYPES), DTYPES, "file"), SCHEMA)
    assert (valid.height, rejected.height) == (0, 0)


def test_a_schema_that_fails_as_a_whole_is_an_error_not_a_row():
    frame = conform(pl.DataFrame({"number": [1], "at": [NOON]}), DTYPES, "file")
    with pytest.raises(pandera.errors.SchemaErrors):
        split(frame, SCHEMA.add_columns({"name": pa.Column(pl.String)}))


def test_missing_columns_are_named_with_the_file():
    with pytest.raises(WrongColumnsError, match=r"a\.parquet: got no column at; expected number, at"):
        conform(pl.DataFrame({"number": [1]}), DTYPES, "a.parquet")


def test_a_column_of_a_kind_that_never_converts_is_named_with_the_file():
    with pytest.raises(WrongColumnsError, match=r"a\.parquet: got columns that cannot be converted"):
        conform(pl.DataFrame({"number": [[1]], "at": [NOON]}), DTYPES, "a.parquet")


@pytest.mark.parametrize(("rejected", "read", "allowed"), [(0, 0, 0), (1, 100, 1.0), (100, 100, 100)])
def test_up_to_the_threshold_is_fine(rejected, read, allowed):
    check_rejected(rejected, read, allowed, "s3://b/q/")


def test_above_the_threshold_the_counts_and_the_place_are_told():
    with pytest.raises(TooManyRejectedError, match=r"Got 2 of 100 rows rejected \(2.00 %\); .*at most 1 %.*s3://b/q/"):
        check_rejected(2, 100, 1.0, "s3://b/q/")
