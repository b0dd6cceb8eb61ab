"""A load takes each landed file once, keeps every value, and names what it leaves out."""

from datetime import UTC, date, datetime, timedelta
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
    landing,
    order,
    put,
    rows,
    run,
    zipped,
)

from flows.shared.data import load as loading
from flows.shared.data.listing import Listing, StoredFile

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


def test_of_two_files_of_one_second_the_later_name_is_the_newer(world):
    land(world, a=frame(order(1, note="a")), b=frame(order(1, note="b")))
    run(files=[f"{PREFIX}b.parquet"])
    run(run_id="run-2", files=[f"{PREFIX}a.parquet"])
    assert rows(world, "NOTE") == [("b",)]


def test_a_reserved_word_is_a_column_as_any_other(world):
    import dataframely as dy

    names = ["order", "group", "reason", "found", "source", "kept", "incoming"]
    schema = type("Words", (dy.Schema,), {name: dy.Int64() for name in names})
    words = landing(rows=schema, key=["order"], table="WORDS")
    land(world, day1=pl.DataFrame({name: [1] for name in names}))
    land(world, day2=pl.DataFrame({name: [1] for name in names}).with_columns(reason=2))
    assert run(words).rows_inserted == 1
    assert world.query('SELECT "ORDER", "REASON", "FOUND" FROM WORDS') == [(1, 2, 1)]


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


def test_hundreds_of_files_of_one_row_are_one_load(world):
    files = 200
    for number in range(1, files + 1):
        put(world, f"{number:04}.parquet", frame(order(number)))
    world.wait()
    result = run()
    assert (result.files, result.rows_inserted) == (files, files)
    assert world.query("SELECT COUNT(*), COUNT(DISTINCT FILE) FROM LOAD_HISTORY") == [(files, files)]


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


@pytest.mark.parametrize(
    ("newest", "silent"),
    [(timedelta(hours=23), ""), (timedelta(hours=25), "since 2024-04-30 11:00 UTC"), (None, "ever")],
)
def test_that_nothing_landed_for_longer_than_expected_is_told(newest, silent):
    data_set = landing(expected_every=timedelta(days=1))
    files = [] if newest is None else [StoredFile(f"{PREFIX}a.parquet", 1, NOON - newest, "e")]
    window = loading.window_of(Listing(files, [], NOON), NOON, 0)
    if not silent:
        loading.check_silence(data_set, window)
        return
    with pytest.raises(
        loading.LandingSilentError, match=rf"orders: got no file below {PREFIX} {silent}; expected one every 1 day"
    ):
        loading.check_silence(data_set, window)
    loading.check_silence(landing(), window)


def test_a_run_of_chosen_files_expects_nothing(world):
    land(world, day1=frame(order(1)))
    assert loading.find_files.fn(landing(), "r", 0, files=[f"{PREFIX}day1.parquet"]).listed_at is None
