"""A load that fails or meets another one leaves nothing half done."""

import threading

import pytest
from orders import (
    ORDERS,
    frame,
    land,
    order,
    rows,
    run,
)

from flows.shared import snowflake, watermark
from flows.shared.data import load as loading
from flows.shared.data import warehouse


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


@pytest.mark.usefixtures("prefect_server")
def test_a_run_that_another_one_overtook_needs_nobody_and_completes(world, monkeypatch):
    from prefect import flow

    def moved(*_, **__):
        raise watermark.WatermarkMovedError("another run moved it")

    land(world, day1=frame(order(1)))
    monkeypatch.setattr(watermark, "advance", moved)

    @flow(name="orders_overtaken")
    def overtaken():
        return loading.load(ORDERS, settle_seconds=0)

    assert overtaken().rows_inserted == 0
    assert rows(world) == []
