"""What a load rejects is set aside with its reason, once, and the rest is loaded."""

import random
from decimal import Decimal

import polars as pl
import pytest
from orders import (
    CSV,
    NOON,
    ORDERS_CSV,
    ORDERS_JSON,
    PREFIX,
    frame,
    json_lines,
    land,
    objects,
    order,
    put,
    quarantined,
    rows,
    run,
    zipped,
)

from flows.shared.data import json_rows, reading, staging
from flows.shared.data.validation import TooManyRejectedError


def test_rejected_rows_are_in_quarantine_as_they_came_with_their_reasons(world):
    bad = frame(
        order(1),
        order(0),
        order(2, status="lost"),
        order(3, status="sent"),
        order(None, note="no key"),
        order(4, details="{"),
    )
    land(world, day1=bad)
    result = run(percent=90)
    assert (result.rows_inserted, result.rows_quarantined) == (1, 5)
    kept = quarantined(world)
    assert kept["_source_row"].to_list() == [1, 2, 3, 4, 5]
    assert kept["_source_file"].unique().to_list() == [f"{PREFIX}day1.parquet"]
    assert kept["amount"].to_list() == ["12.50"] * 5
    assert kept["order_id"].to_list() == ["0", "2", "3", None, "4"]
    number, status, day, key, details = kept["_reason"]
    assert number == "order_id: got 0; expected at least 1"
    assert "status: got" in status
    assert "new, paid, sent" in status
    assert day == "expected what is sent has a day"
    assert key == "order_id: got nothing; expected a value"
    assert details.startswith("details: got")


def test_above_the_threshold_nothing_is_loaded_and_quarantine_is_written_once(world):
    land(world, day1=frame(*(order(n) for n in range(98)), order(-1), order(-2)))
    message = r"3 of 100 rows rejected \(3\.00 %\); expected at most 2 %.*quarantine/rows/orders/"
    with pytest.raises(TooManyRejectedError, match=message) as failure:
        run(percent=2)
    assert failure.value.counts["rows_quarantined"] == 3
    assert rows(world) == []
    before = objects(world, "quarantine/")
    assert len(before) == 1
    with pytest.raises(TooManyRejectedError):
        run(run_id="run-2", percent=2)
    assert objects(world, "quarantine/") == before
    assert run(run_id="run-3", percent=3).rows_inserted == 97


def test_a_mended_row_is_loaded_from_quarantine(world):
    land(world, day1=frame(order(1), order(2, amount=Decimal("-1.50"), details='{"a": 1}')))
    run(percent=50)
    [key] = objects(world, "quarantine/rows/")
    world.put(key, quarantined(world).with_columns(amount=pl.lit("1.50")))
    world.wait()
    result = run(run_id="run-2", files=[key])
    assert (result.rows_read, result.rows_inserted) == (1, 1)
    assert rows(world, "AMOUNT, ORDERED_AT, SOURCE_FILE")[1] == (Decimal("1.50"), NOON.replace(tzinfo=None), key)


def test_a_row_mended_in_the_data_sets_own_spelling_is_loaded(world):
    put(world, "day1.csv", CSV.replace("12,50", "-12,50"))
    world.wait()
    run(ORDERS_CSV, percent=50)
    [key] = objects(world, "quarantine/rows/")
    kept = quarantined(world)
    assert kept["amount"].to_list() == ["-12,50"]
    world.put(key, kept.with_columns(amount=pl.lit("12,50")))
    world.wait()
    assert run(ORDERS_CSV, "run-2", files=[key]).rows_inserted == 1
    assert rows(world, "AMOUNT, IS_GIFT")[0] == (Decimal("12.50"), False)


def test_a_bad_file_is_set_aside_and_the_run_goes_on(world):
    land(world, day1=frame(order(1)), day2=b"no parquet", day3=frame(order(3)).drop("amount"), day4=frame(order(4)))
    result = run()
    assert (result.files, result.rows_inserted) == (4, 2)
    assert list(result.files_set_aside) == [f"{PREFIX}day2.parquet", f"{PREFIX}day3.parquet"]
    assert "amount" in result.files_set_aside[f"{PREFIX}day3.parquet"]
    aside = objects(world, "quarantine/files/orders/")
    assert aside["quarantine/files/orders/day2.parquet"] == b"no parquet"
    told = aside["quarantine/files/orders/day3.parquet.reason.txt"].decode()
    assert told.startswith(result.files_set_aside[f"{PREFIX}day3.parquet"])
    assert f"{PREFIX}day3.parquet" in told
    assert run(run_id="run-2").files == 0


def test_more_bad_files_than_allowed_fail_the_run(world):
    land(world, day1=frame(order(1)), day2=b"no parquet", day3=b"")
    with pytest.raises(TooManyRejectedError, match=r"2 files set aside; expected at most 1; the first: .*day2"):
        run(set_aside=1)
    assert rows(world) == []
    assert run(run_id="run-2", set_aside=2).rows_inserted == 1


def test_a_file_that_is_refused_in_its_middle_leaves_no_row(world, monkeypatch):
    """Its first rows are staged already."""
    monkeypatch.setattr(staging, "ROWS_AT_ONCE", 1)
    monkeypatch.setattr(reading, "SLICE_ROWS", 1)
    monkeypatch.setattr(json_rows, "TEXT_SLICE_BYTES", 1)
    noise = random.Random(1).randbytes(300_000).hex()  # noqa: S311 (no secret)
    cut = zipped("".join(json_lines(order(n, note=noise)) for n in range(1, 9)))[:-40]
    put(world, "day1.jsonl.gz", cut)
    put(world, "day2.jsonl", json_lines(order(6)))
    world.wait()
    staged = []
    add = staging.Stager.add
    monkeypatch.setattr(
        staging.Stager, "add", lambda self, rows, *more: staged.append(rows.height) or add(self, rows, *more)
    )
    result = run(ORDERS_JSON, percent=100)
    assert sum(staged) > 1
    assert list(result.files_set_aside) == [f"{PREFIX}day1.jsonl.gz"]
    assert (result.rows_read, result.rows_inserted, rows(world)) == (1, 1, [(6,)])


def test_what_is_set_aside_is_written_once_though_the_run_is_repeated(world):
    world.s3.put_bucket_versioning(Bucket=world.bucket, VersioningConfiguration={"Status": "Enabled"})
    land(world, day1=frame(order(1), order(0)), day2=b"no parquet")
    for number in range(2):
        with pytest.raises(TooManyRejectedError):
            run(run_id=f"run-{number}", percent=0)
    versions = world.s3.list_object_versions(Bucket=world.bucket, Prefix="quarantine/")["Versions"]
    assert len(versions) == len(objects(world, "quarantine/")) == 3


def test_what_is_no_landing_file_is_told_once(world):
    put(world, "_SUCCESS", b"")
    put(world, "notes.docx", b"x")
    land(world, day1=frame(order(1)))
    result = run()
    assert set(result.files_ignored) == {f"{PREFIX}_SUCCESS", f"{PREFIX}notes.docx"}
    assert run(run_id="run-2").files_ignored == {}


def test_files_that_are_asked_for_and_not_there_are_named(world):
    with pytest.raises(Exception, match=r"landing/orders/no\.parquet"):
        run(files=[f"{PREFIX}no.parquet"])
