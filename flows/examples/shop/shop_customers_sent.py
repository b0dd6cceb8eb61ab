"""Send changed customers to Prefect as events, by which other flows can start.

Safe to run again: flows/shared/push/run.py says why, and an event's id is the same however often it is sent.
"""

from uuid import NAMESPACE_URL, uuid5

import dataframely as dy
from prefect import flow
from prefect.schedules import Cron
from prefect.settings import get_current_settings

from flows.shared.prefect_sign_in import sign_in
from flows.shared.push.declaration import Push, Row
from flows.shared.push.run import PushResult, push

secrets = ["SNOWFLAKE_PRIVATE_KEY"]


class Customer(dy.Schema):
    """What a customer ordered in the last 30 days; the revenue in EUR."""

    customer_id = dy.Int64(min=1)
    orders = dy.Int64(min=1)
    revenue = dy.Decimal(18, 2)
    changed_at = dy.Datetime(time_zone="UTC")


def events(customers: list[Row]) -> list[Row]:
    """Return the events of a call."""
    return [
        {
            "event": "shop.customer.changed",
            "id": uuid5(NAMESPACE_URL, f"shop.customer.{each['customer_id']}/{each['changed_at']}").hex,
            "occurred": each["changed_at"],
            "resource": {"prefect.resource.id": f"shop.customer.{each['customer_id']}"},
            "payload": {"orders": each["orders"], "revenue": each["revenue"]},
        }
        for each in customers
    ]


CUSTOMERS = Push(
    name="shop_customers",
    rows=Customer,
    query="SELECT CUSTOMER_ID, ORDERS, REVENUE::NUMBER(18, 2) AS REVENUE, CHANGED_AT FROM SHOP_CUSTOMERS",
    key=["customer_id"],
    changed_at="changed_at",
    body=events,
    headers=sign_in,
)


@flow(name="shop_customers_sent")
def shop_customers_sent(send_again: bool = False) -> PushResult:
    """Send the customers that changed since the last run to Prefect as events.

    Args:
        send_again: First send once more what Prefect refused in earlier runs.
    """
    return push(CUSTOMERS, f"{get_current_settings().api.url}/events", send_again=send_again)


deployments = [
    shop_customers_sent.to_deployment(
        name="daily", schedule=Cron("30 5 * * *", timezone="UTC"), tags=["owner:data-platform", "run:up:5"]
    )
]

if __name__ == "__main__":  # An editor's play button, or `python -m`: docs/development.md.
    from scripts import try_flow

    try_flow.this_file()
