"""A load takes each landed file once, keeps every value, and names what it leaves out."""

import random
import threading
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import polars as pl
import pytest
from orders import (
    NOON,
    ORDERS,
    ORDERS_CSV,
    ORDERS_JSON,
    PREFIX,
    frame,
    json_lines,
    land,
    landing,
    objects,
    order,
    put,
    quarantined,
    rows,
    run,
    zipped,
)

from flows.shared import snowflake, watermark
from flows.shared.data import json_rows, reading, staging, warehouse
from flows.shared.data import load as loading
from flows.shared.data.listing import Listing, StoredFile
from flows.shared.data.validation import TooManyRejectedError

ALL = "ORDER_ID, STATUS, AMOUNT, ORDERED_AT, SHIPS_ON, IS_GIFT, WEIGHT, NOTE, DETAILS"
FULL = order(
    2, status="sent", amount=Decimal("9999999999999999.99"), ordered_at=datetime(2024, 5, 1, 12, 0, 0, 7, tzinfo=UTC),
    ships_on=date(2024, 5, 2), is_gift=True, weight=0.1, note="a 'b' \"c\" \\ é\n", details='{"a": [1, 2.50]}',
)  # fmt: skip


def test_the_table_holds_what_the_file_held(world):
    land(world, day1=frame(order(1), FULL))
    result = run()
    assert (result.files, result.rows_read, result.rows_inserted, result.rows_quarantined) == (1, 2, 2, 0)
    first, second = rows(world, ALL)
    assert first == (1, "new", Decimal("12.50"), NOON.replace(tzinfo=None), None, False, 0.5, None, None)
    assert second[:-1] == (
        2, "sent", Decimal("9999999999999999.99"), datetime(2024, 5, 1, 12, 0, 0, 7), date(2024, 5, 2), True, 0.1,
        "a 'b' \"c\" \\ é\n",
    )  # fmt: skip
    assert world.query("SELECT DETAILS:a[1]::NUMBER(10,2) FROM ORDERS WHERE ORDER_ID = 2") == [(Decimal("2.50"),)]
    assert rows(world, "SOURCE_FILE, SOURCE_MODIFIED IS NULL, LOADED_AT IS NULL")[0] == (
        f"{PREFIX}day1.parquet", False, False,
    )  # fmt: skip


CSV = """order_id;status;amount;ordered_at;ships_on;is_gift;weight;note;details
1;new;12,50;2024-05-01T12:00:00Z;;no;0,5;;
2;sent;1234,00;2024-05-01 14:00:00+02:00;2024-05-02;yes;1;"a;""b""
c";"{""a"": 1}"
"""


def test_csv_of_another_dialect_arrives_as_exactly(world):
    put(world, "day1.csv", CSV)
    put(world, "day2.CSV.GZ", zipped(CSV.replace("1;new", "3;new").replace("2;sent", "4;sent")))
    world.wait()
    assert run(ORDERS_CSV).rows_inserted == 4
    first, second, *_ = rows(world, "AMOUNT, ORDERED_AT, SHIPS_ON, IS_GIFT, WEIGHT, NOTE, TO_JSON(DETAILS)")
    noon = NOON.replace(tzinfo=None)
    assert first == (Decimal("12.50"), noon, None, False, 0.5, None, None)
    assert second == (Decimal(1234), noon, date(2024, 5, 2), True, 1.0, 'a;"b"\nc', '{"a":1}')


def test_json_lines_arrive_as_exactly(world):
    text = json_lines(order(1, amount=0), order(2, details={"a": 1}, ordered_at="2024-05-01T12:00:00Z"))
    put(
        world,
        "day1.jsonl",
        text.replace('"amount": 0', '"amount": 9007199254740993.25').replace("12:00:00+00:00", "12:00:00Z"),
    )
    world.wait()
    assert run(ORDERS_JSON).rows_inserted == 2
    assert rows(world, "AMOUNT, ORDERED_AT, TO_JSON(DETAILS)") == [
        (Decimal("9007199254740993.25"), NOON.replace(tzinfo=None), None),
        (Decimal("12.50"), NOON.replace(tzinfo=None), '{"a":1}'),
    ]


def test_a_second_run_loads_nothing(world):
    land(world, day1=frame(order(1)))
    first = run()
    assert run(run_id="run-2") == loading.LoadResult(watermark=first.watermark)


def test_a_file_put_again_unchanged_writes_nothing(world):
    land(world, day1=frame(order(1), FULL))
    run()
    land(world, day1=frame(order(1), FULL))
    result = run(run_id="run-2")
    assert (result.rows_read, result.rows_inserted, result.rows_updated, result.rows_unchanged) == (2, 0, 0, 2)


def test_a_corrected_file_updates_only_what_it_changes(world):
    land(world, day1=frame(order(1), order(2), order(3, note="x")))
    run()
    land(world, day1=frame(order(1), order(2, note="known"), order(3)))
    assert run(run_id="run-2").rows_updated == 2
    assert rows(world, "NOTE") == [(None,), ("known",), (None,)]


