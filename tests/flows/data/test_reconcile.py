"""What came late is found and named, and loaded on request; what is older than the history is not judged."""

import pytest
from orders import ORDERS, PREFIX, frame, land, order, put, rows, run

from flows.shared.data import reconcile as reconciling


def test_all_that_landed_is_known(world):
    land(world, day1=frame(order(1)), day2=b"no parquet")
    run()
    put(world, "day3.parquet", frame(order(3)))  # For the next load.
    result = reconciling.find_late.fn(ORDERS, "r")
    assert (result.files_landed, result.files_late, result.files_before_history) == (3, [], 0)


def test_a_file_that_the_watermark_passed_is_late(world):
    land(world, day1=frame(order(1)), late=frame(order(2)))
    run()
    world.query(f"DELETE FROM LOAD_HISTORY WHERE FILE = '{PREFIX}late.parquet'")  # noqa: S608
    assert reconciling.find_late.fn(ORDERS, "r").files_late == [f"{PREFIX}late.parquet"]


def test_a_table_that_was_loaded_before_there_was_a_history_is_not_all_late(world):
    land(world, day1=frame(order(1)))
    run()
    world.query("DELETE FROM LOAD_HISTORY")
    land(world, day2=frame(order(2)))
    run(run_id="run-2")
    result = reconciling.find_late.fn(ORDERS, "r")
    assert (result.files_late, result.files_before_history) == ([], 1)


@pytest.mark.usefixtures("prefect_server")
def test_late_files_end_the_flow_unless_it_loads_them(world):
    from prefect import flow

    land(world, day1=frame(order(1)), late=frame(order(2)))
    run()
    world.query(f"DELETE FROM LOAD_HISTORY WHERE FILE = '{PREFIX}late.parquet'")  # noqa: S608
    world.query("DELETE FROM ORDERS WHERE ORDER_ID = 2")

    @flow(name="orders_reconciled")
    def reconciled(load_late: bool = False):
        return reconciling.reconcile(ORDERS, load_late=load_late)

    with pytest.raises(reconciling.LateFilesError, match=rf"1 files .*{PREFIX}late.parquet.* load_late=true"):
        reconciled()
    assert rows(world) == [(1,)]
    assert reconciled(load_late=True).loaded.rows_inserted == 1
    assert rows(world) == [(1,), (2,)]
    assert reconciled().files_late == []
