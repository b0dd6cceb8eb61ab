"""The shop's tables hold what its orders say, and each change of a customer is one event."""

from collections import Counter, defaultdict
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from patience import until

from flows.examples.shop.shop_customers_sent import events, shop_customers_sent
from flows.examples.shop.shop_tables import DAYS, SQL, shop_tables, whole_days
from flows.shared.sql.files import read_folder
from flows.shared.sql.order import ordered

NOON = datetime(2024, 5, 8, 12, tzinfo=UTC)
MIDNIGHT = datetime(2024, 5, 8, tzinfo=UTC)


def test_the_files_run_in_the_order_of_what_they_read():
    steps = [[file.table for file in step] for step in ordered(read_folder(SQL, "D", "S"))]
    names = [[table.removeprefix("D.S.SHOP_") for table in step] for step in steps]
    assert names == [["ORDERS"], ["CUSTOMERS", "DAILY_REVENUE"], ["BEST_CUSTOMERS"]]


def test_the_interval_is_seven_whole_days_unless_it_is_given():
    assert whole_days(None, None, NOON) == (MIDNIGHT - timedelta(days=DAYS), MIDNIGHT)
    assert whole_days(None, MIDNIGHT, NOON + timedelta(days=90)) == (MIDNIGHT - timedelta(days=DAYS), MIDNIGHT)
    assert whole_days(MIDNIGHT, NOON, NOON) == (MIDNIGHT, NOON)


def test_an_event_has_the_same_id_for_the_same_change():
    row = {"customer_id": 1, "orders": 2, "revenue": 3, "changed_at": "2024-05-01T12:00:00.000000Z"}
    first, again, other = (events([row | change])[0]["id"] for change in ({}, {}, {"changed_at": "2024-05-02"}))
    assert first == again != other


@pytest.mark.usefixtures("prefect_server")
def test_tables_hold_what_the_orders_say_and_customers_are_sent_once(world, prefect_server):
    assert shop_tables().rows_inserted == DAYS
    orders = world.query("SELECT CUSTOMER_ID, AMOUNT, ORDERED_AT FROM SHOP_ORDERS")
    assert len(orders) == 720
    by_day, by_customer = Counter(), defaultdict(int)
    for customer, amount, at in orders:
        by_day[at.date()] += amount
        by_customer[customer] += amount
    days = world.query("SELECT DAY, REVENUE FROM SHOP_DAILY_REVENUE")
    assert dict(days) == {day: by_day[day] for day, _ in days}
    assert dict(world.query("SELECT CUSTOMER_ID, REVENUE FROM SHOP_CUSTOMERS")) == by_customer
    [(best,)] = world.query("SELECT COUNT(*) FROM SHOP_BEST_CUSTOMERS")
    assert 0 < best < len(by_customer) == 20

    assert shop_customers_sent().rows_sent == 20
    assert shop_customers_sent().rows_read == 0
    wanted = {"filter": {"event": {"name": ["shop.customer.changed"]}}}

    def sent():
        return httpx.post(f"{prefect_server}/events/filter", json=wanted).json()["events"]

    found = until(sent, lambda events: len(events) >= 20)
    revenue = {
        int(each["resource"]["prefect.resource.id"].rpartition(".")[2]): each["payload"]["revenue"] for each in found
    }
    assert revenue == {customer: f"{amount:.2f}" for customer, amount in by_customer.items()}