def test_of_rows_with_one_key_the_latest_counts(world):
    """The latest file, in it the last row."""
    land(world, z_old=frame(order(1, note="1"), order(1, note="2")))
    land(world, a_new=frame(order(1, note="3"), order(1, note="4")))
    result = run()
    assert (result.rows_read, result.rows_inserted, result.rows_unchanged) == (4, 1, 3)
    assert rows(world, "NOTE, SOURCE_FILE") == [("4", f"{PREFIX}a_new.parquet")]


def test_a_row_of_an_older_file_never_replaces_one_of_a_newer_file(world):
    land(world, old=frame(order(1, note="old")))
    run()
    land(world, new=frame(order(1, note="new")))
    run(run_id="run-2")
    again = run(run_id="run-3", files=[f"{PREFIX}old.parquet"])
    assert (again.rows_updated, rows(world, "NOTE")) == (0, [("new",)])


def test_a_reserved_word_is_a_column_as_any_other(world):
    import dataframely as dy

    names = ["order", "group", "reason", "found", "source", "kept", "incoming"]
    schema = type("Words", (dy.Schema,), {name: dy.Int64() for name in names})
    words = landing(rows=schema, key=["order"], table="WORDS")
    land(world, day1=pl.DataFrame({name: [1] for name in names}))
    land(world, day2=pl.DataFrame({name: [1] for name in names}).with_columns(reason=2))
    assert run(words).rows_inserted == 1
    assert world.query('SELECT "ORDER", "REASON", "FOUND" FROM WORDS') == [(1, 2, 1)]


# --- What is rejected -------------------------------------------------------------------------------------------------


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


# --- Files put again --------------------------------------------------------------------------------------------------


def test_a_file_put_again_replaces_its_rows_by_choice(world):
    replaced = landing(replace_file=True)
    land(world, day1=frame(order(1), order(2)), day2=frame(order(3)))
    run(replaced)
    land(world, day1=frame(order(2, note="new"), order(4)))
    result = run(replaced, "run-2")
    assert (result.rows_vanished, result.rows_inserted, result.rows_updated) == (1, 1, 1)
    assert rows(world, "ORDER_ID, NOTE") == [(2, "new"), (3, None), (4, None)]


def test_without_that_choice_its_earlier_rows_stay(world):
    land(world, day1=frame(order(1), order(2)))
    run()
    land(world, day1=frame(order(2)))
    assert run(run_id="run-2").rows_vanished == 0
    assert rows(world) == [(1,), (2,)]


# --- The table --------------------------------------------------------------------------------------------------------


def test_a_column_that_the_table_lacks_is_added_before_the_transaction(world):
    land(world, day1=frame(order(1)))
    run()
    world.query("ALTER TABLE ORDERS DROP COLUMN NOTE")
    land(world, day2=frame(order(2, note="x")))
    assert run(run_id="run-2").columns_added == ["note"]
    assert rows(world, "NOTE") == [(None,), ("x",)]


def test_a_column_that_is_no_longer_declared_stays_and_is_null(world):
    land(world, day1=frame(order(1)))
    run()
    world.query("ALTER TABLE ORDERS ADD COLUMN OLD VARCHAR")
    land(world, day2=frame(order(2)))
    assert run(run_id="run-2").rows_inserted == 1
    assert rows(world, "OLD") == [(None,), (None,)]


def test_a_changed_type_is_refused_with_the_statement_that_changes_it(world):
    land(world, day1=frame(order(1)))
    world.query("CREATE TABLE ORDERS (ORDER_ID NUMBER(38,0), AMOUNT NUMBER(10,2), NOTE BOOLEAN)")
    statement = (
        r'AMOUNT is NUMBER\(10,2\).*`ALTER TABLE LOADED.ORDERS ALTER COLUMN "AMOUNT" SET DATA TYPE NUMBER\(18,2\)`'
    )
    with pytest.raises(Exception, match=statement + ".*NOTE is BOOLEAN"):
        run()
    assert world.query("SELECT COUNT(*) FROM INFORMATION_SCHEMA.COLUMNS WHERE TABLE_NAME = 'ORDERS'") == [(3,)]


def test_a_data_set_has_a_schema_of_its_own_by_choice(world):
    land(world, day1=frame(order(1)))
    run(landing(schema="SALES"))
    assert rows(world, table="SALES.ORDERS") == [(1,)]


# --- Intervals --------------------------------------------------------------------------------------------------------


def test_a_past_interval_is_loaded_again_and_the_watermark_stays(world):
    land(world, day1=frame(order(1)), day2=frame(order(2)))
    before = run()
    world.query("DELETE FROM ORDERS")
    again = run(run_id="run-2", since=datetime(2020, 1, 1))
    assert (again.rows_inserted, again.watermark) == (2, before.watermark)
    assert run(run_id="run-3", until=datetime(2020, 1, 1)).files == 0
    assert run(run_id="run-4").rows_read == 0


