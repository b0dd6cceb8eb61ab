"""A watermark begins at the start of time, moves once for each interval, and remembers what was loaded."""

from datetime import UTC, datetime

import pytest

from flows.shared import snowflake, watermark
from flows.shared.settings import SnowflakeSettings

FIRST, SECOND = datetime(2020, 1, 1, tzinfo=UTC), datetime(2020, 1, 2, 0, 0, 0, 5, tzinfo=UTC)


@pytest.fixture
def connection(world):
    with snowflake.connect(SnowflakeSettings.load(), "test", "test") as connection:
        watermark.ensure(connection, "orders")
        yield connection


def test_it_begins_at_the_start_and_is_made_once(connection):
    assert watermark.read(connection, "orders") == watermark.Watermark()
    watermark.advance(connection, "orders", watermark.START, FIRST, "run-1", {})
    watermark.ensure(connection, "orders")
    assert watermark.read(connection, "orders").value == FIRST


def test_it_holds_the_run_and_its_counts_and_no_other_source_moves(connection):
    watermark.ensure(connection, "prices")
    watermark.advance(connection, "orders", watermark.START, SECOND, "run-1", {"rows": 3})
    assert watermark.read(connection, "orders") == watermark.Watermark(SECOND, "run-1", {"rows": 3})
    assert watermark.read(connection, "prices") == watermark.Watermark()


def test_one_that_another_run_has_moved_is_not_moved_again(connection):
    watermark.advance(connection, "orders", watermark.START, FIRST, "run-1", {})
    with pytest.raises(watermark.WatermarkMovedError, match="expected 1970-01-01T00:00:00\\+00:00, where this run"):
        watermark.advance(connection, "orders", watermark.START, SECOND, "run-2", {})
    assert watermark.read(connection, "orders").run_id == "run-1"


def test_a_rolled_back_transaction_moves_nothing(connection):
    with pytest.raises(ConnectionResetError), snowflake.transaction(connection):  # noqa: PT012 - what it interrupts.
        watermark.advance(connection, "orders", watermark.START, FIRST, "run-1", {})
        raise ConnectionResetError
    assert watermark.read(connection, "orders") == watermark.Watermark()