def test_a_file_of_the_second_of_the_listing_waits_for_the_next_run():
    """Half-open: a file of `last` is in, a file of `upper` is not and is the first of the next window."""
    noon = datetime(2013, 1, 1, 12, tzinfo=UTC)
    files = [StoredFile(str(second), 1, noon + timedelta(seconds=second), "e") for second in range(20)]
    window = loading.window_of(Listing(files, [], noon + timedelta(seconds=15)), noon + timedelta(seconds=3), 5)
    assert [file.key for file in window.files] == ["3", "4", "5", "6", "7", "8", "9"]
    after = loading.window_of(Listing(files, [], noon + timedelta(seconds=25)), window.upper, 5)
    assert [file.key for file in after.files] == [str(second) for second in range(10, 20)]


def test_a_clock_behind_the_watermark_gives_an_empty_window():
    noon = datetime(2013, 1, 1, 12, tzinfo=UTC)
    window = loading.window_of(Listing([StoredFile("a", 1, noon, "e")], [], noon), noon, 5)
    assert (window.upper, window.files) == (noon, [])


# --- Faults -----------------------------------------------------------------------------------------------------------


def fail_after(monkeypatch, module, name, error):
    """Let one step do its work and then fail."""
    step = getattr(module, name)

    def failing(*args, **kwargs):
        step(*args, **kwargs)
        raise error

    monkeypatch.setattr(module, name, failing)


@pytest.mark.parametrize(
    ("module", "step"),
    [
        (snowflake, "put_parquet"),
        (snowflake, "copy_parquet"),
        (warehouse, "merge"),
        (watermark, "advance"),
        (loading.history, "write"),
    ],
    ids=lambda each: getattr(each, "__name__", each).rpartition(".")[2],
)
def test_a_run_that_fails_before_its_commit_leaves_nothing(world, monkeypatch, module, step):
    land(world, day1=frame(order(1)), day2=frame(order(2)))
    with monkeypatch.context() as patch:
        fail_after(patch, module, step, ConnectionResetError(step))
        with pytest.raises(ConnectionResetError):
            run()
    assert rows(world) == []
    assert world.query("SELECT COUNT(*) FROM LOAD_HISTORY") == [(0,)]
    assert run(run_id="run-2").rows_inserted == 2


def test_tables_are_made_before_the_transaction_begins(world, monkeypatch):
    """In Snowflake DDL commits what is open, PUT is in no transaction; the embedded one would not show either."""
    words, execute = [], snowflake.execute
    monkeypatch.setattr(
        snowflake, "execute", lambda c, sql, values=(): words.append(sql.split()[0]) or execute(c, sql, values)
    )
    land(world, day1=frame(order(1)))
    run()
    assert words[words.index("BEGIN") :] == ["BEGIN", "MERGE", "INSERT", "COMMIT"]


def test_an_attempt_whose_commit_was_not_confirmed_is_recognised_by_the_next(world, monkeypatch):
    """The COMMIT arrives, its answer does not: the retry of the task gives the counts and loads nothing."""
    land(world, day1=frame(order(1)))
    window = loading.find_files.fn(ORDERS, "run-1", 0)
    execute = snowflake.execute
    with monkeypatch.context() as patch:

        def lose_the_answer(connection, sql, values=()):
            answer = execute(connection, sql, values)
            if sql == "COMMIT":
                raise ConnectionResetError
            return answer

        patch.setattr(snowflake, "execute", lose_the_answer)
        with pytest.raises(ConnectionResetError):
            loading.load_files.fn(ORDERS, window, "run-1", 1.0, 10)
    retried = loading.load_files.fn(ORDERS, window, "run-1", 1.0, 10)
    assert (retried.rows_inserted, retried.watermark) == (1, window.upper)
    assert run(run_id="run-2").rows_read == 0


def test_of_two_runs_from_the_same_watermark_one_loses_and_writes_nothing(world):
    """Both have read the watermark and the listing before either commits."""
    land(world, day1=frame(order(1), order(2)))
    windows = [loading.find_files.fn(ORDERS, run_id, 0) for run_id in ("a", "b")]
    outcomes = {}

    def load(run_id, window):
        try:
            outcomes[run_id] = loading.load_files.fn(ORDERS, window, run_id, 1.0, 10)
        except Exception as error:
            outcomes[run_id] = error

    threads = [threading.Thread(target=load, args=pair) for pair in zip("ab", windows, strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    won = [each for each in outcomes.values() if isinstance(each, loading.LoadResult)]
    lost = [each for each in outcomes.values() if isinstance(each, watermark.WatermarkMovedError)]
    assert (len(won), len(lost)) == (1, 1), outcomes
    assert "nothing was written by this one" in str(lost[0])
    assert won[0].rows_inserted == 2
    assert rows(world) == [(1,), (2,)]
